--- provider.role: keys for a role, from STS. Sits on the caller that the AWS client passes in as `context.sts`.
-- https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and API_AssumeRoleWithWebIdentity.html

local scheduler = require "watchbot.scheduler"

local keys = require "watchbot.aws.keys"
local read_file = require "watchbot.aws.read_file"

local role = {}

-- Where no region is set at all; the client needs one for its own calls and will say so.
local FALLBACK_REGION = "us-east-1"

local function session_name(context, settings)
  return settings.role_session_name or context.config:getenv "AWS_ROLE_SESSION_NAME" or ("watchbot-%d"):format(scheduler.time())
end

local function call(context, operation, parameters, with, source)
  if not context.sts then error("to assume a role, credentials.chain needs options.sts", 0) end
  local region = context.config:region() or FALLBACK_REGION
  local result, message, code = context.sts(operation, parameters, with, region)
  if not result then
    return nil, ("%s: could not assume the role '%s': %s"):format(source, parameters.RoleArn, message), code or "BadCredentials"
  end
  if type(result.Credentials) ~= "table" then
    return nil, ("%s: the answer to %s holds no credentials"):format(source, operation), "BadCredentials"
  end
  return keys.from_reply(result.Credentials, source)
end

--- Assumes the role of a profile with the keys of the step before.
---@param context watchbot.aws.Context
---@param step watchbot.aws.Step
---@param with watchbot.aws.Keys
---@return watchbot.aws.Keys?
---@return string? message
---@return string? code
function role.assume(context, step, with)
  local settings, source = step.settings, ("profile '%s'"):format(step.name)
  if settings.mfa_serial then
    return nil, source .. ": mfa_serial asks a person for a code, and none is here; use a role that does not need it",
      "BadProfile"
  end
  return call(context, "AssumeRole", { RoleArn = settings.role_arn, RoleSessionName = session_name(context, settings),
    ExternalId = settings.external_id, DurationSeconds = math.tointeger(tonumber(settings.duration_seconds)) }, with, source)
end

local function read_token(path)
  local text, why = read_file(path)
  local token = text and text:match "^%s*(%S+)%s*$"
  if token then return token end
  return nil, ("could not read the token in %s: %s"):format(path, why or "it is empty, or more than one word")
end

--- Assumes a role with the token in a file, which is read each time because its writer replaces it. The call is not signed.
---@param context watchbot.aws.Context
---@param settings { role_arn: string, web_identity_token_file: string, role_session_name: string? }
---@param source string
---@return watchbot.aws.Keys?
---@return string? message
---@return string? code
function role.assume_with_token(context, settings, source)
  local token, message = read_token(settings.web_identity_token_file)
  if not token then return nil, source .. ": " .. message, "BadCredentials" end
  return call(context, "AssumeRoleWithWebIdentity", { RoleArn = settings.role_arn, WebIdentityToken = token,
    RoleSessionName = session_name(context, settings) }, nil, source)
end

return role
