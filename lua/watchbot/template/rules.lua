--- template.rules: what options have to do with each other. Each rule looks at what the user gave,
-- and says what is wrong and at which name.

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
    return "missing option 'serviceVersion': the tag of the service's image (or give 'image')",
      "serviceVersion"
  end
end

local function told(given)
  if given.notificationTopic and given.notificationEmail then
    return "options 'notificationTopic' and 'notificationEmail' exclude each other: subscribe the "
      .. "address to your topic",
      "notificationEmail"
  elseif not given.notificationTopic and not given.notificationEmail then
    return "missing option 'notificationEmail' (or 'notificationTopic'): who is told when tasks "
      .. "fail?", "notificationEmail"
  end
end

--- What does not go with the mode, under the name that the user gave it.
---@param given table<string, any>
---@param known { declared: watchbot.template.Option[] }
---@return string? err
---@return string? name
function rules.modes(given, known)
  if not given.mode then return nil end
  for _, option in ipairs(known.declared) do
    if option.modes and given[option.name] and option.modes ~= given.mode
      and not option.lenient then
      return ("option '%s' is for mode '%s', and this is mode '%s'"):format(option.name,
        option.modes, given.mode), option.name
    end
  end
end

local function command(given)
  if given.mode == "task" then return nil end
  if not given.command and not given.policy then
    return "missing option 'command': the program that is run for each message", "command"
  elseif given.command and given.policy then
    return "options 'command' and 'policy' exclude each other: a policy file says itself what is "
      .. "run", "policy"
  elseif given.writableFilesystem and given.workers and given.workers ~= 1 then
    return "option 'workers' must be 1 with 'writableFilesystem': its container ends after one job",
      "workers"
  end
end

local only_ec2 = { "privileged", "networkMode", "placementConstraints", "placementStrategies" }
local only_network = { "fargateSubnets", "fargateSecurityGroups", "fargatePublicIp" }

-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
local function fargate_container(given)
  for name in pairs(given.ulimits or {}) do
    if name ~= "nofile" then
      return ("option 'ulimits': Fargate has only 'nofile', not '%s'"):format(name), name
    end
  end
  local path = mounts.host_of(given.mounts)
  if path then
    return ("option 'mounts': %s is a path of the host, and Fargate has none: use scratch space "
      .. "('/container'), or EFS in "
      .. "{ volumes = ..., mountPoints = ... }"):format(cf.is(path) and "an intrinsic"
        or "'" .. path .. "'"), "mounts"
  end
end

local function fargate(given)
  local err, at = fargate_container(given)
  if err then return err, at end
  for _, name in ipairs(only_ec2) do
    if given[name] then
      return ("option '%s' is for EC2: Fargate does not have it"):format(name), name
    end
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
  local err, name
  if on_fargate then err, name = fargate(given) end
  if err then return err, name end
  if on_fargate or given.networkMode == "awsvpc" then
    if given.fargateSubnets then return nil end
    return "missing option 'fargateSubnets': the subnets that tasks with addresses of their own "
      .. "are in", "fargateSubnets"
  end
  if given.ephemeralStorageGiB then
    return "option 'ephemeralStorageGiB' is for Fargate", "ephemeralStorageGiB"
  end
  for _, network in ipairs(only_network) do
    if given[network] then
      return ("option '%s' is for Fargate, or for networkMode 'awsvpc'"):format(network), network
    end
  end
end

-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
local function health(check)
  if not check then return nil end
  if not check.command then return "option 'healthCheck': 'command' is missing", "healthCheck" end
  local interval, timeout = check.interval or 30, check.timeout or 5
  if type(interval) == "number" and type(timeout) == "number" and timeout > interval then
    return ("option 'healthCheck': 'timeout' is %d s, longer than 'interval', %d s"):format(timeout,
      interval), "timeout"
  end
end

-- The soft limit is what a container is sure to have, so it is below the hard one.
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
local function memory(given)
  for _, name in ipairs { "reservation", "watcherReservation" } do
    local of = given[name] or {}
    if math.type(of.softMemory) and math.type(of.memory) and of.softMemory > of.memory then
      return ("option '%s': 'softMemory' is %d MiB, more than 'memory', %d MiB"):format(name,
        of.softMemory, of.memory),
        "softMemory"
    end
  end
end

local function containers(given)
  for name in pairs(given.secrets or {}) do
    if (given.env or {})[name] ~= nil then
      return ("'%s' is in 'env' and in 'secrets'"):format(name), name
    end
  end
  for name, secret in pairs(given.secrets or {}) do
    if cf.is(secret) then
      return ("option 'secrets': '%s': is it a secret or a parameter? say { secret = ... } (its "
        .. "ARN) or { parameter = ... } "
        .. "(its name): the role's policy needs an ARN"):format(name), name
    elseif type(secret) == "table" and (secret.secret == nil) == (secret.parameter == nil) then
      return ("option 'secrets': '%s' needs either 'secret' or 'parameter'"):format(name), name
    end
  end
  local problem = mounts.problem(given.mounts)
  if problem then return "option 'mounts': " .. problem, "mounts" end
  return health(given.healthCheck)
end

local function webhook(given)
  for _, name in ipairs { "webhookKey", "webhookThrottle" } do
    if given[name] and not given.webhook then
      return ("option '%s' is of no use without 'webhook'"):format(name), name
    end
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
    return ("option 'minScalingCapacity' is %d, more than 'maxScalingCapacity', %d"):format(least,
      most or 1),
      "minScalingCapacity"
  end
end

-- A step of the scaling is as many containers as its messages need.
local function steps(given)
  local scales = given.mode == "process" and (given.maxScalingCapacity or 1) ~= 1
    and given.minScalingCapacity ~= given.maxScalingCapacity
  if scales and cf.is(given.workers) then
    return "option 'workers' must be a plain number where the service scales: the steps of the "
      .. "scaling are made of it",
      "workers"
  end
end

-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
local LONGEST_QUEUE_NAME = 80

local function queue_names(given)
  local longest = "-" .. (given.prefix or "Watchbot") .. "DeadLetterQueue"
    .. (given.fifo and ".fifo" or "")
  if #longest < LONGEST_QUEUE_NAME then return nil end
  return ("option 'prefix': the name of the dead-letter queue, STACK%s, would have more than %d "
    .. "characters"):format(longest,
    LONGEST_QUEUE_NAME), "prefix"
end

local all = {
  missing, told, command, places, memory, steps, queue_names, containers, webhook, progress, sizes,
}

--- What is wrong with options that are each well-formed.
---@param given table<string, any>
---@param known { declared: watchbot.template.Option[] }
---@return string? err
---@return string? name
function rules.problem(given, known)
  for _, rule in ipairs(all) do
    local err, name = rule(given, known)
    if err then return err, name end
  end
end

return rules
