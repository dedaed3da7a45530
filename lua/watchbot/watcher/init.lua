--- watcher: receives messages from a queue as fast as its policy can run them, and ends in an
-- orderly way. Sits on two interfaces (queue, runner) and the policy's hooks. This file has what
-- concerns all jobs: the phase of the watcher, how many messages it may receive, start and end.
-- watcher/life.lua handles a single message.

local breaker = require "watchbot.watcher.breaker"
local drain = require "watchbot.watcher.drain"
local hooks = require "watchbot.watcher.hooks"
local intake = require "watchbot.watcher.intake"
local jobs = require "watchbot.watcher.jobs"
local leases = require "watchbot.watcher.leases"
local life = require "watchbot.watcher.life"
local load = require "watchbot.watcher.load"
local notify = require "watchbot.notify"
local own = require "watchbot.lib.own"
local pauses = require "watchbot.watcher.pauses"
local phase = require "watchbot.watcher.phase"
local policy = require "watchbot.policy"
local protect = require "watchbot.watcher.protect"
local reach = require "watchbot.watcher.reach"
local room = require "watchbot.watcher.room"
local scheduler = require "watchbot.scheduler"
local schedules = require "watchbot.watcher.schedules"
local settle = require "watchbot.watcher.settle"
local supervise = require "watchbot.lib.supervise"
local tally = require "watchbot.watcher.tally"

-- Seconds that a watcher that ends with its queue keeps trying messages that cannot be started.
local DRAIN_PATIENCE = 10

---@class watchbot.Watcher
---@field phase watchbot.Phase
---@field jobs watchbot.Jobs
---@field hooks watchbot.HookCaller
local Watcher = {}
Watcher.__index = Watcher

local watcher = {}

---@class watchbot.WatcherOptions
---@field queue table an open queue; the watcher closes it
---@field runner table
---@field journal watchbot.Journal
---@field until_empty boolean? end when the queue is empty
---@field patience number? seconds after which a watcher ends that can start no task; default:
--- never, or with `until_empty` soon
---@field unreached { err: string, code: string }? the queue does not answer yet
---@field share watchbot.Share? of the slots that it shares with the watchers of other queues

-- Loaded on demand: most policies have no limits.
local function apply_limits(...) require "watchbot.watcher.limiter".apply(...) end

-- Values that all jobs need.
local function make_life(self, options)
  local queue = options.queue
  self.settle = settle.new(queue)
  self.leases = leases.new(self.settle, self.hooks.policy.visibility, {
    lapsed = function(lease) self.life:lapsed(lease) end,
    failed = function(lease, err, code) self.life:extension_failed(lease, err, code) end,
    limited = function(lease) self.life:limited(lease) end,
    lost = function(lease) self.life:lost(lease) end,
    renewed = function(lease) self.life:renewed(lease) end,
    late = function(seconds) self.life:late(seconds) end,
  }, queue.embedded)
  return life.new {
    hooks = self.hooks, runner = self.runner, journal = self.journal, jobs = self.jobs,
    phase = self.phase, breaker = self.breaker, settle = self.settle, leases = self.leases,
    notices = self.notices, tally = self.tally, queue = queue,
    ready = self.protection and function() return self.protection:ready() end,
    wake = function() self.intake:wake() end,
    runs_late = function(entry) self:runs(entry) end,
    pause = function(seconds) return self.pauses:pause(seconds) end,
  }
end

local function make_intake(self, options)
  local current, queue = self.hooks.policy, options.queue
  return intake.new {
    queue = queue, visibility = current.visibility, until_empty = options.until_empty,
    gather = current.gather or queue.gather, share = self.share,
    capacity = function() return self:capacity() end,
    idle = function() return (self.share or self.jobs):none() end,
    is_stuck = function()
      self.gave_up = self.pauses:why_stuck()
      return self.gave_up ~= nil
    end,
    poll = function(free) return self:poll(free) end,
    accept = function(message) self.life:accept(message) end,
    failed = function(err, code)
      self.journal:error(nil, "error", err, "code", code, "where", "receive")
    end,
  }
end

function Watcher:protect(current)
  if self.share then
    self.protection = self.share:protection(current)
  else
    self.protection = protect(self, current, function()
      self.life:dispatch()
      self.intake:wake()
    end)
  end
  if not self.protection then return end
  self.jobs.arrived = function() self.protection:set(self.jobs:active() > 0) end
end

