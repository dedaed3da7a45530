--- runner.ecs.run: one ECS task that is followed for a job, until it has ended or is given up. It
-- enforces `timeout` and `pending_timeout` itself: the time of `timeout` starts when ECS has
-- started the task, possibly for an earlier watcher.

local denied = require "watchbot.aws.denied"
local ecs = require "watchbot.lib.limits".ecs
local ending = require "watchbot.runner.ecs.ending"
local limits = require "watchbot.runner.limits"
local refusal = require "watchbot.runner.ecs.refusal"
local scheduler = require "watchbot.scheduler"

-- Seconds between two attempts to stop a task: the first, and the longest.
local STOP_AGAIN, STOP_SELDOM = 5, 60

-- Seconds after which a task that cannot be stopped, for a permanent reason, is given up.
local UNSTOPPABLE = 120

---@class watchbot.ecs.Run
---@field arn string
---@field watch watchbot.ecs.Watch
local Run = {}
Run.__index = Run

local run = {}

--- Whether a task has started to run.
---@param task table?
---@return boolean
function run.has_started(task)
  return task ~= nil and (task.startedAt ~= nil or task.lastStatus == "RUNNING")
end

---@class watchbot.ecs.RunParts
---@field client table an ECS client
---@field follower watchbot.ecs.Follower
---@field task table the task as ECS described it
---@field cluster string
---@field container string? the one with the message; default: the one that the task names
---@field job watchbot.Job
---@field policy watchbot.Policy
---@field ended fun(job: watchbot.Job) called when its end was seen
---@field failed fun(err: string, code: string, job: watchbot.Job) called with a failed StopTask

--- Follows a task.
---@param parts watchbot.ecs.RunParts
---@return watchbot.ecs.Run
function run.new(parts)
  local self = setmetatable(parts, Run)
  self.arn, self.begun = parts.task.taskArn, scheduler.now()
  self.cluster = parts.task.clusterArn or parts.cluster
  self.watch = self.follower:track(self.arn, self.cluster, parts.task)
  return self
end

-- limits

-- Seconds that the task has run.
function Run:age()
  local started = ending.time(self.watch.task.startedAt)
  return started and math.max(0, scheduler.time() / 1000 + self.client.clock_offset - started) or 0
end

-- Seconds until a limit of this task is reached, and the error then.
function Run:limit()
  local now = scheduler.now()
  if self.stopping then return math.huge end
  if run.has_started(self.watch.task) then
    self.running_since = self.running_since or now - self:age()
    local timeout = self.policy.timeout
    if timeout <= 0 then return math.huge end
    return self.running_since + timeout - now, limits.timed_out(timeout), "timed_out"
  end
  local patience = self.policy.pending_timeout
  return self.begun + patience - now, ("not running after %g s"):format(patience), "blameless"
end

-- the end

local function gone(self, reason)
  return {
    reason = reason, duration = 0, task = self.arn, cluster = self.cluster, elsewhere = true,
  }
end

-- The exit of a task that cannot be described any more. If a permission or the cluster is missing,
-- it counts as a task that could not be started, so that the breaker counts it.
local function lost(self)
  local err, code = self.watch.lost_err, self.watch.lost_code
  local exit = gone(self, ("ECS does not know the task any more: %s"):format(err))
  local kind = code and refusal.of_error(err, code)
  if kind == "denied" then
    exit.reason = denied.message("ecs:DescribeTasks", ("task '%s'"):format(self.arn), err)
  elseif code then
    exit.reason = "the end of the task cannot be known: " .. err
  end
  if kind == "denied" or kind == "configuration" then
    exit.not_started, exit.error = true, code
  else
    exit.blameless = true
  end
  return exit
end

--- The exit of the task, if it has ended.
---@return watchbot.Exit?
function Run:over()
  local task = self.watch.task
  if self.left then
    local exit = gone(self, "left running")
    exit.left = true
    return exit
  elseif task and task.lastStatus == "STOPPED" then
    return ending.exit(task, self.container, self.stopping)
  elseif self.unstoppable then
    return gone(self, self.unstoppable)
  elseif self.watch.lost then
    return lost(self)
  end
end

function Run:finish(exit)
  local task = self.watch.task
  self.follower:forget(self.watch)
  if task and task.lastStatus == "STOPPED" then self.ended(self.job) end
  if self.reason and self.reason ~= exit.reason then
    exit.reason = self.unstoppable and self.reason .. "; " .. self.unstoppable or self.reason
  end
  if self.flag then exit[self.flag] = true end
  -- A task that never ran because it was stopped here does not show whether tasks can be started.
  if self.stopping then exit.not_started = nil end
  return exit
end

--- Waits until `done()` returns something, and stops the task when it has reached a limit.
function Run:await(done)
  while true do
    local result = done()
    if result ~= nil then return result end
    local left, reason, flag = self:limit()
    if left <= 0 then
      self.flag = flag
      self:stop(reason)
    else
      self.watch.changed:clear()
      self.watch.changed:wait(left < math.huge and left or nil)
    end
  end
end

--- Waits until the task runs, or has ended.
---@return boolean runs
function Run:starts()
  return self:await(function()
    if self:over() then return false end
    return run.has_started(self.watch.task) or nil
  end)
end

--- Waits for the end of the task.
---@return watchbot.Exit exit
function Run:wait()
  return self:finish(self:await(function() return self:over() end))
end

-- stopping

-- A failure of StopTask: whether to give up.
function Run:could_not_stop(err, code, since)
  local kind = refusal.of_error(err, code)
  if kind == "denied" then
    err = denied.message("ecs:StopTask", ("task '%s'"):format(self.arn), err)
  end
  if not self.complained then self.failed(err, code, self.job) end
  self.complained = true
  local patience = self.hurried and 0 or UNSTOPPABLE
  if refusal.passes(kind) or scheduler.now() - since < patience then return false end
  self.unstoppable = "the task could not be stopped and runs on: " .. err
  self.watch.changed:set()
  return true
end

-- Stops the task, with retries: a StopTask that fails must not let it run forever.
function Run:stop_it()
  local since, pause = scheduler.now(), STOP_AGAIN
  while not self:over() do
    local answer, err, code = self.client:StopTask {
      cluster = self.cluster, task = self.arn, reason = self.reason:sub(1, ecs.reason),
    }
    if answer or self:could_not_stop(err, code, since) then return end
    scheduler.sleep(pause)
    pause = math.min(pause * 2, STOP_SELDOM)
  end
end

--- The watcher ends: a task that cannot be stopped is given up at once, for the next watcher.
function Run:hurry()
  self.hurried = true
end

--- Stops the task: ECS sends its STOPSIGNAL, and KILL after the container's stopTimeout.
---@param reason string
function Run:stop(reason)
  self.reason = self.reason or reason
  if self.stopping then return end
  self.stopping = true
  scheduler.spawn(self.stop_it, self)
end

--- The message was received again while the task is followed: a task that is still pending is
--- stopped, and its message kept.
function Run:received_again()
  if run.has_started(self.watch.task) then return end
  self.flag = "blameless"
  self:stop "still pending when its message was received again"
end

--- Lets the task run without this watcher.
function Run:leave()
  self.left = true
  self.watch.changed:set()
end

return run
