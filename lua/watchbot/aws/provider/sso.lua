--- provider.sso: the keys of a role for a person who has signed in to IAM Identity Center with `aws
-- sso login`. The token is in the cache of AWS's tools. That of an sso-session is refreshed before
-- it expires, and written back; that of the older form is not.
-- https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html

local core = require "watchbot.core".aws
local date = require "watchbot.lib.date"
local endpoint = require "watchbot.aws.endpoint"
local json = require "watchbot.lib.json"
local keys = require "watchbot.aws.keys"
local percent = require "watchbot.lib.percent"
local place = require "watchbot.aws.place"
local profiles = require "watchbot.aws.profiles"
local scheduler = require "watchbot.scheduler"
local sign_in = require "watchbot.aws.provider.sign_in"

-- Seconds before its expiry at which the tools refresh a token.
local WINDOW = 15 * 60

-- Attempts, the seconds before the second one, and the seconds of each.
local TRIES, PAUSE, TIMEOUT = 3, 0.2, 10

local LIMIT = 64 * 1024

local sso = {}

local function source_of(step) return ("profile '%s'"):format(step.name) end

local function fail(step, format, ...)
  return nil, ("%s: " .. format):format(source_of(step), ...), "BadCredentials"
end

local function signed_out(step, why)
  return fail(step, "%s; run: aws sso login --profile '%s'", why, step.name)
end

local function now() return scheduler.time() / 1000 end

-- requests

local HOSTS = { sso = "portal.sso", sso_oidc = "oidc" }

-- A token must not go out in clear text.
local function url_of(context, step, service)
  local config = context.config
  local url, err, code = config:configured_endpoint(service)
  if not url and code then return nil, err, code end
  if not url then
    url, err, code = endpoint.url(HOSTS[service], step.settings.sso_region)
    if not url then return nil, ("%s: sso_region: %s"):format(source_of(step), err), code end
  end
  local split = place.split(url)
  if split.clear and not place.is_loopback(split.name) then
    return fail(step, "the endpoint %s is not https", url)
  end
  return url
end

local function ask(context, step, service, request)
  local url, err, code = url_of(context, step, service)
  if not url then return nil, err, code end
  request.url, request.timeout, request.limit = url .. request.url, TIMEOUT, LIMIT
  request.ca_file = context.config:setting "ca_bundle" or nil
  local response
  for try = 1, TRIES do
    response, err, code = context.config:requester()(request)
    if response and response.status < 500 and response.status ~= 429 or try == TRIES then break end
    scheduler.sleep(PAUSE * 2 ^ (try - 1))
  end
  if response then return response end
  return nil, ("%s: %s"):format(source_of(step), err), code
end

-- An answer is never quoted: it may repeat the token.
local function decoded(response)
  local content = response.status == 200 and json.decode(response.body, true)
  return type(content) == "table" and content or nil
end

-- the token

local function path_of(context, step)
  local folder = profiles.folder(function(name) return context.config:getenv(name) end)
  if not folder then return nil, "HOME is not set" end
  local name, err = core.sha1(step.settings.sso_session or step.settings.sso_start_url)
  return name and ("%s/sso/cache/%s.json"):format(folder, name), err
end

local function time_of(text)
  return type(text) == "string" and date.iso(text) or nil
end

local function can_refresh(token)
  for _, name in ipairs { "refreshToken", "clientId", "clientSecret" } do
    if type(token[name]) ~= "string" then return false end
  end
  return (time_of(token.registrationExpiresAt) or 0) > now()
end

