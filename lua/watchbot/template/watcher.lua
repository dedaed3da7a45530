--- template.watcher: the service that watches the queue, and in mode "task" the task definition of
-- its watchers.

local cf = require "watchbot.template.cf"
local container = require "watchbot.template.container"
local environment = require "watchbot.template.environment"
local names = require "watchbot.template.names"
local pieces = require "watchbot.template.pieces"
local placement = require "watchbot.template.placement"

-- MiB guaranteed to a watcher on EC2; it needs a tenth of them.
local MEMORY = 128

local function definition(options, refs)
  local command, reservation = { "watchbot", "run", "--health", container.HEALTH },
    options.watcherReservation
  command[#command + 1] = options.policy or nil
  local main = container.basic(options, refs, {
    name = pieces.concat(options.prefix, "-watcher-", names.plain(options.service)),
    image = names.watcher_image(options), command = command,
    environment = environment.watcher(options, refs), read_only = true, watches = true,
    reservation = next(reservation) and reservation or { softMemory = MEMORY },
  })
  return container.task(options, refs, {
    family = pieces.concat(names.family(options), "-watcher"), role = "WatcherRole",
    execution_role = "WatcherExecutionRole", container = main,
    reservation = reservation,
  })
end

-- In mode "process" scaling sets the number of containers, unless it is fixed.
local function count(options)
  if options.mode == "task" then return options.watchers end
  if options.minScalingCapacity == options.maxScalingCapacity then
    return options.maxScalingCapacity
  end
end

local function service(options, refs)
  local properties = placement.of_service(options)
  properties.Cluster, properties.DesiredCount = options.cluster, count(options)
  properties.TaskDefinition = cf.ref(refs.id(options.mode == "task" and "Watcher" or "Task"))
  properties.PropagateTags = "TASK_DEFINITION"
  properties.DeploymentConfiguration = {
    DeploymentCircuitBreaker = {
      Enable = options.deploymentCircuitBreaker, Rollback = options.deploymentCircuitBreaker,
    },
  }
  return { Type = "AWS::ECS::Service", Properties = properties }
end

---@type watchbot.template.Part
return function(options, refs)
  return {
    Resources = {
      [refs.id "Watcher"] = options.mode == "task" and definition(options, refs) or nil,
      [refs.id "Service"] = service(options, refs),
    },
    Outputs = {
      -- Two watchers in one stack may be in two clusters.
      [options.prefix == "Watchbot" and "ClusterArn" or refs.id "ClusterArn"] = {
        Description = "The cluster, its ARN or name", Value = options.cluster,
      },
      [refs.id "Service"] = {
        Description = "ARN of the service that watches the queue",
        Value = cf.ref(refs.id "Service"),
      },
    },
  }
end
