--- template.lambda: the two containers of a task that runs a Lambda function's image as it is
-- (option `lambda`): watchbot, which has the queue and the Runtime API, and the function, which
-- starts when that port is open. They share the task's loopback interface.
-- https://docs.aws.amazon.com/lambda/latest/dg/images-create.html

local container = require "watchbot.template.container"
local environment = require "watchbot.template.environment"
local names = require "watchbot.template.names"
local pieces = require "watchbot.template.pieces"

local lambda = {}

--- The port of the Runtime API.
lambda.PORT = 9001

-- MiB that watchbot is sure to have on EC2.
local MEMORY = 128

-- Seconds that watchbot gets to end in. A task's containers are stopped in the reverse order of
-- their start: when it is its turn the function has ended, and what is left is to return messages.
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
lambda.STOP = 30

-- The function waits for the first check that passes, so they come early.
local function early(check)
  check.Interval, check.Timeout, check.Retries = 5, 5, 10
  return check
end

local function command_of(options)
  local command = { "watchbot", "run", "--health", container.HEALTH }
  if options.policy then
    command[#command + 1] = options.policy
    return command
  end
  local function add(name, value)
    command[#command + 1], command[#command + 2] = name, value
  end
  add("--lambda", options.lambda.handler or options.service)
  add("--runtime-api", tostring(lambda.PORT))
  if options.lambda.batch then add("--batch", pieces.concat(options.lambda.batch)) end
  return command
end

local function watcher(options, refs, name)
  local reservation = options.watcherReservation
  local made = container.basic(options, refs, {
    name = name, image = names.watcher_image(options), command = command_of(options),
    environment = environment.beside_lambda(options, refs, lambda.STOP), read_only = true,
    watches = true, reservation = next(reservation) and reservation or { softMemory = MEMORY },
  })
  made.HealthCheck, made.StopTimeout = early(made.HealthCheck), lambda.STOP
  return made
end

local function of_function(options, refs, mounted)
  return container.of_service(options, refs, {
    name = names.container(options), image = names.image(options),
    command = options.lambda.handler and { options.lambda.handler } or nil,
    environment = environment.lambda(options, refs, lambda.PORT),
    reservation = options.reservation, read_only = true, user = options.containerUser,
  }, mounted)
end

--- The containers of the task.
---@param options watchbot.template.Options
---@param refs watchbot.template.Refs
---@param mounted watchbot.template.Mounts
---@return table[]
function lambda.containers(options, refs, mounted)
  local name = pieces.concat(options.prefix, "-watcher-", names.plain(options.service))
  local made = of_function(options, refs, mounted)
  made.DependsOn = { { ContainerName = name, Condition = "HEALTHY" } }
  return { watcher(options, refs, name), made }
end

return lambda