---@param current table
---@param options watchbot.WatcherOptions
---@return watchbot.Watcher
function watcher.new(current, options)
  local self = own({
    queue = options.queue, runner = options.runner, journal = options.journal,
    breaker = breaker.new(options.patience or options.until_empty and DRAIN_PATIENCE or nil),
    jobs = jobs.new(),
    phase = phase.new(), tally = tally.new(), share = options.share or false, protection = false,
    limiter = false, leaving = false, pauses = false, changed = scheduler.event(),
    unreached = options.unreached or false,
  }, Watcher)
  self.hooks = hooks.new(current, self.journal)
  self.notices = notify.new(self.hooks, self.journal)
  self.pauses = pauses.new(self.queue, self.journal)
  self:protect(current)
  self.life = make_life(self, options)
  self.intake = make_intake(self, options)
  if self.share then self.share:join(self) end
  -- Where slots are shared, one that is free may be for another queue.
  self.starts = self.share or self.life
  if self.queue.keep_history then self.keeper = require "watchbot.watcher.keeper".new(self) end
  if current.limits then apply_limits(self, current) end
  self.jobs.watcher = self
  return self
end

--- Reacts to a job's change of stage, for the watcher as a whole.
---@param to string
---@param change watchbot.ChangeOfStage
function Watcher:moved(_, change)
  if self.protection and (change.total ~= 0 or change.lingerers ~= 0) then
    self.protection:set(self.jobs:active() > 0)
  end
  if change.starts then self.starts:dispatch() end
  if change.total < 0 then self:job_ended() end
  if not change.frees then return end
  if self.share then self.share:wake() else self.intake.changed:set() end
end

-- A task that starts while the watcher ends is treated like all others.
function Watcher:runs(entry)
  if self.phase.stopping:is_set() then
    self.life:stop(entry)
  elseif self.leaving then
    self.life:leave(entry)
  end
end

-- The policy may end the watcher after a number of jobs.
function Watcher:job_ended()
  local limit = self.hooks.plain.jobs
  if limit and self.phase:watching() and room.jobs_done(self) >= limit then
    local all = self.share and self.share.shares.owner or self
    all:stop()
  end
  if self.breaker.open and self.phase:watching() then self:give_up() end
  if self.jobs.total == 0 then self.changed:set() end
end

-- A queue whose messages cannot be started never becomes empty: report the reason to the caller
-- that waits for it.
function Watcher:give_up()
  if not self.jobs:none() or not self.breaker:exhausted() then return end
  self.gave_up = self.breaker.reason
  self:stop()
end

-- taking messages

function Watcher:poll(free)
  local count, wait = self.hooks:ask("poll", {
    free = free, running = self.jobs.slots, lingering = self.jobs.lingerers,
  })
  if not count then count, wait = policy.poll(self.hooks.policy, { free = free }) end
  if self.share then return self.share:poll(count, wait) end
  return count, wait
end

--- The most jobs at once.
---@return integer
function Watcher:slots()
  return self.share and self.share:most() or self.life:slots()
end

---@return number
function Watcher:free() return room.free(self) end

---@return number
function Watcher:capacity()
  if self.share then return self.share:capacity() end
  return math.min(room.free(self), room.jobs_left(self))
end

-- beginning and end

--- Begins to stop: no message is received any more, jobs that have not started are returned,
--- running ones may finish within the policy's `drain` seconds. A second call stops running jobs
--- now; another one leaves tasks elsewhere that have not stopped yet. Does not wait.
function Watcher:stop()
  if self.retired and not self.retired:is_set() then
    self.retired:set()
    return self.changed:set()
  end
  if not self.phase:watching() then
    local stops_already = not self.phase:enter "stopping" or self.hooks.policy:stopping() == "stop"
    if stops_already and not self.phase.at_once then self.phase.hurried:set() end
    return self.changed:set()
  end
  self.journal:info(nil, "event", "draining", "running", self.jobs.slots, "waiting",
    self.jobs:waiting(), "seconds", self.hooks.policy.drain, "reason", self.gave_up)
  self.phase:enter "draining"
  self.intake:close()
end

--- Begins to stop, and lets running jobs finish: only `stop` sets a limit.
---@param reason string
function Watcher:retire(reason)
  if not self.phase:watching() then return end
  self.retired = scheduler.event()
  self.journal:info(nil, "event", "draining", "running", self.jobs.slots, "waiting",
    self.jobs:waiting(), "reason", reason)
  self.phase:enter "draining"
  self.intake:close()
end

--- Ends at once: running tasks are killed.
function Watcher:abort()
  self.phase.at_once = true
  if self.retired then self.retired:set() end
  self:stop()
  self:stop()
  self.life:stop_all()
end

