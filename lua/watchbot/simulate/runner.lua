--- simulate.runner: tasks that only take time: they end as the load says. What a policy's `command`
-- or `task` makes of each message is built for real, so that its errors show.

local limits = require "watchbot.runner.limits"
local scheduler = require "watchbot.scheduler"
local runner = require "watchbot.testing.runner"

local Run = {}
Run.__index = Run

---@class watchbot.simulate.Runner
local Runner = {}
Runner.__index = Runner

local module = {}

---@param kind string of the policy
---@param tally watchbot.SimulatedTally
---@param load watchbot.Load
---@param capacity integer? tasks that there is room for
---@return watchbot.simulate.Runner
function module.new(kind, tally, load, capacity)
  local plan = runner.planner(kind)
  return setmetatable({
    plan = plan, elsewhere = kind == "ecs" or nil, tally = tally, load = load,
    room = capacity or math.huge,
    -- Nothing starts with it; the policy's own hook is called nevertheless.
    ignores_environment = kind ~= "ecs",
  }, Runner)
end

---@param job watchbot.Job
---@param environment table<string, string>
---@param policy watchbot.Policy
---@return table? run
---@return string? err
---@return string? code
function Runner:start(job, environment, policy)
  local plan, err, code = self.plan(policy, job, environment)
  if not plan then return nil, err, code end
  if self.tally.running >= self.room then
    self.tally.refused = self.tally.refused + 1
    return nil, "there is no capacity for another task", "NoRoom"
  end
  local message = self.tally:starts_task(job.id)
  local seconds, exit = self.load:attempt(message.number, message.runs)
  local run = limits.begin(setmetatable({
    id = job.id, tally = self.tally, over_event = scheduler.event(), elsewhere = self.elsewhere,
    given = exit,
  }, Run), policy)
  run.ends_at = run.began + seconds
  return run
end

-- The end of the task: the exit of the load, or that of a stop.
function Run:finish(exit)
  local seconds = runner.rounded(scheduler.now() - self.began)
  self.tally:ends_task(seconds)
  return {
    code = exit.code, signal = exit.signal, reason = exit.reason, duration = seconds,
    elsewhere = self.elsewhere, stopped = exit.stopped,
  }
end

---@param seconds number?
---@return watchbot.Exit?
function Run:ended(seconds)
  local left = math.max(0, self.ends_at - scheduler.now())
  local over = self.over_event:wait(seconds and math.min(seconds, left) or left)
  if over then return self:finish(self.stop_exit) end
  -- A sum of times may be rounded to just behind the clock.
  if not seconds or left <= seconds then return self:finish(self.given) end
end

--- Stopping ends a simulated task at once.
---@param reason string
function Run:stop(reason)
  self.reason = self.reason or reason
  self.stop_exit = { signal = "TERM", reason = reason }
  self.over_event:set()
end

limits.extend(Run)

return module
