--- watcher.drain: how a watcher ends what it has: nothing more is received, what has not started
-- goes back, running tasks have their time, then they are stopped, or left to the next watcher.

-- Seconds that are longer than any job.
local UNLIMITED = 1e9

-- Tasks on other machines may be left running, for the next watcher.
local function leave_running(self)
  self.leaving = true
  for _, entry in ipairs(self.jobs:all "running") do self.life:leave(entry) end
end

-- Returns what has not started.
local function give_back(self, on_stop)
  self.phase:enter "draining"
  self.intake:close()
  if self.runner.drain then self.runner:drain() end
  if on_stop == "leave" and not self.phase.at_once then leave_running(self) end
  self.intake:cut(self.queue.cut or 0)
  self.life:give_back_waiting()
end

-- => whether all tasks have stopped, or are left
local function stop(self, grace)
  self.phase:enter "stopping"
  self.life:stop_all()
  -- After the KILL, messages only need to be returned; a queue that does not respond must not delay
  -- the exit.
  local elsewhere = self.runner.stop_takes
  if self:settled(grace + 1 + (elsewhere or 0), elsewhere and self.phase.hurried) then
    return true
  end
  if not elsewhere then return false end
  leave_running(self)
  return self:settled(1)
end

--- Ends what a watcher has. A method of the watcher; waits in a task.
---@param self watchbot.Watcher
return function(self)
  local current = self.hooks.policy
  local on_stop = current:stopping()
  give_back(self, on_stop)
  if self.retired and self:settled(UNLIMITED, self.retired) then return end
  if self:settled(on_stop == "stop" and 0 or current.drain, self.phase.stopping) then return end
  if stop(self, current.kill_grace) then return end
  self.life:end_hooks()
  if not self:settled(1) then
    self.journal:error(nil, "error",
      "some messages could not be returned; they become visible after their visibility timeout")
  end
end
