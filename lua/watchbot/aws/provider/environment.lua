--- provider.environment: the credentials in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.

local keys = require "watchbot.aws.keys"

local environment = { name = "environment" }

-- Half a pair is a mistake, not a reason to use somebody else's credentials.
local function pair(config)
  local access_key, secret_key = config:getenv "AWS_ACCESS_KEY_ID", config:getenv "AWS_SECRET_ACCESS_KEY"
  if access_key and secret_key then return access_key, secret_key end
  if access_key then return nil, "AWS_SECRET_ACCESS_KEY is not set, though AWS_ACCESS_KEY_ID is", "BadCredentials" end
  if secret_key then return nil, "AWS_ACCESS_KEY_ID is not set, though AWS_SECRET_ACCESS_KEY is", "BadCredentials" end
  return nil, "AWS_ACCESS_KEY_ID is not set"
end

---@param context watchbot.aws.Context
---@return watchbot.aws.Keys?
---@return string? why
---@return string? code
function environment.load(context)
  local config = context.config
  if config.options.profile then return nil, "passed over for the profile that was given" end
  local access_key, secret_key, code = pair(config)
  if not access_key then return nil, secret_key, code end
  local expires = config:getenv "AWS_CREDENTIAL_EXPIRATION"
  return keys.new({ access_key = access_key, secret_key = secret_key, token = config:getenv "AWS_SESSION_TOKEN",
    expires = expires and keys.epoch(expires) }, environment.name)
end

return environment
