--- provider.role: keys for a role, from STS. Calls STS through `context.sts`, which the AWS client
-- passes.
-- https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and
-- API_AssumeRoleWithWebIdentity.html

local limits = require "watchbot.lib.limits"
local scheduler = require "watchbot.scheduler"

local endpoint = require "watchbot.aws.endpoint"
local keys = require "watchbot.aws.keys"
local place = require "watchbot.aws.place"
local read_file = require "watchbot.aws.read_file"

local role = {}

-- STS in the nearby region; without a region, that of the role's partition, since no other has the
-- role.
local function region_for(context, role_arn)
  local own = endpoint.partition_of_arn(role_arn) or endpoint.partition "us-east-1"
  local near = place.region_of(context.near)
  if near and endpoint.partition(near) ~= own then near = nil end
  return context.config:region(nil, near) or own.first
end

local function session_name(context, settings)
  return settings.role_session_name or context.config:getenv "AWS_ROLE_SESSION_NAME"
    or ("watchbot-%d"):format(scheduler.time())
end

-- A token must not go to AWS for a role that cannot be there.
local function objection(arn, region)
  local own, there = endpoint.partition_of_arn(arn), endpoint.partition(region)
  if not own or own == there then return nil end
  return ("the role '%s' is in the partition %s, but the region %s is in %s: choose a region such "
    .. "as %s"):format(arn, own.name, region, there.name, own.first)
end

local function call(context, operation, parameters, with, source)
  if not context.sts then error("to assume a role, credentials.chain needs options.sts", 0) end
  local region = region_for(context, parameters.RoleArn)
  local problem = objection(parameters.RoleArn, region)
  if problem then return nil, ("%s: %s"):format(source, problem), "BadCredentials" end
  local result, err, code = context.sts(operation, parameters, with, region)
  if not result then
    return nil, ("%s: could not assume the role '%s': %s"):format(source, parameters.RoleArn,
      err), code or "BadCredentials"
  end
  if type(result.Credentials) ~= "table" then
    return nil, ("%s: the answer to %s holds no credentials"):format(source, operation),
      "BadCredentials"
  end
  return keys.from_reply(result.Credentials, source)
end

local SHORTEST, LONGEST = limits.sts.shortest_session, limits.sts.longest_session

local function duration_of(settings, source)
  local given = settings.duration_seconds
  if not given then return nil end
  local seconds = math.tointeger(tonumber(given))
  if seconds and seconds >= SHORTEST and seconds <= LONGEST then return seconds end
  return nil, ("%s: duration_seconds: expected seconds from %d to %d, got '%s'"):format(source,
    SHORTEST, LONGEST, given),
    "BadProfile"
end

--- Assumes the role of a profile with the keys of the step before.
---@param context watchbot.aws.Context
---@param step watchbot.aws.Step
---@param with watchbot.aws.Keys
---@return watchbot.aws.Keys?
---@return string? err
---@return string? code
function role.assume(context, step, with)
  local settings, source = step.settings, ("profile '%s'"):format(step.name)
  if settings.mfa_serial then
    return nil, source
      .. ": mfa_serial asks a person for a code, and none is here; use a role that does not need "
      .. "it",
      "BadProfile"
  end
  local duration, err, code = duration_of(settings, source)
  if err then return nil, err, code end
  return call(context, "AssumeRole",
    { RoleArn = settings.role_arn, RoleSessionName = session_name(context, settings),
    ExternalId = settings.external_id, DurationSeconds = duration }, with, source)
end

local function read_token(path)
  local read, why = read_file(path)
  local token = read and read:match "^%s*(%S+)%s*$"
  if token then return token end
  return nil, ("could not read the token in %s: %s"):format(path,
    why or "it is empty, or more than one word")
end

--- Assumes a role with the token in a file, which is read each time because it is replaced
--- regularly. The call is not signed.
---@param context watchbot.aws.Context
---@param settings { role_arn: string, web_identity_token_file: string, role_session_name: string? }
---@param source string
---@return watchbot.aws.Keys?
---@return string? err
---@return string? code
function role.assume_with_token(context, settings, source)
  local token, err = read_token(settings.web_identity_token_file)
  if not token then return nil, source .. ": " .. err, "BadCredentials" end
  return call(context, "AssumeRoleWithWebIdentity",
    { RoleArn = settings.role_arn, WebIdentityToken = token,
    RoleSessionName = session_name(context, settings) }, nil, source)
end

return role
