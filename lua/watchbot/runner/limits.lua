--- runner.limits: a run enforces the policy's `timeout` itself, with one rule for all runners. A
-- runner that knows when its task really started (ECS) has its own implementation of the rule, with
-- the same text.

local scheduler = require "watchbot.scheduler"

-- A task that has run this many seconds has started, whatever its exit code.
local STARTED_AFTER = 1

local limits = {}

-- The newest text: each job needs one, and it is almost always the same.
local newest = { seconds = 0, text = "timed out after 0 s" }

--- The reason of a task that was stopped by `timeout`.
---@param seconds number
---@return string
function limits.timed_out(seconds)
  if newest.seconds ~= seconds then
    newest = { seconds = seconds, text = ("timed out after %g s"):format(seconds) }
  end
  return newest.text
end

-- Seconds until the time limit; nil without one. In whole microseconds: rounding a difference of
-- clocks must not put the limit after another wait of the same length.
local function left_of(run)
  if not run.limit then return nil end
  local left = run.began + run.limit - scheduler.now()
  return math.max(0, math.floor(left * 1e6 + 0.5) / 1e6)
end

--- Waits for the end of the task for at most `seconds`, and stops it at its time limit.
local function wait_for(run, seconds)
  if run.exit then return run.exit end
  local left = not run.over and left_of(run) or nil
  local exit = run:ended(left and seconds and math.min(left, seconds) or left or seconds)
  if not exit and left and (not seconds or left <= seconds) then
    run.over = run.reason == nil
    run:stop(limits.timed_out(run.limit), run.grace)
    exit = run:ended(seconds)
  end
  if not exit then return nil end
  exit.timed_out = run.over and true or exit.timed_out
  run.exit = exit
  return exit
end

local Limited = {}

--- Waits until the task has started, or ended before.
---@return boolean started
function Limited:starts()
  return wait_for(self, STARTED_AFTER) == nil
end

--- Waits for the end of the task.
---@param seconds number?
---@return watchbot.Exit? exit nil when `seconds` have passed
function Limited:wait(seconds)
  return wait_for(self, seconds)
end

--- Gives a class of runs `starts` and `wait`. It must have `ended(seconds?) -> exit?`, which waits,
--- and `stop(reason, grace)`, which stores the first reason in `reason`.
---@param Run table the class
function limits.extend(Run)
  Run.starts, Run.wait = Limited.starts, Limited.wait
end

--- Starts the time limit of a run.
---@param run table
---@param policy table
---@return table run
function limits.begin(run, policy)
  run.began, run.grace = scheduler.now(), policy.kill_grace
  run.limit = policy.timeout > 0 and policy.timeout or nil
  return run
end

return limits
