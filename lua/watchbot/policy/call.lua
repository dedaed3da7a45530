--- policy.call: calls a function of a policy (a hook, `command`, `task`, `event`), which is a
-- user's code. It may compute for so long without a wait, and what it prints is of its message.

local mend = require("watchbot.message.job").mend
local printed = require "watchbot.journal.printed"
local reason = require "watchbot.lib.reason"
local scheduler = require "watchbot.scheduler"

-- Seconds that it may compute without waiting: meanwhile there are no heartbeats, and no signal
-- is answered. It may wait for as long as it likes.
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
---@return boolean ok false when it has raised
---@return any ... what it returned, or the error: text has a traceback
function call.protected(id, body, ...)
  local task = scheduler.running()
  if not task then return xpcall(body, debug.traceback, ...) end
  local before = printed.begin(task, id)
  return finished(task, before,
    xpcall(scheduler.limit_turn, debug.traceback, LIMIT, TOO_LONG, body, ...))
end

--- What was raised, as text, whatever it was.
---@param err any
---@return string
function call.described(err)
  return reason(err) or ("it raised a %s"):format(type(err))
end

--- The value that a policy's function makes of a job.
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
