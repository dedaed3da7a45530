--- policy.call: calls a function of a policy (a hook, `command`, `task`, `event`), which is user
-- code. It may compute too long without a wait, and its output belongs to its message.

local mend = require("watchbot.message.job").mend
local printed = require "watchbot.journal.printed"
local reason = require "watchbot.lib.reason"
local scheduler = require "watchbot.scheduler"

-- Seconds that a function may compute without waiting: meanwhile the watcher sends no heartbeats
-- and handles no signals. Waiting is not limited.
local LIMIT = 60

local TOO_LONG = ("gave up after %d s without a wait"):format(LIMIT)

local call = {}

local function finished(task, before, ...)
  printed.finish(task, before)
  return ...
end

--- Calls `body(...)`.
---@param id string? of the message that it is called for
---@param body function
---@param ... any
---@return boolean ok false if it raised an error
---@return any ... its results, or the error: text with a traceback
function call.protected(id, body, ...)
  local task = scheduler.current()
  if not task then return xpcall(body, debug.traceback, ...) end
  local before = printed.begin(task, id)
  return finished(task, before,
    xpcall(scheduler.limit_turn, debug.traceback, LIMIT, TOO_LONG, body, ...))
end

--- The text of a raised value of any type.
---@param err any
---@return string
function call.described(err)
  return reason(err) or ("it raised a %s"):format(type(err))
end

--- The value that a policy's function returns for a job.
---@param name string the field
---@param body function
---@param id string? of the job's message
---@param job watchbot.Job|watchbot.Job[]
---@param ... any more arguments
---@return boolean ok
---@return any made or the text of the error
function call.make(name, body, id, job, ...)
  local ok, made = call.protected(id, body, job, ...)
  mend(job)
  if ok then return true, made end
  return false, ("the policy's function '%s' failed: %s"):format(name, call.described(made))
end

return call
