--- runner.ecs.exit: how an ECS task ended, as an exit. A pure function of what DescribeTasks or an event says of the task.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html

local date = require "watchbot.lib.date"
local process = require "watchbot.process"

local ending = {}

-- Reasons that say that a container never ran its program.
local never_ran = { "Cannot.*ContainerError", "DockerTimeoutError", "ResourceInitializationError", "OutOfMemoryError: unable",
  "InternalError" }

-- Stop codes of what was not the task's doing.
local infrastructure = { SpotInterruption = true, TerminationNotice = true, InfrastructureHealth = true }

local function find(containers, name)
  for _, container in ipairs(containers) do
    if container.name == name then return container end
  end
end

local function says_never_ran(reason)
  for _, pattern in ipairs(never_ran) do
    if reason and reason:find(pattern) then return true end
  end
  return false
end

-- Without a name all containers count: they have to agree.
local function verdict_of(task, name)
  local containers = task.containers or {}
  if name then
    local container = find(containers, name)
    return container and container.exitCode, container and container.reason
  end
  local code, reason, told = nil, nil, {}
  local agree = true
  for index, container in ipairs(containers) do
    reason = reason or container.reason
    told[index] = ("%s %s"):format(container.name, container.exitCode or "none")
    if index == 1 then code = container.exitCode end
    agree = agree and container.exitCode == code
  end
  if agree then return code, reason end
  -- Those that had been started were killed for those that could not be.
  if task.stopCode == "TaskFailedToStart" then return nil, reason end
  return nil, "the containers disagree about the exit code: " .. table.concat(told, ", "), true
end

local function seconds_between(from, to)
  return from and to and math.max(0, to - from) or nil
end

--- Seconds since the epoch; events have dates, DescribeTasks has numbers.
---@param time any
---@return number? nil when it is no time
function ending.time(time)
  if type(time) == "number" then return time end
  return type(time) == "string" and date.iso(time) or nil
end

--- The exit of a task that has stopped.
---@param task table
---@param name string? the container whose exit code counts; nil: all
---@return watchbot.Exit exit with `blameless` when it was not the job's fault, `not_started` when its program never ran
function ending.exit(task, name)
  local code, reason, disagree = verdict_of(task, name)
  local created, started, stopped = ending.time(task.createdAt), ending.time(task.startedAt), ending.time(task.stoppedAt)
  local unfit = code == nil and not disagree
  local not_started = unfit and (task.stopCode == "TaskFailedToStart" or says_never_ran(reason)
    or says_never_ran(task.stoppedReason) or not started)
  local signal = code and code > 128 and process.signal_name(code - 128) or nil
  if not reason and (code == nil or infrastructure[task.stopCode]) then reason = task.stoppedReason end
  return {
    code = code, signal = signal, reason = reason, stop_code = task.stopCode, elsewhere = true,
    not_started = not_started or nil, blameless = not_started or infrastructure[task.stopCode] or nil,
    duration = seconds_between(started, stopped) or 0, pending = seconds_between(created, started),
    cluster = task.clusterArn, instance = task.containerInstanceArn, task = task.taskArn,
  }
end

return ending
