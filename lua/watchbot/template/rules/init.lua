--- template.rules: rules about several options. Each rule looks at the user's options and returns
-- the problem, the name to look at in the file, and the key of template.pages if it is not that
-- name.

local alarms = require "watchbot.template.rules.alarms"
local cf = require "watchbot.template.cf"
local container = require "watchbot.template.rules.container"
local existing = require "watchbot.template.rules.existing"
local lambda = require "watchbot.template.rules.lambda"
local place = require "watchbot.template.rules.place"

local rules = {}

local function missing(given, known)
  for _, option in ipairs(known.declared) do
    if option.required and not given[option.name] then
      return ("missing option '%s': %s"):format(option.name, option.help), option.name
    end
  end
  local image = given.image or given.lambda and given.lambda.image
  if not given.serviceVersion and not image then
    return "missing option 'serviceVersion': the tag of the service's image (or give 'image')",
      "serviceVersion"
  end
end

local function notified(given)
  if given.notificationTopic and given.notificationEmail then
    return "options 'notificationTopic' and 'notificationEmail' exclude each other: subscribe the "
      .. "address to your topic", "notificationEmail"
  elseif not given.notificationTopic and not given.notificationEmail then
    return "missing option 'notificationEmail' (or 'notificationTopic'): where do "
      .. "notifications of failures go?", "notificationEmail"
  end
end

--- Options that do not apply in this mode, under the name that the user gave.
---@param given table<string, any>
---@param known { declared: watchbot.template.Option[] }
---@return string? err
---@return string? name
function rules.modes(given, known)
  if not given.mode then return nil end
  for _, option in ipairs(known.declared) do
    if option.modes and given[option.name] and option.modes ~= given.mode
      and not option.lenient and not (option.with and given[option.with]) then
      return ("option '%s' is for mode '%s', and this is mode '%s'"):format(option.name,
        option.modes, given.mode), option.name
    end
  end
end

local function command(given)
  if given.mode == "task" or given.lambda then return nil end
  if not given.command and not given.policy then
    return "missing option 'command': the program that is run for each message", "command"
  elseif given.command and given.policy then
    return "options 'command' and 'policy' exclude each other: a policy file defines what is "
      .. "run", "policy"
  elseif given.writableFilesystem and given.workers and given.workers ~= 1 then
    return "option 'workers' must be 1 with 'writableFilesystem': its container ends after one job",
      "workers"
  end
end

local function webhook(given)
  for _, name in ipairs { "webhookKey", "webhookThrottle" } do
    if given[name] and not given.webhook then
      return ("option '%s' needs 'webhook'"):format(name), name
    end
  end
end

local function progress(given)
  local reads, writes = given.readCapacityUnits, given.writeCapacityUnits
  if (reads or writes) and not given.reduce and not given.table then
    return "options 'readCapacityUnits' and 'writeCapacityUnits' need 'reduce'",
      reads and "readCapacityUnits" or "writeCapacityUnits"
  end
end

local function delays(given)
  if given.longDelays and given.fifo then
    return "options 'longDelays' and 'fifo' exclude each other: a message that is sent later would "
      .. "come after those of its group", "longDelays"
  end
end

local function sizes(given)
  local least, most = given.minScalingCapacity, given.maxScalingCapacity
  if math.type(least) and math.type(most or 1) and least > (most or 1) then
    return ("option 'minScalingCapacity' is %d, more than 'maxScalingCapacity', %d"):format(least,
      most or 1),
      "minScalingCapacity"
  end
end

-- The metric is a quotient by the number of containers.
local function backlog(given)
  if not given.backlogPerTask then return nil end
  local least, most = given.minScalingCapacity, given.maxScalingCapacity or 1
  if least == nil or least == 0 then
    return "option 'backlogPerTask' needs 'minScalingCapacity' of at least 1: without a container "
      .. "there is no backlog for each", "backlogPerTask"
  elseif least == most and type(least) == "number" then
    return "option 'backlogPerTask' needs 'maxScalingCapacity' above 'minScalingCapacity'",
      "backlogPerTask"
  end
end

-- A step of the scaling is as many containers as its messages need.
local function steps(given)
  local scales = given.mode == "process" and (given.maxScalingCapacity or 1) ~= 1
    and given.minScalingCapacity ~= given.maxScalingCapacity
  if scales and cf.is(given.workers) and not given.backlogPerTask then
    return "option 'workers' must be a plain number where the service scales: the steps of the "
      .. "scaling are made of it",
      "workers", "maxScalingCapacity"
  end
end

local LONGEST_QUEUE_NAME = 80

local function queue_names(given)
  local longest = "-" .. (given.prefix or "Watchbot") .. "DeadLetterQueue"
    .. (given.fifo and ".fifo" or "")
  if #longest < LONGEST_QUEUE_NAME then return nil end
  return ("option 'prefix': the name of the dead-letter queue, STACK%s, would have more than %d "
    .. "characters"):format(longest, LONGEST_QUEUE_NAME), "prefix", "queueName"
end

-- CloudFormation resolves these only for a few properties, and this template has none of them.
local function secure(given)
  local function find(value)
    if type(value) == "string" then return value:find "{{resolve:ssm%-secure:" end
    for _, member in pairs(type(value) == "table" and value or {}) do
      if find(member) then return true end
    end
  end
  for name, value in pairs(given) do
    if find(value) then
      return ("option '%s': CloudFormation does not resolve 'ssm-secure' here: use "
        .. "'secrets'"):format(name), name, "dynamicReference"
    end
  end
end

local all = {
  missing, notified, command, lambda, place, backlog, steps, queue_names, container, webhook,
  progress, delays,
  sizes, secure, existing,
}

--- The problem with options that are valid one by one.
---@param given table<string, any>
---@param known { declared: watchbot.template.Option[] }
---@return string? err
---@return string? name
---@return string? page key of template.pages
function rules.problem(given, known)
  for _, rule in ipairs(all) do
    local err, name, page = rule(given, known)
    if err then return err, name, page end
  end
end

--- The problem with options that are complete with their defaults.
---@param complete watchbot.template.Options
---@return string? err
---@return string? name
---@return string? page
function rules.last(complete) return alarms(complete) end

return rules
