--- watcher: the life of a job, from its receive to what becomes of its message.
-- Sits on the two seams (queue, runner) and the policy's hooks. A message is deleted only when an outcome says so; whatever
-- else goes wrong, in a hook or in here, the message goes back to the queue.

local scheduler = require "watchbot.scheduler"
local attempt = require "watchbot.watcher.attempt"
local breaker = require "watchbot.watcher.breaker"
local fifo = require "watchbot.lib.fifo"
local hooks = require "watchbot.watcher.hooks"
local intake = require "watchbot.watcher.intake"
local job = require "watchbot.message.job"
local leases = require "watchbot.watcher.leases"
local notices = require "watchbot.notify"
local policies = require "watchbot.policy"
local settle = require "watchbot.watcher.settle"
local tally = require "watchbot.watcher.tally"

-- Pauses of a job that could not be placed, and how long it is held before it is given back, in seconds.
local FIRST_HOLD, LONGEST_HOLD, HOLD_LIMIT = 1, 60, 600

-- Jobs that are held or still being settled; above that no messages are taken.
local LINGERING_LIMIT = 1000

---@class watchbot.Watcher
local Watcher = {}
Watcher.__index = Watcher

local watcher = {}

---@class watchbot.WatcherOptions
---@field queue table an open queue; the watcher closes it
---@field runner table
---@field journal watchbot.Journal
---@field until_empty boolean? end when the queue is empty

---@param policy table
---@param options watchbot.WatcherOptions
---@return watchbot.Watcher
function watcher.new(policy, options)
  local self = setmetatable({
    policy = policy, queue = options.queue, runner = options.runner, journal = options.journal,
    breaker = breaker.new(), probe_at = 0, jobs = {}, waiting = fifo.new(), running = 0, lingering = 0,
    duration = math.huge, draining = scheduler.event(), hurry = scheduler.event(), changed = scheduler.event(),
    tally = tally.new(),
  }, Watcher)
  self.hooks = hooks.new(policy, self.journal)
  self.notices = notices.new(self.hooks, self.journal)
  if policy.protect and os.getenv "ECS_AGENT_URI" then
    self.protection = require "watchbot.watcher.protection".new(self.journal)
  end
  self.settle = settle.new(options.queue, policy.linger or options.queue.linger)
  self.leases = leases.new(self.settle, policy.visibility, {
    lapsed = function(lease) self:lapsed(lease) end,
    failed = function(lease, message, code) self:extension_failed(lease, message, code) end,
    limited = function(lease) self:limited(lease) end,
  })
  self.intake = intake.new {
    queue = options.queue, visibility = policy.visibility, until_empty = options.until_empty,
    gather = policy.gather or options.queue.gather,
    capacity = function() return self:capacity() end,
    idle = function() return next(self.jobs) == nil end,
    poll = function(free) return self:poll(free) end,
    accept = function(message) self:accept(message) end,
    failed = function(message, code) self.journal:error(nil, "error", message, "code", code, "where", "receive") end,
  }
  return self
end

-- taking messages

function Watcher:poll(free)
  local ok, count, wait = self.hooks:call("poll", { free = free, running = self.running, lingering = self.lingering })
  if ok and math.type(count) == "integer" and type(wait) == "number" then return count, wait end
  if ok then self.hooks:complain("poll must return how many to ask for and seconds to wait", "poll") end
  return policies.poll(self.policy, { free = free })
end

