--- provider.instance: the role of the EC2 instance, from its metadata service.

local keys = require "watchbot.aws.keys"

local instance = { name = "EC2 metadata" }

local PATH = "/latest/meta-data/iam/security-credentials/"

--- Asks for the role's name, then for its credentials. To be called in a task. A metadata service
--- that answers something else may be that of another cloud: then this is no instance of EC2, and
--- that is no failure.
---@param context watchbot.aws.Context
---@return watchbot.aws.Keys?
---@return string? why
---@return string? code
function instance.load(context)
  local metadata = context.config.metadata
  local listing, err, code = metadata:get(PATH)
  if code == "NotFound" then return nil, "this instance has no role" end
  if not listing then return nil, err end
  local name = listing:match "^%s*([%w+=,.@_-]+)"
  if not name then return nil, "this instance has no role" end
  local json
  json, err = metadata:get(PATH .. name)
  if not json then return nil, err end
  return keys.from_json(json, instance.name)
end

return instance
