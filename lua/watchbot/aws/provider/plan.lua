--- plan: the steps that lead from a profile to its credentials. A pure function over the parsed
-- files.
-- The first step has its own keys or their source; each further step assumes a role with the keys
-- of the step before. A profile in the middle of a chain uses its keys if it has any; the first one
-- prefers its role.
-- https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html

local plan = {}

---@class watchbot.aws.Step
---@field kind "keys"|"process"|"web identity"|"sso"|"login"|"source"|"role"
---@field name string of the profile
---@field settings watchbot.aws.Section of the profile

local function fail(format, ...)
  return nil, format:format(...), "BadProfile"
end

local function step(kind, name, settings)
  return { kind = kind, name = name, settings = settings }
end

-- A profile that names a session has its address there; one in the older form has everything
-- itself.
local function sso(files, name, settings)
  local session = settings.sso_session
  if session then
    local found = files.sso_sessions[session]
    if not found then return fail("profile '%s': unknown sso-session '%s'", name, session) end
    if settings.sso_region or settings.sso_start_url then
      return fail("profile '%s': sso_region and sso_start_url belong into the sso-session '%s'",
        name, session)
    end
    local whole = setmetatable({}, {
      __index = function(_, key) return settings[key] or found[key] end,
    })
    return step("sso", name, whole)
  end
  for one, other in pairs { sso_account_id = "sso_role_name", sso_role_name = "sso_account_id" } do
    if settings[one] and not settings[other] then
      return fail("profile '%s': %s without %s", name, one, other)
    end
  end
  return step("sso", name, settings)
end

-- Settings that are no credentials, although their names look like it.
local PLAIN = {
  role_session_name = true, sso_registration_scopes = true, auth_scheme_preference = true,
  external_id = true, mfa_serial = true, source_profile = true, credential_source = true,
  duration_seconds = true, sso_region = true,
}

local WORDS = {
  "credential", "session", "token", "role", "login", "identity", "auth", "sso", "saml", "secret",
}

-- A setting by which a newer tool than this program may sign in.
local function unknown_kind(settings)
  local found
  for setting in pairs(settings) do
    for _, word in ipairs(WORDS) do
      local plain = PLAIN[setting] or setting:find "^cli_" or setting:find "^x_"
      if not plain and setting:find(word, 1, true) and (not found or setting < found) then
        found = setting
      end
    end
  end
  return found
end

local function static(name, settings)
  if settings.aws_access_key_id and settings.aws_secret_access_key then
    return step("keys", name, settings)
  end
  if settings.aws_access_key_id then
    return fail("profile '%s': aws_access_key_id without aws_secret_access_key", name)
  end
  if settings.aws_secret_access_key then
    return fail("profile '%s': aws_secret_access_key without aws_access_key_id", name)
  end
end

--- The first step, which needs no other; nil if the profile has no credentials.
local function base(files, name, settings)
  if settings.role_arn and settings.credential_source then return step("source", name, settings) end
  if settings.web_identity_token_file then
    if settings.role_arn then return step("web identity", name, settings) end
    return fail("profile '%s': web_identity_token_file without role_arn", name)
  end
  -- A program that is configured next to a session may be able to refresh it.
  local session = settings.sso_session or settings.sso_start_url or settings.sso_account_id
    or settings.sso_role_name
  if settings.credential_process and (session or settings.login_session) then
    return step("process", name, settings)
  end
  if session then return sso(files, name, settings) end
  if settings.login_session then return step("login", name, settings) end
  local found, err, code = static(name, settings)
  if found or err then return found, err, code end
  if settings.credential_process then return step("process", name, settings) end
  local unknown = unknown_kind(settings)
  if not unknown then return nil end
  return fail("profile '%s': it has '%s', a kind of credentials that is not known here; add "
    .. "credential_process = aws configure export-credentials --profile '%s' --format process",
    name, unknown, name)
end

-- The source of the role's credentials: the name of a profile, which may be the same one.
local function source_of(name, settings)
  local profile, source = settings.source_profile, settings.credential_source
  if profile and source then
    return fail("profile '%s': both source_profile and credential_source", name)
  end
  if not profile and not source then
    return fail("profile '%s': role_arn without source_profile or credential_source", name)
  end
  return profile or name
end

-- The first step; the roles of the chain are added to `roles`, the last one to assume last.
local function walk(files, name, user, roles, seen)
  local settings = files.profiles[name]
  if not settings and user then
    return fail("the profile '%s' does not exist, but '%s' uses it", name, user)
  end
  if not settings then return nil end
  if seen[name] then
    return fail("the profile '%s' is its own source_profile, through '%s'", name, user)
  end
  seen[name] = true
  if user and settings.aws_access_key_id and settings.aws_secret_access_key then
    return step("keys", name, settings)
  end
  if not settings.role_arn or settings.web_identity_token_file then
    return base(files, name, settings)
  end
  local source, err, code = source_of(name, settings)
  if not source then return nil, err, code end
  table.insert(roles, 1, step("role", name, settings))
  if source == name then return base(files, name, settings) end
  return walk(files, source, name, roles, seen)
end

--- The steps for a profile, in order.
---@param files watchbot.aws.Files
---@param name string
---@return watchbot.aws.Step[]?
---@return string? why
---@return string? code "BadProfile"; nil if the files have no credentials for this name
function plan.of(files, name)
  local roles = {}
  local first, err, code = walk(files, name, nil, roles, {})
  if first then return { first, table.unpack(roles) } end
  if err then return nil, err, code end
  if roles[1] then
    return fail("the profile '%s' has no credentials, but '%s' uses it",
      roles[1].settings.source_profile, roles[1].name)
  end
  return nil, (files.profiles[name] and "the profile '%s' has no credentials"
    or "there is no profile '%s'"):format(name)
end

return plan
