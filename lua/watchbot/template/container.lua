--- template.container: the container of a task definition, and the definition around it.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
-- aws-resource-ecs-taskdefinition.html

local capacity = require "watchbot.template.capacity"
local cf = require "watchbot.template.cf"
local placement = require "watchbot.template.placement"
local pieces = require "watchbot.template.pieces"
local secrets = require "watchbot.template.secrets"

local container = {}

--- The file that a watcher touches. It is in the container's memory, which can be written to even
--- if the root file system is read-only, and is not emptied between jobs.
container.HEALTH = "/dev/shm/watchbot-health"

-- MiB of a task without a reservation.
local MEMORY = 512

local function log(options, refs)
  return {
    LogDriver = "awslogs",
    Options = {
      ["awslogs-group"] = refs.logGroup, ["awslogs-region"] = cf.ref "AWS::Region",
      ["awslogs-stream-prefix"] = options.serviceVersion or options.prefix,
    },
  }
end

local function ulimits(given)
  local list = {}
  for name, limit in pairs(given) do
    if type(limit) ~= "table" or cf.is(limit) then limit = { soft = limit, hard = limit } end
    list[#list + 1] = {
      Name = name, SoftLimit = limit.soft or limit.hard, HardLimit = limit.hard or limit.soft,
    }
  end
  table.sort(list, function(a, b) return a.Name < b.Name end)
  return #list > 0 and list or nil
end

-- Only checks that the watcher's event loop runs: an outage of SQS must not make ECS kill running
-- jobs.
local function watching()
  return { Command = { "CMD", "watchbot", "health", container.HEALTH }, Interval = 30, Timeout = 10,
    Retries = 5,
    StartPeriod = 60 }
end

local function health_check(given)
  local command = given.command
  if type(command) == "string" or cf.is(command) then
    command = { "CMD-SHELL", command }
  elseif command and command[1] ~= "CMD" and command[1] ~= "CMD-SHELL" and command[1] ~= "NONE" then
    command = table.move(command, 1, #command, 2, { "CMD" })
  end
  return {
    Command = command, Interval = given.interval, Timeout = given.timeout, Retries = given.retries,
    StartPeriod = given.startPeriod,
  }
end

-- On Fargate the sizes are the task's.
local function sizes(options, reservation)
  if capacity.fargate(options.capacity) then
    return { MemoryReservation = reservation.softMemory }
  end
  return {
    Cpu = reservation.cpu, MemoryReservation = reservation.softMemory,
    Memory = reservation.memory or (not reservation.softMemory and MEMORY) or nil,
    ResourceRequirements = reservation.gpu
    and { { Type = "GPU", Value = pieces.concat(reservation.gpu) } } or nil,
  }
end

---@class watchbot.template.ContainerOf the input of a container definition
---@field name any
---@field image any
---@field command any[]?
---@field environment table[]
---@field reservation table
---@field read_only boolean
---@field watches boolean? a watcher runs in it, which touches `container.HEALTH`
---@field user any? the user that it runs as

--- The members that every container has.
---@param options watchbot.template.Options
---@param refs watchbot.template.Refs
---@param of watchbot.template.ContainerOf
---@return table
function container.basic(options, refs, of)
  local made = sizes(options, of.reservation)
  made.Name, made.Image, made.Command, made.Environment = of.name, of.image, of.command,
    of.environment
  made.HealthCheck, made.User = of.watches and watching() or nil, of.user or nil
  made.Essential, made.ReadonlyRootFilesystem = true, of.read_only
  made.LogConfiguration = log(options, refs)
  return made
end

--- The container that runs the user's image.
---@param options watchbot.template.Options
---@param refs watchbot.template.Refs
---@param of watchbot.template.ContainerOf
---@param mounts watchbot.template.Mounts
---@return table
function container.of_service(options, refs, of, mounts)
  local made = container.basic(options, refs, of)
  made.MountPoints = #mounts.mountPoints > 0 and mounts.mountPoints or nil
  made.Secrets = secrets.of_container(options.secrets)
  made.Ulimits = ulimits(options.ulimits)
  if options.healthCheck then made.HealthCheck = health_check(options.healthCheck) end
  made.StopTimeout = options.stopTimeout
  made.Privileged = options.privileged or nil
  return made
end

local function platform(given)
  return {
    CpuArchitecture = given.cpuArchitecture, OperatingSystemFamily = given.operatingSystemFamily,
  }
end

--- A task definition around a container.
---@param options watchbot.template.Options
---@param refs watchbot.template.Refs
---@param of table family, role, container or containers, reservation, and optionally
--- execution_role, volumes
---@return table
function container.task(options, refs, of)
  local properties = {
    Family = of.family, TaskRoleArn = cf.getatt(refs.id(of.role), "Arn"),
    ExecutionRoleArn = cf.getatt(refs.id(of.execution_role or "ExecutionRole"), "Arn"),
    ContainerDefinitions = of.containers or { of.container },
    Volumes = of.volumes and #of.volumes > 0 and of.volumes or nil,
    RuntimePlatform = options.runtimePlatform and platform(options.runtimePlatform) or nil,
    NetworkMode = placement.has_network(options) and "awsvpc" or options.networkMode or nil,
  }
  if options.managedInstances then
    properties.RequiresCompatibilities = { "MANAGED_INSTANCES" }
  elseif capacity.fargate(options.capacity) then
    local size = capacity.size(of.reservation)
    properties.RequiresCompatibilities = { "FARGATE" }
    properties.Cpu, properties.Memory = pieces.concat(size.cpu), pieces.concat(size.memory)
  end
  return { Type = "AWS::ECS::TaskDefinition", Properties = properties }
end

return container
