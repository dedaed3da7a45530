--- journal.task: the log lines of ecs-watchbot v2 and v3, whose watchers started ECS tasks, for the
-- metric filters of their stacks on `outcome`, `failedPlacement`, `duration` and `pending`
-- (seconds), `receives`, `concurrency`. Other lines have watchbot's own format.

local journal = require "watchbot.journal"
local own = require "watchbot.lib.own"

local words = {
  complete = "success", reject = "failed, removed from queue", release = "no-op, will retry",
  retry = "failed, will retry",
  bury = "failed, moved to the dead-letter queue", cancelled = "cancelled, removed from queue",
}

---@class watchbot.journal.Task: watchbot.Journal
local Task = setmetatable({ logs_each_held = true }, { __index = journal.Journal })
Task.__index = Task

local task = {}

---@param sink table
---@return watchbot.journal.Task
function task.new(sink)
  return own({ sink = sink, traces = journal.is_json(sink) }, Task)
end

--- The lines of text stay those of ecs-watchbot.
function Task:show_traces() end

local function seconds(time)
  return time and math.floor(time + 0.5)
end

--- A task that was left to the next watcher or stopped with this one has not failed.
function Task:outcome(job, outcome, exit, _, one)
  local event = (exit.left and "left to the next watcher")
    or (exit.stopped and "stopped with the watcher") or nil
  self:info(job.id, "event", event, "outcome", not event and words[outcome] or nil, "reason",
  exit.reason, "code", exit.code,
    "signal", exit.signal, "duration", seconds(exit.duration), "pending", seconds(exit.pending),
    "stopCode", exit.stop_code,
    "task", exit.task, self:trace_of(one))
end

function Task:held(job, exit, pause)
  self:warning(job.id, "failedPlacement", "true", "reason", exit.reason, "seconds", pause,
    self:trace_of(job.trace))
end

return task
