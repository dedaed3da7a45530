--- template.rules: what options have to do with each other. Each rule looks at what the user gave, and says what is wrong and
-- at which name.

local cf = require "watchbot.template.cf"
local capacity = require "watchbot.template.capacity"
local mounts = require "watchbot.template.mounts"

local rules = {}

local function missing(given, known)
  for _, option in ipairs(known.declared) do
    if option.required and given[option.name] == nil then
      return ("missing option '%s': %s"):format(option.name, option.help), option.name
    end
  end
  if not given.serviceVersion and not given.image then
    return "missing option 'serviceVersion': the tag of the service's image (or give 'image')", "serviceVersion"
  end
end

local function told(given)
  if given.notificationTopic and given.notificationEmail then
    return "options 'notificationTopic' and 'notificationEmail' exclude each other: subscribe the address to your topic",
      "notificationEmail"
  elseif not given.notificationTopic and not given.notificationEmail then
    return "missing option 'notificationEmail' (or 'notificationTopic'): who is told when tasks fail?", "notificationEmail"
  end
end

--- What does not go with the mode, under the name that the user gave it.
---@param given table<string, any>
---@param known { declared: watchbot.template.Option[] }
---@return string? message
---@return string? name
function rules.modes(given, known)
  if not given.mode then return nil end
  for _, option in ipairs(known.declared) do
    if option.modes and given[option.name] and option.modes ~= given.mode then
      return ("option '%s' is for mode '%s', and this is mode '%s'"):format(option.name, option.modes, given.mode), option.name
    end
  end
end

local function command(given)
  if given.mode == "task" then return nil end
  if not given.command and not given.policy then
    return "missing option 'command': the program that is run for each message", "command"
  elseif given.command and given.policy then
    return "options 'command' and 'policy' exclude each other: a policy file says itself what is run", "policy"
  elseif given.writableFilesystem and given.workers and given.workers ~= 1 then
    return "option 'workers' must be 1 with 'writableFilesystem': its container ends after one job", "workers"
  end
end

local only_ec2 = { "privileged", "networkMode", "placementConstraints", "placementStrategies" }
local only_network = { "fargateSubnets", "fargateSecurityGroups", "fargatePublicIp" }

local function fargate(given)
  for _, name in ipairs(only_ec2) do
    if given[name] then return ("option '%s' is for EC2: Fargate does not have it"):format(name), name end
  end
  if type(given.reservation) == "table" and given.reservation.gpu then
    return "option 'reservation': 'gpu' is for EC2: Fargate does not have it", "gpu"
  end
  for _, name in ipairs { "reservation", "watcherReservation" } do
    local size, problem = capacity.size(given[name] or {})
    if not size then return ("option '%s': %s"):format(name, problem), name end
  end
end

local function places(given)
  local problem = capacity.problem(given.capacity)
  if problem then return "option 'capacity': " .. problem, "capacity" end
  local on_fargate = capacity.fargate(given.capacity or "EC2")
  local message, name
  if on_fargate then message, name = fargate(given) end
  if message then return message, name end
  if on_fargate or given.networkMode == "awsvpc" then
    if given.fargateSubnets then return nil end
    return "missing option 'fargateSubnets': the subnets that tasks with addresses of their own are in", "fargateSubnets"
  end
  if given.ephemeralStorageGiB then return "option 'ephemeralStorageGiB' is for Fargate", "ephemeralStorageGiB" end
  for _, network in ipairs(only_network) do
    if given[network] then
      return ("option '%s' is for Fargate, or for networkMode 'awsvpc'"):format(network), network
    end
  end
end

local function containers(given)
  for name in pairs(given.secrets or {}) do
    if (given.env or {})[name] ~= nil then return ("'%s' is in 'env' and in 'secrets'"):format(name), name end
  end
  for name, secret in pairs(given.secrets or {}) do
    if type(secret) == "table" and not cf.is(secret) and (secret.secret == nil) == (secret.parameter == nil) then
      return ("option 'secrets': '%s' needs either 'secret' or 'parameter'"):format(name), name
    end
  end
  local problem = mounts.problem(given.mounts)
  if problem then return "option 'mounts': " .. problem, "mounts" end
  if given.healthCheck and not given.healthCheck.command then
    return "option 'healthCheck': 'command' is missing", "healthCheck"
  end
end

local function webhook(given)
  for _, name in ipairs { "webhookKey", "webhookThrottle" } do
    if given[name] and not given.webhook then return ("option '%s' is of no use without 'webhook'"):format(name), name end
  end
end

local function progress(given)
  local reads, writes = given.readCapacityUnits, given.writeCapacityUnits
  if (reads or writes) and not given.reduce then
    return "options 'readCapacityUnits' and 'writeCapacityUnits' are of no use without 'reduce'",
      reads and "readCapacityUnits" or "writeCapacityUnits"
  end
end

local function sizes(given)
  local least, most = given.minScalingCapacity, given.maxScalingCapacity
  if math.type(least) and math.type(most or 1) and least > (most or 1) then
    return ("option 'minScalingCapacity' is %d, more than 'maxScalingCapacity', %d"):format(least, most or 1),
      "minScalingCapacity"
  end
end

local all = { missing, told, command, places, containers, webhook, progress, sizes }

--- What is wrong with options that are each well-formed.
---@param given table<string, any>
---@param known { declared: watchbot.template.Option[] }
---@return string? message
---@return string? name
function rules.problem(given, known)
  for _, rule in ipairs(all) do
    local message, name = rule(given, known)
    if message then return message, name end
  end
end

return rules
