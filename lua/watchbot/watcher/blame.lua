--- watcher.blame: whose fault the end of an attempt is, decided in one place.
-- From the cause follow the outcome, whether the receive counts against the message, whether the
-- breaker hears of it, and whether it is notified. doc/architecture.md shows the table.

local blame = {}

---@class watchbot.Blame
---@field fault "job"|"either"|"policy"|"machine"|"service" "either": the job or the policy
---@field outcome string? nil: the hook `verdict` decides
---@field hold boolean? the job is tried again here, after a pause
---@field uncounted boolean? the receive does not count, where the queue can take it back
---@field silent boolean? no notification
---@field step string? the step that the breaker counts it for, as a failure
---@field passed boolean? a task has run: the breaker's step "start" has gone well

---@type table<string, watchbot.Blame>
blame.causes = {
  -- A task has run, and its end is the job's own doing.
  ended = { fault = "job", passed = true },
  timed_out = { fault = "job", passed = true },
  -- The message does not fit into a task, whatever the policy.
  too_big = { fault = "job", outcome = "bury" },
  -- What was to be started comes from the message: its program, its arguments.
  not_started_by_message = { fault = "either", step = "start" },
  -- A program, an image, a permission is missing: it hits every message.
  not_started = { fault = "policy", step = "start", uncounted = true },
  -- A hook has raised, or returned what it must not.
  hook = { fault = "either", outcome = "retry" },
  -- The lease ran out before the task was started: another watcher may have the message.
  lapsed = { fault = "machine", outcome = "lapsed", silent = true },
  -- The watcher's own code has raised.
  internal = { fault = "either", outcome = "retry", step = "internal" },
  -- No processes, memory, capacity or quota left: tried again here, with heartbeats.
  no_room = { fault = "machine", hold = true, uncounted = true, silent = true },
  -- The machine or the service took the task away.
  interrupted = { fault = "service", uncounted = true, passed = true },
  -- The watcher ends and has stopped the task, or the one who stopped both has.
  stopped = { fault = "machine", outcome = "retry", uncounted = true, silent = true },
  -- The watcher ends, and the task runs on elsewhere for the next watcher.
  left = { fault = "machine", outcome = "retry", uncounted = true, silent = true },
}

-- What a shell answers when it could not start the program.
local SHELL_CANNOT_START = { [126] = true, [127] = true }

-- Seconds after which a task has started, whatever its exit code will be.
blame.STARTED_AFTER = 1

-- Errors of a start that the message's own size or text has made.
local BY_MESSAGE = {
  E2BIG = true, ENAMETOOLONG = true, CommandFailed = true, TaskFailed = true,
  EnvironmentTooBig = true, InvalidText = true,
}

local function could_not_start(exit)
  if exit.not_started then return true end
  local quick = (exit.duration or 0) < blame.STARTED_AFTER
  return SHELL_CANNOT_START[exit.code] and not exit.elsewhere and quick
end

-- A command in which the shell puts the message's text may name a program that is not there.
local VARIABLES = { "Message", "Subject", "MessageFile", "MessageAttributes" }

local function names_variable(text)
  for _, name in ipairs(VARIABLES) do
    if text:find("%$" .. name .. "%f[^%w_]") or text:find("%${" .. name .. "%f[^%w_]") then
      return true
    end
  end
  return false
end

-- Whether the message may be what names the program that is not there.
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

--- What follows from a cause.
---@param cause string
---@return watchbot.Blame
function blame.of(cause)
  return blame.causes[cause] or error(("no such cause: '%s'"):format(tostring(cause)), 2)
end

return blame
