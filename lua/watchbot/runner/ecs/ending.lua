--- runner.ecs.ending: converts the end of an ECS task to an exit. A pure function of a task in
-- DescribeTasks or in an event, however malformed. The exit code of the container with the message
-- counts, unless the task shows that the job did not cause its end.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html

local date = require "watchbot.lib.date"
local process = require "watchbot.process"
local refusal = require "watchbot.runner.ecs.refusal"

-- The reason with which `watchbot jobs cancel` stops a task.
local ending = { CANCELLED = "watchbot jobs cancel" }

-- Reasons which mean that a container never ran its program.
local NEVER_RAN = {
  "Cannot%a*ContainerError", "CannotCreateVolumeError", "DockerTimeoutError",
  "ContainerRuntimeTimeoutError", "ResourceInitializationError", "OutOfMemoryError: unable",
  "InternalError", "TaskFailedToStart",
}

-- Stop codes of ends that the task did not cause:
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
local INFRASTRUCTURE = {
  SpotInterruption = true, TerminationNotice = true, InfrastructureHealth = true,
}

-- Stop codes of a StopTask, and the exit codes of containers that it ended.
local STOP_CALLED = { UserInitiated = true, ServiceSchedulerInitiated = true }
local BY_STOP = { [128 + 9] = true, [128 + 15] = true }

-- The same as patterns for the reason of a task without a stop code.
local HOST_GONE = {
  "^Host EC2 .*terminated", "^Host EC2 .*stopped", "^Your Spot Task was interrupted",
  "[Cc]ontainer [Ii]nstance .*deregist", "underlying infrastructure", "AgentDisconnected",
}

local function any(text, patterns)
  if type(text) ~= "string" then return false end
  text = text:sub(1, 4096)
  for _, pattern in ipairs(patterns) do
    if text:find(pattern) then return true end
  end
  return false
end

local function text_of(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function list_of(value)
  return type(value) == "table" and value or {}
end

-- The container with this name; without a name the first one, which gets RunTask's message.
local function verdict_of(task, name)
  for _, container in ipairs(list_of(task.containers)) do
    if type(container) == "table" and (name == nil or container.name == name) then
      return math.tointeger(container.exitCode), text_of(container.reason)
    end
  end
  return nil, nil
end

-- The reason of the first container that has one: another container may be the cause that none ran.
local function any_reason(task)
  for _, container in ipairs(list_of(task.containers)) do
    local reason = type(container) == "table" and text_of(container.reason)
    if reason then return reason end
  end
end

local function seconds_between(from, to)
  return from and to and math.max(0, to - from) or nil
end

--- Seconds since the epoch; events contain dates, DescribeTasks numbers.
---@param time any
---@return number? nil if it is not a time
function ending.time(time)
  if type(time) == "number" then return time end
  return type(time) == "string" and date.iso(time) or nil
end

--- The container with the message: the one whose environment RunTask overrides.
---@param task table
---@return string? name
---@return table<string, string> variables set by RunTask
function ending.container(task)
  if task.is_essence then
    return task.container, { MessageId = task.message, ApproximateReceiveCount = task.receive }
  end
  local overrides = list_of(list_of(task.overrides).containerOverrides)
  for _, override in ipairs(overrides) do
    local variables = {}
    for _, variable in ipairs(list_of(list_of(override).environment)) do
      if type(variable) == "table" and type(variable.name) == "string" then
        variables[variable.name] = variable.value
      end
    end
    if variables.MessageId then return text_of(override.name), variables end
  end
  return nil, {}
end

local KEPT = {
  "taskArn", "clusterArn", "containerInstanceArn", "startedBy", "lastStatus", "desiredStatus",
  "createdAt", "startedAt", "stoppedAt", "stopCode", "stoppedReason",
}

--- The part of a stopped task to remember: a few hundred bytes, while the task also contains its
--- message.
---@param task table
---@return table
function ending.essence(task)
  local name, variables = ending.container(task)
  local kept = {
    containers = {}, is_essence = true, container = name, message = variables.MessageId,
    receive = variables.ApproximateReceiveCount,
  }
  for _, field in ipairs(KEPT) do kept[field] = task[field] end
  for _, container in ipairs(list_of(task.containers)) do
    if type(container) == "table" then
      table.insert(kept.containers, {
        name = container.name, exitCode = container.exitCode, reason = container.reason,
      })
    end
  end
  return kept
end

-- Why the container did not run its program, if it did not; and whether only for lack of capacity.
local function never_ran(task, code, reason)
  local whole = text_of(task.stoppedReason)
  if task.stopCode == "TaskFailedToStart" then
    reason = reason or any_reason(task) or whole
    return reason or "TaskFailedToStart", refusal.passes(refusal.of_text(reason or ""))
  end
  if code then return nil end
  if any(reason, NEVER_RAN) then return reason end
  if any(whole, NEVER_RAN) then return whole end
  if ending.time(task.startedAt) then return nil end
  return reason or any_reason(task) or whole or "the task never ran"
end

local function host_is_gone(task)
  return INFRASTRUCTURE[task.stopCode] or any(task.stoppedReason, HOST_GONE)
end

-- A person or a service has stopped the task: the signal says nothing about the job.
local function stopped_by_others(task, code, reason)
  return STOP_CALLED[task.stopCode] and BY_STOP[code] and not reason
end

local function facts(task)
  local created, started = ending.time(task.createdAt), ending.time(task.startedAt)
  return {
    stop_code = text_of(task.stopCode), elsewhere = true,
    duration = seconds_between(started, ending.time(task.stoppedAt)) or 0,
    pending = seconds_between(created, started), cluster = text_of(task.clusterArn),
    instance = text_of(task.containerInstanceArn), task = text_of(task.taskArn),
  }
end

-- A task whose machine stopped, or that was stopped before it ran, runs again; if one could not
-- start, the next one will not start either.
local function blameless(exit, task, reason, is_room)
  exit.reason, exit.blameless = reason, true
  if is_room then
    exit.unplaced = true
  elseif not host_is_gone(task) and task.stopCode ~= "UserInitiated" then
    exit.not_started = true
  end
  return exit
end

--- The exit of a task that has stopped.
---@param task table
---@param name string? the container with the message; default: the one that the task names
---@param by_us boolean? this watcher has stopped it
---@return watchbot.Exit exit with `blameless` if the job did not cause it, `not_started` if its
--- program never ran, `unplaced` if there was no capacity for it
function ending.exit(task, name, by_us)
  local code, reason = verdict_of(task, name or ending.container(task))
  local exit = facts(task)
  if task.stopCode == "UserInitiated" and task.stoppedReason == ending.CANCELLED then
    exit.cause, exit.code, exit.reason = "cancelled", code, "cancelled while it ran"
    return exit
  end
  local why, is_room = never_ran(task, code, reason)
  if why then return blameless(exit, task, why, is_room) end
  -- A job that had finished when its machine stopped is done.
  if host_is_gone(task) and code ~= 0
    or not by_us and stopped_by_others(task, code, reason) then
    exit.code, exit.blameless = code, true
    exit.reason = reason or text_of(task.stoppedReason) or exit.stop_code
  else
    exit.code = code
    exit.reason = reason or (code == nil and text_of(task.stoppedReason)) or nil
  end
  exit.signal = code and code > 128 and process.signal_name(code - 128) or nil
  exit.oom = reason and reason:find "^OutOfMemory" and true or nil
  return exit
end

return ending