-- => the token as the tools would cache it now | nil err code
local function refreshed(context, step, token)
  local response, err, code = ask(context, step, "sso_oidc", {
    method = "POST", url = "/token", headers = { ["Content-Type"] = "application/json" },
    body = json.encode {
      clientId = token.clientId, clientSecret = token.clientSecret,
      grantType = "refresh_token", refreshToken = token.refreshToken,
    },
  })
  if not response then return nil, err, code end
  local answer = decoded(response)
  local seconds = answer and math.tointeger(answer.expiresIn)
  if not seconds or type(answer.accessToken) ~= "string" then
    return nil, ("%s: the token was not refreshed (HTTP %d)"):format(source_of(step),
      response.status), "Http" .. response.status
  end
  local whole = {}
  for name, value in pairs(token) do whole[name] = value end
  whole.accessToken, whole.refreshToken = answer.accessToken, answer.refreshToken
    or token.refreshToken
  whole.expiresAt = date.utc(math.floor(now()) + seconds)
  return whole
end

-- Where the refresh fails, a token that is still valid is used.
local function renew(context, step, token, path)
  if not step.settings.sso_session or time_of(token.expiresAt) - now() >= WINDOW
    or not can_refresh(token) then
    return token
  end
  local fresh, err, code = refreshed(context, step, token)
  if not fresh then
    local passes = code and not code:find "^Http4"
    if time_of(token.expiresAt) > now() or not passes then return token end
    return nil, err, code
  end
  -- A file that cannot be written costs another refresh, and nothing else, unless the old token
  -- is used up by it: then AWS's tools ask for a sign-in.
  sign_in.write(path, fresh)
  return fresh
end

local function load_token(context, step)
  local path, why = path_of(context, step)
  if not path then return fail(step, "%s", why) end
  local token
  token, why = sign_in.read(path)
  if not token then
    return signed_out(step, ("there is no sign-in in %s (%s)"):format(path, why))
  end
  if type(token.accessToken) ~= "string" or not time_of(token.expiresAt) then
    return signed_out(step, path .. " has no token")
  end
  local err, code
  token, err, code = renew(context, step, token, path)
  if not token then return nil, err, code end
  if time_of(token.expiresAt) <= now() then return signed_out(step, "the sign-in has expired") end
  return token
end

-- the keys

local function keys_of(step, response)
  local answer = decoded(response)
  local found = answer and answer.roleCredentials
  local expires = type(found) == "table" and tonumber(found.expiration)
  if not expires then
    return nil, ("%s: the answer holds no credentials (HTTP %d)"):format(source_of(step),
      response.status), response.status == 200 and "BadAnswer" or "Http" .. response.status
  end
  return keys.new({
    access_key = found.accessKeyId, secret_key = found.secretAccessKey,
    token = found.sessionToken, expires = expires / 1000, account = step.settings.sso_account_id,
  }, source_of(step) .. " (sso)")
end

local NEEDED = { "sso_account_id", "sso_role_name", "sso_region", "sso_start_url" }

local function check(step)
  for _, name in ipairs(NEEDED) do
    if not step.settings[name] then
      return fail(step, "%s is missing; aws configure sso --profile '%s' sets it", name, step.name)
    end
  end
  return true
end

--- The keys of a profile of IAM Identity Center.
---@param context watchbot.aws.Context
---@param step watchbot.aws.Step
---@return watchbot.aws.Keys?
---@return string? err which says what to run, if a person has to sign in
---@return string? code
function sso.load(context, step)
  local ok, err, code = check(step)
  if not ok then return nil, err, code end
  local token
  token, err, code = load_token(context, step)
  if not token then return nil, err, code end
  local settings = step.settings
  local response
  response, err, code = ask(context, step, "sso", {
    url = ("/federation/credentials?role_name=%s&account_id=%s"):format(
      percent.encode(settings.sso_role_name), percent.encode(settings.sso_account_id)),
    headers = { ["x-amz-sso_bearer_token"] = token.accessToken },
  })
  if not response then return nil, err, code end
  if response.status == 401 then return signed_out(step, "AWS does not accept the sign-in") end
  if response.status == 403 then
    return fail(step, "the person has no role '%s' in the account %s", settings.sso_role_name,
      settings.sso_account_id)
  end
  return keys_of(step, response)
end

return sso
