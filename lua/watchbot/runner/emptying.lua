--- runner.emptying: wraps another runner and empties the volumes between its tasks: as soon as one
-- has ended, while its message is being settled, and again right before the next one, for files of
-- a process that was still dying. Never while a task runs. The next start waits for it.

local scheduler = require "watchbot.scheduler"

-- Seconds that the last emptying may take at the end.
local LAST = 5

---@class watchbot.runner.Emptying
local Emptying = {}
Emptying.__index = Emptying

local Run = {}
Run.__index = Run

local runner = {}

-- What a runner may have besides `start`, `find` and `close`, see watchbot.runner: passed on.
local PARTS = { "attach", "capacity", "drain", "left", "status", "runtimes" }
local FACTS = { "shares_signals", "ignores_environment", "stop_takes" }

---@param inner table the runner
---@param folders watchbot.Volumes
---@return watchbot.runner.Emptying
function runner.new(inner, folders)
  local self = { inner = inner, folders = folders, running = 0, used = false }
  for _, name in ipairs(FACTS) do self[name] = inner[name] end
  for _, name in ipairs(PARTS) do
    self[name] = inner[name] and function(_, ...) return inner[name](inner, ...) end
  end
  self.find = inner.find and Emptying.look
  return setmetatable(self, Emptying)
end

-- The volumes are in use as long as the run is.
function Emptying:wrap(run)
  self.running, self.used = self.running + 1, true
  local wrapped = { run = run, runner = self, arn = run.arn }
  for _, name in ipairs { "received_again", "leave", "hurry" } do
    wrapped[name] = run[name] and function(_, ...) return run[name](run, ...) end
  end
  return setmetatable(wrapped, Run)
end

-- A task of an earlier receive.
function Emptying:look(job, policy)
  local run, exit = self.inner:find(job, policy)
  return run and self:wrap(run), exit
end

function Emptying:begin()
  if self.task or self.running > 0 or not self.used then return end
  self.task = scheduler.spawn(function()
    local ok, err = pcall(self.folders.empty, self.folders)
    self.task = nil
    if not ok then self.folders:complain("", tostring(err)) end
  end)
end

function Emptying:finish()
  while self.task do self.task:join() end
end

---@param job watchbot.Job
---@param environment table<string, string>
---@param policy table
---@param lapsed (fun(): boolean)?
function Emptying:start(job, environment, policy, lapsed)
  self:finish()
  self:begin()
  self:finish()
  if lapsed and lapsed() then return nil, "the lease has lapsed", "LeaseLapsed" end
  -- The start may wait: nothing may be emptied meanwhile.
  self.running, self.used = self.running + 1, true
  local run, err, code = self.inner:start(job, environment, policy, lapsed)
  self.running = self.running - 1
  if run then return self:wrap(run) end
  return nil, err, code
end

--- Ends the runner, then waits for the last emptying.
function Emptying:close()
  if self.inner.close then self.inner:close() end
  local task = self.task
  if task and task:join(LAST) == nil then
    task:cancel "the watcher ends before all volumes are empty"
  end
end

---@param seconds number?
---@return table? exit
function Run:wait(seconds)
  local exit = self.run:wait(seconds)
  if exit and not self.ended then
    self.ended = true
    self.runner.running = self.runner.running - 1
    self.runner:begin()
  end
  return exit
end

function Run:starts()
  return self.run:starts()
end

function Run:stop(reason, grace)
  self.run:stop(reason, grace)
end

return runner
