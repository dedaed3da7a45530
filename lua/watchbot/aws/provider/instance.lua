--- provider.instance: the role of the EC2 instance, from its metadata service.

local keys = require "watchbot.aws.keys"

local instance = { name = "EC2 metadata" }

local PATH = "/latest/meta-data/iam/security-credentials/"

--- Requests the role's name, then its credentials. Must be called in a task. A metadata service
--- with another response may belong to another cloud: then this is not an EC2 instance, which is
--- not an error.
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
