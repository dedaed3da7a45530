--- watcher.ending: ends what the jobs of a watcher do: when the watcher itself ends, their tasks
-- and the hooks that have not returned; and a job that was cancelled. Methods of watcher.life.

local ending = { CANCELLED = "cancelled while it ran" }

local LOST = "stopped: the lease has lapsed"

--- Stops the task of a job.
---@param self watchbot.Life
---@param entry watchbot.JobEntry
function ending.stop(self, entry)
  if not entry.run then return end
  entry.stopped = "stopped: the watcher is draining"
  if entry.run.hurry then entry.run:hurry() end
  entry.run:stop(entry.stopped, self.phase.at_once and 0 or self.hooks.policy.kill_grace)
end

--- Ends a job whose message was cancelled: it is removed, however its task ends.
---@param self watchbot.Life
---@param entry watchbot.JobEntry
function ending.cancel(self, entry)
  entry.cancelled = { cause = "cancelled", reason = "cancelled before it ran" }
  self.journal:info(entry.id, "event", "cancelled", "stage", entry.stage)
  if entry.run then entry.run:stop(ending.CANCELLED, self.hooks.policy.kill_grace) end
end

--- Another watcher may run the message: its task here ends. One that other watchers find (ECS) is
-- theirs.
---@param self watchbot.Life
---@param entry watchbot.JobEntry
function ending.let_go(self, entry)
  if not entry.run then return end
  local stays = self.runner.find
  self.journal:warning(entry.id, "event", stays and "the task is left to other watchers"
    or "the task is stopped, the message is left to other watchers")
  entry.stopped = entry.stopped or LOST
  if stays then return entry.run:leave() end
  entry.run:stop(LOST, self.phase.at_once and 0 or self.hooks.policy.kill_grace)
end

--- Stops all tasks that run.
function ending.stop_all(self)
  for _, entry in ipairs(self.jobs:all "running") do self:stop(entry) end
end

--- Raises an error in the hooks that have not returned by the end, so that their messages go back.
function ending.end_hooks(self)
  for _, stage in ipairs { "deciding", "starting", "running", "settling" } do
    for _, entry in ipairs(self.jobs:all(stage)) do
      entry.ended = "stopped: the watcher has ended"
      if entry.task then entry.task:expire(entry.ended) end
    end
  end
end

--- Lets the task of a job continue: the next watcher that receives its message finds it.
function ending.leave(_, entry)
  if not entry.run then return end
  entry.stopped = "left running"
  entry.run:leave()
end

return ending