--- Waits until nothing is in flight, at most `seconds`; `event` ends the wait.
---@return boolean
function Watcher:settled(seconds, event)
  local until_time = scheduler.now() + seconds
  while not self.jobs:none() do
    local left = until_time - scheduler.now()
    if left <= 0 or (event and event:is_set()) then return false end
    self.changed:clear()
    self.changed:wait(left)
  end
  return true
end

Watcher.drain = drain

--- Replaces the hooks and fields with those of another policy, for jobs that start from now on.
---@param fresh watchbot.Policy
---@return true? ok
---@return string? err why not: queue and runner cannot be changed in a watcher that runs
---@return "Incompatible"? code
function Watcher:reload(fresh)
  local same = policy.compatible(self.hooks.policy, fresh)
  if same ~= true then return nil, same, "Incompatible" end
  scheduler.spawn(self.notices.flush, self.notices, self.hooks.policy)
  self:take_over(fresh)
  return true
end

--- The same for a policy that fits.
---@param fresh watchbot.Policy
function Watcher:take_over(fresh)
  self.hooks:use(fresh)
  self.leases.visibility = fresh.visibility
  self.intake.options.visibility = fresh.visibility
  if self.keeper then self.keeper:apply(fresh) end
  self.scheduling = self.scheduling or schedules.attend(self)
  if fresh.limits or self.limiter then apply_limits(self, fresh) end
  self.intake:wake()
  self.starts:dispatch()
end

--- Starts a task that runs as long as the watcher.
---@param name string
---@param body function
---@param ... any
---@return watchbot.Supervised
function Watcher:supervise(name, body, ...)
  return supervise(name, function(_, err, pause)
    self.journal:error(nil, "error", err, "where", name, "seconds", pause)
  end, body, ...)
end

-- The tasks that run as long as the watcher.
function Watcher:start_tasks()
  local tasks = {
    self:supervise("heartbeats", self.leases.run, self.leases),
    self:supervise("pauses", self.pauses.run, self.pauses),
  }
  if self.runner.status then tasks[#tasks + 1] = self:supervise("status", load.run, self) end
  if self.keeper then tasks[#tasks + 1] = self:supervise("keeper", self.keeper.run, self.keeper) end
  self.scheduling = schedules.attend(self, true)
  return tasks
end

-- One step of the end: an error in it does not prevent the next one.
function Watcher:step(body, ...)
  local ok, err = xpcall(body, debug.traceback, ...)
  if not ok then pcall(self.hooks.complain, self.hooks, err, "end") end
end

function Watcher:finish(tasks)
  for _, task in ipairs(tasks) do task:cancel "the watcher ends" end
  if not self.share then
    self:step(self.notices.flush, self.notices, self.hooks.policy)
    if self.protection then self:step(self.protection.close, self.protection) end
  end
  if self.keeper then self:step(self.keeper.close, self.keeper) end
  if not self.share then self.hooks:call "stop" end
  self:step(function()
    self.tally:log(self.journal, self.queue.api_calls and self.queue:api_calls())
  end)
  self.life.crew:close()
  self.phase:enter "ended"
  self:step(self.queue.close, self.queue)
end

-- A queue that did not answer at the start is waited for.
function Watcher:take_messages()
  local unreached = self.unreached
  if unreached then
    local ok, err, code = reach.wait {
      queue = self.queue, journal = self.journal, ended = self.phase.draining,
      err = unreached.err, code = unreached.code,
    }
    self.refused = not ok and code or nil
    if not ok then
      self.intake.refusal = err
      return self.intake:close()
    end
    self.unreached = false
    if self.queue.warning then self.journal:warning(nil, "warning", self.queue.warning) end
  end
  self.pauses:look()
  self.intake:run()
end

--- Watches until `stop`, or with `until_empty` until the queue is empty; then drains. Waits in a
--- task.
---@return true? ok
---@return string? err if receiving is not allowed, or the queue does not exist
---@return string? code "NotAllowed", or the code of AWS
function Watcher:run()
  if not self.share then self.hooks:call "start" end
  local tasks = self:start_tasks()
  -- Of several queues, each line names its queue.
  self.journal:info(nil, "event", "watching", self.share and "url" or "queue", self.queue.name,
    "workers", self.hooks.policy.workers, "policy", self.journal.identity)
  self:supervise("polls", self.take_messages, self):ends_with(self.phase.draining):join()
  self:step(self.drain, self)
  self:finish(tasks)
  local refusal = self.intake.refusal
  return not refusal or nil, refusal, refusal and (self.refused or "NotAllowed")
end

--- Whether the watcher has ended because the queue was empty.
---@return boolean
function Watcher:emptied() return self.intake.emptied == true end

--- Why the watcher has given up an `until_empty`: no task can be started.
---@return string?
function Watcher:why_given_up() return self.gave_up end

return watcher
