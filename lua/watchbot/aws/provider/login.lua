--- provider.login: the credentials that `aws login` has cached, while they are valid. To renew them
-- needs a key that only AWS's own tools use: credential_process can ask those.
-- https://docs.aws.amazon.com/sdkref/latest/guide/feature-login-credentials.html

local core = require "watchbot.core".aws
local date = require "watchbot.lib.date"
local keys = require "watchbot.aws.keys"
local profiles = require "watchbot.aws.profiles"
local scheduler = require "watchbot.scheduler"
local sign_in = require "watchbot.aws.provider.sign_in"

local login = {}

local function fail(step, why)
  return nil, ("profile '%s': %s; run: aws login --profile '%s'; or add to the profile: "
    .. "credential_process = aws configure export-credentials --profile '%s' --format process")
    :format(step.name, why, step.name, step.name), "BadCredentials"
end

local function path_of(context, session)
  local function getenv(name) return context.config:getenv(name) end
  local folder = getenv "AWS_LOGIN_CACHE_DIRECTORY"
  if not folder then
    local shared = profiles.folder(getenv)
    folder = shared and shared .. "/login/cache"
  end
  return folder and ("%s/%s.json"):format(folder, core.sha256(session:match "^%s*(.-)%s*$"))
end

--- The keys of a profile with `login_session`.
---@param context watchbot.aws.Context
---@param step watchbot.aws.Step
---@return watchbot.aws.Keys?
---@return string? err
---@return string? code "BadCredentials"
function login.load(context, step)
  local path = path_of(context, step.settings.login_session)
  if not path then return fail(step, "HOME is not set") end
  local content, why = sign_in.read(path)
  if not content then
    return fail(step, ("there is no sign-in by 'aws login' in %s (%s)"):format(path, why))
  end
  local token = type(content.accessToken) == "table" and content.accessToken or {}
  local expires = type(token.expiresAt) == "string" and date.iso(token.expiresAt)
  if not expires then return fail(step, path .. " has no credentials of 'aws login'") end
  if expires <= scheduler.time() / 1000 then
    return fail(step, "the credentials of 'aws login' have expired")
  end
  return keys.new({
    access_key = token.accessKeyId, secret_key = token.secretAccessKey,
    token = token.sessionToken, expires = expires, account = token.accountId,
  }, ("profile '%s' (aws login)"):format(step.name))
end

return login
