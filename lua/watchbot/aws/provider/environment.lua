--- provider.environment: the credentials in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
--- AWS_SESSION_TOKEN.

local date = require "watchbot.lib.date"
local keys = require "watchbot.aws.keys"
local scheduler = require "watchbot.scheduler"

local environment = { name = "environment" }

-- Half a pair is an error, not a reason to use the credentials of another identity.
local function pair(config)
  local access_key, secret_key = config:getenv "AWS_ACCESS_KEY_ID",
    config:getenv "AWS_SECRET_ACCESS_KEY"
  if access_key and secret_key then return access_key, secret_key end
  if access_key then
    return nil, "AWS_SECRET_ACCESS_KEY is not set, though AWS_ACCESS_KEY_ID is", "BadCredentials"
  end
  if secret_key then
    return nil, "AWS_ACCESS_KEY_ID is not set, though AWS_SECRET_ACCESS_KEY is", "BadCredentials"
  end
  return nil, "AWS_ACCESS_KEY_ID is not set"
end

--- The credentials in the variables.
---@param config watchbot.aws.Config
---@return watchbot.aws.Keys?
---@return string? why
---@return string? code
function environment.read(config)
  local access_key, secret_key, code = pair(config)
  if not access_key then return nil, secret_key, code end
  local text = config:getenv "AWS_CREDENTIAL_EXPIRATION"
  local expires = text and date.iso(text)
  if text and not expires then
    return nil, ("environment: AWS_CREDENTIAL_EXPIRATION: expected an ISO 8601 date, "
      .. "got '%s'"):format(text), "BadCredentials"
  elseif expires and expires <= scheduler.time() / 1000 then
    return nil, ("environment: the credentials expired at %s (AWS_CREDENTIAL_EXPIRATION), and "
      .. "nothing renews them"):format(text), "BadCredentials"
  end
  return keys.new({ access_key = access_key, secret_key = secret_key,
    token = config:getenv "AWS_SESSION_TOKEN",
    expires = expires }, environment.name)
end

---@param context watchbot.aws.Context
---@return watchbot.aws.Keys?
---@return string? why
---@return string? code
function environment.load(context)
  if context.config.options.profile then
    return nil, "passed over for the profile that was given"
  end
  return environment.read(context.config)
end

return environment