--- How many received messages may wait for a slot: only as long as the last of them starts within a second.
function Watcher:prefetch()
  if self.queue.fifo or self.breaker.open then return 0 end
  return math.min(self.policy.prefetch, self.policy.workers // math.max(self.duration, 1e-3)) // 1 | 0
end

--- How many jobs may still begin, where the policy ends the watcher after so many.
function Watcher:jobs_left()
  if not self.policy.jobs then return math.huge end
  return self.policy.jobs - self.tally:jobs() - self.running - self.waiting:count() - self.lingering
end

function Watcher:free()
  if self.draining:is_set() or self.lingering >= LINGERING_LIMIT then return 0 end
  if self.breaker.open then return self:probe_capacity() end
  if self.unplaced then return 0 end
  local waiting, prefetch = self.waiting:count(), self:prefetch()
  if waiting > prefetch // 2 then return 0 end
  return self.policy.workers + prefetch - self.running - waiting
end

function Watcher:capacity()
  return math.min(self:free(), self:jobs_left())
end

-- One message a minute.
function Watcher:probe_capacity()
  return scheduler.now() >= self.probe_at and 1 or 0
end

--- A message has arrived: a job begins, or one that runs gets a newer receipt handle.
function Watcher:accept(message)
  local entry = self.jobs[message.id]
  if entry and not entry.returning then
    self.tally:count "duplicate"
    self.journal:info(message.id, "duplicate", true, "receives", message.receives)
    self.leases:adopt(entry.lease, message)
    if entry.run and entry.run.received_again then entry.run:received_again() end
    return
  end
  entry = { id = message.id, job = job.new(message, self.queue.max_receives) }
  entry.lease = self.leases:take(message, entry)
  self.jobs[entry.id] = entry
  if self.protection then self.protection:set(true) end
  if self.draining:is_set() or (self.breaker.open and not self:is_probe()) then
    scheduler.spawn(self.give_back, self, entry)
  else
    self.waiting:push(entry)
    self:dispatch()
  end
end

-- Of what arrives while the breaker is open, one message a minute is tried.
function Watcher:is_probe()
  if self:probe_capacity() == 0 then return false end
  self.probe_at = scheduler.now() + self.policy.probe
  return true
end

--- Starts what waits, as far as there are slots.
function Watcher:dispatch()
  while self.running < self.policy.workers and self.waiting:count() > 0 and not self.draining:is_set() do
    self.running = self.running + 1
    scheduler.spawn(self.work, self, self.waiting:pop())
  end
end

--- All that has not started goes back to the queue, to be seen at once.
function Watcher:give_back_waiting()
  for entry in self.waiting.pop, self.waiting do scheduler.spawn(self.give_back, self, entry) end
end

-- running one job

function Watcher:free_slot()
  self.running = self.running - 1
  self:dispatch()
  self.intake:wake()
end

-- How long a job takes, the newest ones counting most.
function Watcher:took(seconds)
  self.duration = self.duration == math.huge and seconds or self.duration * 0.8 + seconds * 0.2
end

--- A job in its slot, and what follows without one.
function Watcher:work(entry)
  local ok, outcome, seconds, exit = xpcall(attempt.run, debug.traceback, self, entry)
  if not ok then
    self.hooks:complain(outcome, "watcher")
    outcome, seconds, exit = "retry", nil, { reason = "internal error" }
  end
  entry.run = nil
  if exit and exit.duration then self:took(exit.duration) end
  self:free_slot()
  self.lingering = self.lingering + 1
  if outcome == "hold" then
    self:hold(entry, seconds, exit)
  else
    self:conclude(entry, outcome, seconds, exit or {})
  end
  self.lingering = self.lingering - 1
  self.changed:set()
  self.intake:wake()
end

--- The task of a job runs: now it can be stopped.
function Watcher:running_now(entry, run)
  entry.run = run
  if self.leaving then
    self:leave(entry)
  elseif self.hurry:is_set() then
    self:stop_run(entry)
  end
end

-- tasks that cannot be started at all

function Watcher:started()
  if self.breaker:started() then
    self.journal:info(nil, "event", "tasks start again, taking messages")
    self.intake:wake()
  end
end

function Watcher:not_started(entry, exit)
  local was_open = self.breaker.open
  local opened = self.breaker:failed()
  -- What fails while the breaker is open has only shown what is known: no notification, and no attempt is counted.
  entry.probe = was_open
  if opened then
    self.probe_at = scheduler.now() + self.policy.probe
    exit.reason = "no more messages are taken, since no task can be started: " .. (exit.reason or "exit code " .. exit.code)
    self.journal:error(nil, "event", "no task can be started, trying one message at a time", "reason", exit.reason,
      "seconds", self.policy.probe)
    self:give_back_waiting()
  end
end

-- jobs that have to wait without a slot

--- Keeps the message with heartbeats, then lets the job wait for a slot again; gives it back when that lasts.
function Watcher:hold(entry, seconds, exit)
  local now = scheduler.now()
  entry.held_since = entry.held_since or now
  if exit.unplaced then
    self.unplaced = (self.unplaced or 0) + 1
    entry.pause = math.min((entry.pause or FIRST_HOLD / 2) * 2, LONGEST_HOLD)
    seconds = entry.pause * (0.5 + math.random() / 2)
    self.journal:held(entry.job, exit, seconds)
  end
  local lasts = exit.unplaced and now - entry.held_since > HOLD_LIMIT
  local drained = not lasts and self.draining:wait(math.max(tonumber(seconds) or 1, 0.01))
  if exit.unplaced then self.unplaced = self.unplaced > 1 and self.unplaced - 1 or nil end
  if drained or lasts then return self:give_back(entry) end
  self.waiting:push_front(entry)
  self:dispatch()
end

-- settling

function Watcher:forget(entry)
  if self.jobs[entry.id] == entry then self.jobs[entry.id] = nil end
  if self.protection and not next(self.jobs) then self.protection:set(false) end
  self.changed:set()
  self.intake:wake()
end

--- Returns a message that has not run, to be seen at once; where the queue can, the receive does not count.
function Watcher:give_back(entry)
  self.tally:count "returned"
  self:put_back(entry, 0, true)
  self:forget(entry)
end

function Watcher:put_back(entry, seconds, uncount)
  self.leases:decide(entry.lease)
  entry.returning = true
  local ok, message, code = self.settle:delay(entry.lease, seconds, uncount)
  if not ok then self.journal:warning(entry.id, "error", message, "code", code, "where", "return") end
end

function Watcher:delete(entry)
  self.leases:decide(entry.lease)
  local ok, message, code = self.settle:delete(entry.lease)
  if not ok then self.journal:error(entry.id, "error", message, "code", code, "where", "delete") end
end

--- How long the message stays out of sight: never so long that it would outlive the queue's limit.
function Watcher:backoff(entry, seconds)
  if type(seconds) ~= "number" then
    local ok, hooked = self.hooks:call("backoff", entry.job)
    seconds = ok and type(hooked) == "number" and hooked or policies.backoff(self.policy, entry.job)
  end
  local left = leases.left(entry.lease, scheduler.boottime())
  if seconds ~= seconds then seconds = 0 end
  return math.ceil(math.max(0, math.min(seconds, left)))
end

--- Tells somebody of a failure, unless it is none of the job's.
function Watcher:notify(entry, outcome, exit)
  local early = outcome == "retry" and not entry.job.last and entry.job.receives < self.policy.notify_after
  if entry.probe or exit.stopped or early then return end
  self.notices:send(entry.id, entry.job, outcome, exit)
end

--- What the outcome says happens to the message.
function Watcher:conclude(entry, outcome, seconds, exit)
  local returns = outcome == "release" or outcome == "retry"
  seconds = returns and (exit.stopped and seconds or self:backoff(entry, seconds)) or nil
  self.tally:count(exit.blameless and "blameless" or outcome)
  self.journal:outcome(entry.job, outcome, exit, seconds)
  if outcome == "reject" then self:notify(entry, outcome, exit) end
  if returns then
    self:put_back(entry, seconds, entry.probe or exit.stopped or exit.blameless)
  else
    self:delete(entry)
  end
  self:forget(entry)
  if outcome == "retry" then self:notify(entry, outcome, exit) end
  if self.tally:jobs() >= (self.policy.jobs or math.huge) and not self.draining:is_set() then self:stop() end
end

-- leases

function Watcher:lapsed(lease)
  self.journal:error(lease.owner.id, "error", "the lease has lapsed, another watcher may run the message too", "code",
    "LeaseLapsed", "receives", lease.receives, "where", "lease")
end

function Watcher:extension_failed(lease, message, code)
  self.journal:warning(lease.owner.id, "error", message, "code", code, "where", "heartbeat")
end

function Watcher:limited(lease)
  local entry = lease.owner
  local reason = "stopped: a message can be kept for at most 12 hours"
  self.journal:error(entry.id, "error", reason)
  if entry.run then entry.run:stop(reason, self.policy.kill_grace) end
end

-- beginning and end

function Watcher:stop_run(entry)
  entry.stopped = true
  entry.run:stop("stopped: the watcher is draining", self.aborting and 0 or self.policy.kill_grace)
end

--- Ends at once: what runs is killed.
function Watcher:abort()
  self.aborting = true
  self:stop()
  if not self.hurry:is_set() then self:stop() end
  for _, entry in pairs(self.jobs) do
    if entry.run then self:stop_run(entry) end
  end
end

--- Waits until nothing is in flight, at most `seconds`; `hurry` cuts it short.
function Watcher:settled(seconds, event)
  local until_time = scheduler.now() + seconds
  while next(self.jobs) or self.lingering > 0 do
    local left = until_time - scheduler.now()
    if left <= 0 or (event and event:is_set()) then return false end
    self.changed:clear()
    self.changed:wait(left)
  end
  return true
end

--- Begins the end: no message is taken any more, what has not started goes back, what runs may finish for the policy's
--- `drain` seconds. A second call hurries: what runs is stopped now. Does not wait.
function Watcher:stop()
  if self.draining:is_set() then
    self.hurry:set()
    self.changed:set()
  else
    self.journal:info(nil, "event", "draining", "running", self.running, "waiting", self.waiting:count(),
      "seconds", self.policy.drain)
    self.draining:set()
    self.intake:close()
  end
end

--- Lets the task of a job run on without us: whoever gets its message next finds it.
function Watcher:leave(entry)
  entry.stopped = true
  entry.run:leave()
end

-- What runs somewhere else can be left running, for whoever takes over.
function Watcher:leave_running()
  self.leaving = true
  for _, entry in pairs(self.jobs) do
    if entry.run then self:leave(entry) end
  end
end

function Watcher:drain()
  local on_stop = self.policy:stopping()
  self.draining:set()
  self.intake:close()
  if on_stop == "leave" and not self.aborting then self:leave_running() end
  self.intake:cut(self.queue.cut or 0)
  self:give_back_waiting()
  if self:settled(on_stop == "stop" and 0 or self.policy.drain, self.hurry) then return end
  self.hurry:set()
  for _, entry in pairs(self.jobs) do
    if entry.run then self:stop_run(entry) end
  end
  -- After the KILL only the returning is left; a queue that does not answer must not hold up the exit.
  if not self:settled(self.policy.kill_grace + 1 + (self.runner.stop_takes or 0)) then
    self.journal:error(nil, "error", "not all messages could be returned, they come back by their visibility")
  end
end

--- Swaps the hooks and fields for those of another policy, for the jobs that begin from now on.
---@return true? ok
---@return string? message why not: queue and runner cannot be changed in a watcher that runs
function Watcher:reload(policy)
  local same = policies.compatible(self.policy, policy)
  if same ~= true then return nil, same, "Incompatible" end
  scheduler.spawn(self.notices.flush, self.notices, self.policy)
  self.policy, self.hooks.policy = policy, policy
  self.leases.visibility = policy.visibility
  self.intake.options.visibility = policy.visibility
  self.intake:wake()
  self:dispatch()
  return true
end

--- How busy the watcher is, for a fleet's metrics.
function Watcher:log_status()
  local counts = self.queue:counts()
  self.journal:info(nil, "max", self.policy.workers, "concurrency", self.running, "messages", counts and counts.visible,
    "pending", self.runner:status(), "held", self.unplaced or 0)
end

--- Watches until `stop`, or until the queue is empty where that was asked for; then drains. Waits in a task.
---@return true? ok
---@return string? message when the queue lets nobody receive
---@return string? code "NotAllowed"
function Watcher:run()
  self.hooks:call "start"
  local heartbeat = scheduler.spawn(self.leases.run, self.leases)
  self.journal:info(nil, "event", "watching", "queue", self.queue.name, "workers", self.policy.workers)
  local status = self.runner.status and scheduler.every(self.policy.status, self.log_status, self)
  local ok, err = pcall(self.intake.run, self.intake) -- err: a refusal too
  if not ok then self.hooks:complain(err, "intake") end
  self:drain()
  heartbeat:cancel()
  if status then status:cancel() end
  self.notices:flush(self.policy)
  if self.protection then self.protection:close() end
  self.hooks:call "stop"
  self.tally:log(self.journal, self.queue.api_calls and self.queue:api_calls())
  self.queue:close()
  if not ok then error(err, 0) end
  return not err or nil, err, err and "NotAllowed"
end

return watcher
