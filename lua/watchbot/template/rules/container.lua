--- template.rules.container: rules about several options of a container: its names, variables,
-- mounts, sizes and health check. Each rule returns the problem, the name to look at in the file,
-- and the key of template.pages.

local cf = require "watchbot.template.cf"
local formats = require "watchbot.template.formats"
local limits = require "watchbot.lib.limits"
local mounts = require "watchbot.template.mounts"
local names = require "watchbot.template.names"

local reservations = { "reservation", "watcherReservation" }

local function health(given)
  local check = given.healthCheck
  if not check then return nil end
  if not check.command then return "option 'healthCheck': 'command' is missing", "healthCheck" end
  local interval, timeout = check.interval or 30, check.timeout or 5
  if type(interval) == "number" and type(timeout) == "number" and timeout > interval then
    return ("option 'healthCheck': 'timeout' is %d s, longer than 'interval', %d s"):format(timeout,
      interval), "timeout", "healthCheck"
  end
end

-- The soft limit is the guaranteed minimum, so it must be below the hard limit.
local function memory(given)
  for _, name in ipairs(reservations) do
    local of = given[name] or {}
    if math.type(of.softMemory) and math.type(of.memory) and of.softMemory > of.memory then
      return ("option '%s': 'softMemory' is %d MiB, more than 'memory', %d MiB"):format(name,
        of.softMemory, of.memory), "softMemory", name
    end
  end
end

local function ulimits(given)
  for name, limit in pairs(given.ulimits or {}) do
    local soft, hard = 0, 0
    if type(limit) == "table" then soft, hard = limit.soft, limit.hard end
    if math.type(soft) and math.type(hard) and soft > hard then
      return ("option 'ulimits': '%s': 'soft' is %d, more than 'hard', %d"):format(name, soft,
        hard), name, "ulimits"
    end
  end
end

local function variables(given)
  for name in pairs(given.secrets or {}) do
    if (given.env or {})[name] ~= nil then
      return ("'%s' is in 'env' and in 'secrets'"):format(name), name, "secrets"
    end
  end
end

local function secrets(given)
  for name, secret in pairs(given.secrets or {}) do
    if cf.is(secret) then
      return ("option 'secrets': cannot tell whether '%s' is a secret or a parameter; use { secret "
        .. "= ARN } or { parameter = NAME }: the role's policy needs the ARN"):format(name),
        name, "secrets"
    elseif type(secret) == "table" and (secret.secret == nil) == (secret.parameter == nil) then
      return ("option 'secrets': '%s' needs either 'secret' or 'parameter'"):format(name), name,
        "secrets"
    end
  end
end

local function mounted(given)
  local problem, page = mounts.problem(given.mounts)
  if problem then return "option 'mounts': " .. problem, "mounts", page end
end

-- A member may be an intrinsic: its length is not known.
local function fits(format, value) return cf.is(value) or (format.check(value)) end

local function repository(given)
  if given.image or fits(formats.repository, given.service) then return nil end
  local _, err = formats.repository.check(given.service)
  return "option 'service': " .. err, "service"
end

local function container_name(given)
  local name = names.container { prefix = given.prefix or "Watchbot", service = given.service }
  if fits(formats.container, name) then return nil end
  return ("option 'service': the container's name, PREFIX-worker-SERVICE, has %d characters; ECS "
    .. "takes 255"):format(#name), "service", "command"
end

-- The family of the watchers has a suffix.
local WATCHER = "-watcher"

local function family(given)
  local longest = 255 - #WATCHER
  if given.mode ~= "task" or type(given.family) ~= "string" or #given.family <= longest then
    return nil
  end
  return ("option 'family': the watchers' family is FAMILY%s, so it may have at most %d "
    .. "characters, not %d"):format(WATCHER, longest, #given.family), "family"
end

-- Bytes of the texts of an option; those of intrinsics are not known.
local function size_of(value)
  if type(value) ~= "table" then return #tostring(value) end
  local size = 0
  if cf.is(value) then return size end
  for name, member in pairs(value) do
    size = size + (type(name) == "string" and #name or 0) + size_of(member)
  end
  return size
end

local function definition(given)
  local size = size_of(given.env or {}) + size_of(given.command or "")
  if size <= limits.ecs.definition then return nil end
  return ("options 'env' and 'command' have %d bytes, and a whole task definition at most %d: put "
    .. "what is big into the image, or where the task can fetch it"):format(size,
      limits.ecs.definition), size_of(given.env or {}) * 2 > size and "env" or "command", "size64"
end

local all = {
  repository, container_name, family, memory, ulimits, variables, secrets, mounted, health,
  definition,
}

--- The problem, if there is one.
---@param given table<string, any>
---@return string? err
---@return string? name
---@return string? page
return function(given)
  for _, rule in ipairs(all) do
    local err, name, page = rule(given)
    if err then return err, name, page end
  end
end
