--- provider.instance: the role of the EC2 instance, from its metadata service.

local keys = require "watchbot.aws.keys"

local instance = { name = "EC2 metadata" }

local PATH = "/latest/meta-data/iam/security-credentials/"

-- A machine without a metadata service is no failure, one that answers something odd is.
local function judge(message, code)
  if code == "BadReply" then return nil, "EC2 metadata: " .. message, code end
  return nil, message
end

--- Asks for the role's name, then for its credentials. To be called in a task.
---@param context watchbot.aws.Context
---@return watchbot.aws.Keys?
---@return string? why
---@return string? code
function instance.load(context)
  local metadata = context.config.metadata
  local listing, message, code = metadata:get(PATH)
  if code == "NotFound" then return nil, "this instance has no role" end
  if not listing then return judge(message, code) end
  local name = listing:match "^%s*([%w+=,.@_-]+)"
  if not name then return nil, "this instance has no role" end
  local json
  json, message, code = metadata:get(PATH .. name)
  if not json then return judge(message, code) end
  return keys.from_json(json, instance.name)
end

return instance
