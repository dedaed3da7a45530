--- watcher.blame: decides in one place what caused the end of an attempt. The cause determines the
-- outcome, whether the receive counts against the message, whether the breaker counts it, and
-- whether a notification is sent. doc/architecture.md has the table.

local blame = {}

---@class watchbot.Blame
---@field fault "job"|"either"|"policy"|"machine"|"service" "either": the job or the policy
---@field outcome string? nil: the hook `verdict` decides
---@field hold boolean? the job is retried here, after a pause
---@field uncounted boolean? the receive does not count, if the queue supports that
---@field silent boolean? no notification
---@field step string? the step in which the breaker counts a failure
---@field passed boolean? a task has run: the breaker's step "start" has succeeded

---@type table<string, watchbot.Blame>
blame.causes = {
  -- A task has run, and the job itself caused its end.
  ended = { fault = "job", passed = true },
  timed_out = { fault = "job", passed = true },
  -- The message does not fit into a task, whatever the policy.
  too_big = { fault = "job", outcome = "bury" },
  -- The message names a body in S3 that is gone, or that is not the policy's.
  unreadable = { fault = "job", outcome = "bury" },
  -- The message determines what to start: its program, its arguments.
  not_started_by_message = { fault = "either", step = "start" },
  -- A program, an image or a permission is missing: that fails every message.
  not_started = { fault = "policy", step = "start", uncounted = true },
  -- A hook has raised an error, or returned an invalid value.
  hook = { fault = "either", outcome = "retry" },
  -- A person has cancelled it: watchbot jobs cancel.
  cancelled = { fault = "job", outcome = "cancelled", silent = true },
  -- The lease expired before the task was started, or was lost while it ran: another watcher may
  -- have the message.
  lapsed = { fault = "machine", outcome = "lapsed", silent = true },
  -- Its key is that of a message in progress, for which it waits.
  waits = { fault = "machine", outcome = "release", uncounted = true, silent = true },
  -- A hook has paused the queue.
  paused = { fault = "policy", outcome = "release", uncounted = true, silent = true },
  -- The watcher's own code has raised an error.
  internal = { fault = "either", outcome = "retry", step = "internal" },
  -- Processes, memory, capacity or quota ran out: retried here, with heartbeats.
  no_room = { fault = "machine", hold = true, uncounted = true, silent = true },
  -- The machine or the service stopped the task.
  interrupted = { fault = "service", uncounted = true, passed = true },
  -- The watcher ends and has stopped the task, or one signal has stopped both.
  stopped = { fault = "machine", outcome = "retry", uncounted = true, silent = true },
  -- The watcher ends, and the task continues elsewhere for the next watcher.
  left = { fault = "machine", outcome = "retry", uncounted = true, silent = true },
}

-- A shell's exit codes if it could not start the program.
local SHELL_CANNOT_START = { [126] = true, [127] = true }

-- Seconds after which a task has started, whatever its exit code.
blame.STARTED_AFTER = 1

-- Errors of a start that are caused by the size or text of the message.
local BY_MESSAGE = {
  E2BIG = true, ENAMETOOLONG = true, CommandFailed = true, TaskFailed = true,
  EnvironmentTooBig = true, InvalidText = true,
}

local function could_not_start(exit)
  if exit.not_started then return true end
  if not SHELL_CANNOT_START[exit.code] or exit.elsewhere then return false end
  return (exit.duration or 0) < blame.STARTED_AFTER
end

-- A command in which the shell inserts the message's text may name a missing program.
local VARIABLES = { "Message", "Subject", "MessageFile", "MessageAttributes" }

local function names_variable(text)
  for _, name in ipairs(VARIABLES) do
    if text:find("%$" .. name .. "%f[^%w_]") or text:find("%${" .. name .. "%f[^%w_]") then
      return true
    end
  end
  return false
end

-- Whether the message may contain the name of the missing program.
local function named_by_message(policy)
  local command = policy.command
  if type(command) == "function" or type(policy.task) == "function" then return true end
  if type(command) == "table" then command = table.concat(command, " ") end
  return type(command) == "string" and names_variable(command)
end

--- The cause of an attempt's end.
---@param exit watchbot.Exit
---@param policy watchbot.Policy
---@return string cause a key of `blame.causes`
function blame.cause(exit, policy)
  if exit.cause then return exit.cause end
  if exit.unplaced then return "no_room" end
  if exit.left then return "left" end
  if exit.stopped then return "stopped" end
  if exit.too_big then return "too_big" end
  if exit.blameless and not exit.not_started then return "interrupted" end
  if could_not_start(exit) then
    local by_message = BY_MESSAGE[exit.error] or named_by_message(policy)
    return by_message and "not_started_by_message" or "not_started"
  end
  return exit.timed_out and "timed_out" or "ended"
end

--- The consequences of a cause.
---@param cause string
---@return watchbot.Blame
function blame.of(cause)
  return blame.causes[cause] or error(("no such cause: '%s'"):format(tostring(cause)), 2)
end

return blame
