--- provider.profile: performs the steps that plan.lua finds for the chosen profile of the shared
-- files.
-- The files are read again each time, so that keys renewed by another program are seen.

local keys = require "watchbot.aws.keys"
local profiles = require "watchbot.aws.profiles"

local container = require "watchbot.aws.provider.container"
local environment = require "watchbot.aws.provider.environment"
local instance = require "watchbot.aws.provider.instance"
local login = require "watchbot.aws.provider.login"
local plan = require "watchbot.aws.provider.plan"
local process = require "watchbot.aws.provider.process"
local role = require "watchbot.aws.provider.role"
local sso = require "watchbot.aws.provider.sso"

local profile = { name = "profile" }

local SOURCES = {
  Environment = function(context) return environment.read(context.config) end,
  EcsContainer = container.load,
  Ec2InstanceMetadata = instance.load,
}

-- How to perform each kind of first step.
local FIRST = {}

function FIRST.keys(_, step)
  local settings = step.settings
  return keys.new({ access_key = settings.aws_access_key_id,
    secret_key = settings.aws_secret_access_key,
    token = settings.aws_session_token, account = settings.aws_account_id },
      ("profile '%s'"):format(step.name))
end

function FIRST.process(_, step)
  return process.load(step)
end

FIRST["web identity"] = function(context, step)
  return role.assume_with_token(context, step.settings, ("profile '%s'"):format(step.name))
end

FIRST.sso, FIRST.login = sso.load, login.load

function FIRST.source(context, step)
  local name = step.settings.credential_source
  local load = SOURCES[name]
  if not load then
    return nil, ("profile '%s': unknown credential_source '%s'; write Environment, EcsContainer "
      .. "or Ec2InstanceMetadata")
      :format(step.name, name), "BadProfile"
  end
  local found, why, code = load(context)
  if found then return found end
  return nil, ("profile '%s': credential_source %s: %s"):format(step.name, name, why), code
    or "BadCredentials"
end

-- Performs each step with the keys of the step before.
local function take(context, steps)
  local found, err, code = FIRST[steps[1].kind](context, steps[1])
  for index = 2, #steps do
    if not found then break end
    found, err, code = role.assume(context, steps[index], found)
  end
  return found, err, code
end

--- Finds and performs the steps. Must be called in a task.
---@param context watchbot.aws.Context
---@return watchbot.aws.Keys?
---@return string? why
---@return string? code
function profile.load(context)
  local config = context.config
  local files, err, code = profiles.read(function(name) return config:getenv(name) end)
  if not files then return nil, err, code end
  local steps, why
  steps, why, code = plan.of(files, config.profile)
  if not steps then
    return nil, code and why
      or ("%s in %s and %s"):format(why, files.looked[1], files.looked[2]), code
  end
  return take(context, steps)
end

return profile
