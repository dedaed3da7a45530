--- watcher.life: the life of each job, from its receive until the watcher no longer has its
-- message. One coroutine owns a job all that time. Whatever fails in it, in a hook, in the log, in
-- this file, or because memory ran out, the message is returned to the queue and the slot is freed.
-- A message is only deleted if an outcome requires it.

local attempt = require "watchbot.watcher.attempt"
local blame = require "watchbot.watcher.blame"
local crew = require "watchbot.lib.crew"
local ending = require "watchbot.watcher.ending"
local job = require "watchbot.message.job"
local lanes = require "watchbot.watcher.lanes"
local lapses = require "watchbot.watcher.lapses"
local leases = require "watchbot.watcher.leases"
local own = require "watchbot.lib.own"
local payloads = require "watchbot.watcher.payloads"
local policy_backoff = require("watchbot.policy").backoff
local records = require "watchbot.watcher.records"
local rescue = require "watchbot.watcher.rescue"
local scheduler = require "watchbot.scheduler"
local shortage = require "watchbot.watcher.shortage"

-- Pauses of a job that could not be placed, and how long it is held before it is returned, in
-- seconds.
local FIRST_HOLD, LONGEST_HOLD, HOLD_LIMIT = 1, 60, 600

-- Outcomes after which the message is gone; any other returns it.
local REMOVES = { complete = true, reject = true, bury = true, cancelled = true }

---@class watchbot.Life
---@field hooks watchbot.HookCaller
---@field runner table
---@field journal watchbot.Journal
---@field jobs watchbot.Jobs
---@field phase watchbot.Phase
---@field breaker watchbot.Breaker
---@field settle watchbot.Settle
---@field leases watchbot.Leases
---@field notices watchbot.Notices
---@field tally watchbot.Tally
---@field queue table
---@field ready (fun(): boolean)|false whether jobs may start; false: always
---@field duration number seconds that a job takes; newer ones weigh more
---@field wake fun() more messages may be received
---@field pause fun(seconds: number?): number pauses the queue; see watcher/pauses.lua
---@field once watchbot.Once? made for the first message that needs it
---@field runs_late fun(entry: watchbot.JobEntry) a task started while the watcher was ending
local Life = {}
Life.__index = Life

local life = {}

---@param parts watchbot.Life
---@return watchbot.Life
function life.new(parts)
  local self = own(parts, Life)
  self.duration, self.shortage = math.huge, shortage.new()
  self.crew = crew.new(function(entry, body, task)
    entry.task = task
    local ok, err = xpcall(body, debug.traceback, self, entry)
    if not ok then self:rescue(entry, err) end
  end)
  self.job_class = job.of_queue(self.queue.name)
  self.lanes, self.ready = self.queue.fifo and lanes.new(self) or false, self.ready or false
  self.payloads = payloads.new(self.hooks, self.journal, self.queue.name)
  self.context = {
    hooks = self.hooks, runner = self.runner, journal = self.journal, jobs = self.jobs,
    payloads = self.payloads, draining = self.phase.draining, breaker = self.breaker,
    passed = function(step) self:passed(step) end, runs_late = self.runs_late,
    life = self,
  }
  return self
end

-- receiving

-- A job of an unreadable message: its hooks fail, and it ends as a failed job.
local function unreadable(message)
  return { id = message.id, message = message.body, attributes = {}, receives = message.receives }
end

function Life:received_again(entry, message)
  self.tally:count "duplicate"
  self.journal:info(message.id, "duplicate", true, "receives", message.receives)
  self.leases:adopt(entry.lease, message)
  if entry.claim then self.once:adopt(entry) end
  if entry.run and entry.run.received_again then entry.run:received_again() end
end

-- Whether a message may start while the breaker is open: one at a time is tried.
function Life:may_try(entry)
  if not self.breaker:may_try() then return false end
  self.breaker:try(entry.id, self.hooks.policy.probe)
  return true
end

function Life:take(entry)
  local message = entry.message
  local lease, over = self.leases:take(message, entry)
  entry.lease = lease
  self.jobs:add(entry)
  if self.lanes and message.group then self.lanes:join(entry, message.group) end
  entry.job = job.new(message, self.queue.max_receives, self.job_class)
  self:let_in(entry, over)
end

-- A job waits for a slot, unless its message goes back at once.
function Life:let_in(entry, over)
  if over then return self:drop_lapsed(entry) end
  if self.phase.name ~= "watching" or self.breaker.open and not self:may_try(entry) then
    return self:spawn(entry, self.give_back)
  end
  local all, ready = self.jobs, self.ready
  local waits = all.counts.waiting > 0 or entry.lane or all.limiter or all.slots >= self:slots()
  if waits or ready and not ready() then return all:move(entry, "waiting") end
  self:begin(entry)
end

function Life:take_unreadable(entry)
  entry.job = unreadable(entry.message)
  self:let_in(entry, self.leases:has_lapsed(entry.lease))
end

--- A message has arrived: a job starts, or a running one gets a newer receipt handle.
---@param message table
function Life:accept(message)
  local entry = self.jobs.by_id[message.id] and self.jobs:current(message.id)
  local ok, err
  if entry then
    ok, err = xpcall(self.received_again, debug.traceback, self, entry, message)
    if not ok then self:complain(err, "duplicate") end
    return
  end
  -- Those of its fields that each job gets, so that the table is allocated once.
  entry = {
    id = message.id, message = message, stage = false, lease = false, job = false, exit = false,
    outcome = false, decided = false, cause = false,
  }
  ok, err = xpcall(self.take, debug.traceback, self, entry)
  if not ok and entry.stage == "received" and not entry.job then
    self:complain(err, "message")
    ok, err = xpcall(self.take_unreadable, debug.traceback, self, entry)
  end
  if not ok then self:rescue(entry, err) end
end

-- the life

-- Passes the job to a coroutine that owns it until it is gone.
function Life:spawn(entry, body)
  self.crew:run(entry, body)
end

--- The most jobs at once: a resident program takes a batch of them.
---@return integer
function Life:slots()
  local hooks, runner = self.hooks, self.runner
  return runner.capacity and runner:capacity(hooks.policy) or hooks.plain.workers
end

--- Starts waiting jobs, as far as there are slots.
function Life:dispatch()
  local all, ready = self.jobs, self.ready
  if all.counts.waiting == 0 or self.phase.name ~= "watching" then return end
  local slots = self:slots()
  while all.slots < slots and (not ready or ready()) do
    local entry = all:pop_waiting()
    if not entry then return end
    self:begin(entry)
  end
end

-- Gives a job its slot.
function Life:begin(entry)
  self.jobs:move(entry, "deciding")
  if entry.turn then entry.turn:set() else self.crew:run(entry, self.live) end
end

-- Gives back a job that waits for a slot.
function Life:return_waiting(entry)
  self.jobs:move(entry, "returning")
  if entry.turn then entry.turn:set() else self:spawn(entry, self.give_back) end
end

--- Returns everything that has not started to the queue, visible at once.
function Life:give_back_waiting()
  for entry in self.jobs.pop_waiting, self.jobs do self:return_waiting(entry) end
  if self.jobs.parked == 0 then return end
  for _, entry in ipairs(self.jobs:all "waiting") do
    if entry.stage == "waiting" then self:return_waiting(entry) end
  end
end

-- A job in its slot, and what follows without one.
function Life:live(entry)
  local verdict = attempt.run(self.context, entry)
  while verdict.hold do
    self:hold(entry, verdict)
    if entry.stage == "returning" then return self:give_back(entry) end
    verdict = attempt.run(self.context, entry)
  end
  local took = verdict.exit.duration
  if took then
    self.duration = self.duration == math.huge and took or self.duration * 0.8 + took * 0.2
  end
  if verdict.outcome == "lapsed" then return self:drop_lapsed(entry) end
  self:conclude(entry, verdict)
  if not self.breaker.quiet then self:passed "internal" end
end

-- Seconds of the next hold.
local function pause_of(entry, verdict)
  if verdict.hold == "held" then return math.max(verdict.seconds or 1, 0.01) end
  entry.pause = math.min((entry.pause or FIRST_HOLD / 2) * 2, LONGEST_HOLD)
  return entry.pause * (0.5 + math.random() / 2)
end

--- Keeps the message with heartbeats, then lets the job wait for a slot again; the message is
-- returned if that takes too long, or if the watcher ends, as its stage shows.
function Life:hold(entry, verdict)
  local now = scheduler.now()
  entry.held_since = entry.held_since or now
  entry.seconds = pause_of(entry, verdict)
  entry.decided, entry.exit = verdict.decided, verdict.exit
  self.breaker:left(entry.id)
  self.jobs:move(entry, verdict.hold)
  local unplaced = verdict.hold == "unplaced"
  if unplaced then self.shortage:log(self.journal, entry, verdict.exit) end
  local lasts = unplaced and now - entry.held_since > HOLD_LIMIT
  if lasts or self.phase.draining:wait(entry.seconds) then
    return self.jobs:move(entry, "returning")
  end
  entry.turn = entry.turn or scheduler.event()
  entry.turn:clear()
  self.jobs:move(entry, "waiting", true)
  entry.turn:wait()
end

-- the breaker

function Life:passed(step)
  if not self.breaker:passed(step) then return end
  self.journal:info(nil, "event", "tasks start again, taking messages")
  self.wake()
end

-- The breaker has opened.
function Life:opened(reason)
  local probe = self.breaker:longest(self.hooks.policy.probe)
  self.breaker:wait(probe)
  self.breaker.reason = reason
  self.journal:error(nil, "event", "no task can be started, trying one message at a time",
    "reason", reason, "seconds", probe)
  self:give_back_waiting()
end

-- => whether the receive counts against the message
function Life:failed(entry, verdict, rule)
  local step, exit = verdict.step or rule.step, verdict.exit
  local counts, opened = self.breaker:failed(step, entry.id, rule.fault)
  self.breaker:left(entry.id)
  entry.silent = not counts or nil
  if opened then
    exit.reason = "no more messages are taken, since no task can be started: "
      .. (exit.reason or "exit code " .. tostring(exit.code))
    self:opened(exit.reason)
  end
  return counts and not rule.uncounted
end

-- settling

function Life:gone(entry)
  local lease = entry.lease
  if not lease.decided then self.leases:decide(lease) end
  if self.breaker.trying then self.breaker:left(entry.id) end
  if entry.claim then self.once:left(entry) end
  self.jobs:move(entry, "gone")
end

--- Returns a message that has not run, visible at once; the receive does not count if the queue
-- supports that.
function Life:give_back(entry)
  self.tally:count "returned"
  self:put_back(entry, 0, true)
  self:gone(entry)
end

-- Another watcher may have the message by now, so it must not be changed.
function Life:drop_lapsed(entry)
  self.leases:lapse(entry.lease)
  self.tally:count "returned"
  self:gone(entry)
end

function Life:put_back(entry, seconds, uncount, record)
  if entry.stage ~= "returning" then self.jobs:move(entry, "returning") end
  self.leases:decide(entry.lease)
  local ok, err, code = self.settle:delay(entry.lease, seconds, uncount, record)
  if ok then return end
  self.journal:warning(entry.id, "error", err, "code", code, "where", "return")
end

function Life:delete(entry, record)
  self.leases:decide(entry.lease)
  local ok, err, code = self.settle:delete(entry.lease, record)
  if not ok then
    self.journal:error(entry.id, "error", err, "code", code, "where", "delete")
  elseif self.hooks.plain.overflow then
    self.payloads:forget(entry)
  end
end

-- Moves the message to the dead-letter queue; if that fails, it is retried.
function Life:bury(entry, exit, record)
  self.leases:decide(entry.lease)
  local ok, err, code = self.settle:bury(entry.lease, entry.message, exit.reason, record)
  if ok and err then self.journal:warning(entry.id, "warning", err, "where", "bury") end
  if ok then return "bury" end
  self.journal:error(entry.id, "error", err, "code", code, "where", "bury")
  exit.reason = ("%s; not moved to the dead-letter queue: %s"):format(
    exit.reason or "to be buried", err)
  records.amend(record, "retry", exit.reason)
  return "retry"
end

-- How long the message stays hidden, within the queue's limit.
function Life:backoff(entry, seconds)
  seconds = seconds or self.hooks:ask("backoff", entry.job)
    or policy_backoff(self.hooks.policy, entry.job)
  local left = leases.left(entry.lease, scheduler.boottime())
  return math.ceil(math.max(0, math.min(seconds, left)))
end

--- Sends a notification of a failure that the job caused.
function Life:notify(entry, outcome, exit, rule)
  local policy = self.hooks.policy
  local early = outcome == "retry" and not entry.job.last
    and entry.job.receives < policy.notify_after
  if entry.silent or rule.silent or early then return end
  self.notices:send(entry.id, entry.job, outcome, exit)
end

-- Ends the job according to its outcome.
function Life:apply(entry, outcome, exit, rule, uncount, record)
  if outcome == "reject" then self:notify(entry, outcome, exit, rule) end
  if entry.seconds then
    self:put_back(entry, entry.seconds, uncount, record)
  elseif outcome ~= "bury" then
    self:delete(entry, record)
  end
  self:gone(entry)
  if outcome == "retry" or outcome == "bury" then self:notify(entry, outcome, exit, rule) end
end

--- What an outcome does with the message.
function Life:conclude(entry, verdict)
  local rule, exit, outcome = blame.causes[verdict.cause], verdict.exit, verdict.outcome
  if outcome ~= "complete" then job.mend(entry.job) end
  self.jobs:move(entry, "settling")
  if verdict.pause then verdict.seconds = self.pause(verdict.pause.seconds) end
  local counts = not rule.uncounted
  if verdict.step or rule.step then counts = self:failed(entry, verdict, rule) end
  local policy = self.hooks.plain
  local record = policy.history and records.of(entry, outcome, exit, policy) or nil
  if entry.claim then self.once:settle(entry, outcome, exit) end
  if outcome == "bury" then outcome = self:bury(entry, exit, record) end
  entry.seconds = not REMOVES[outcome] and self:backoff(entry, verdict.seconds) or nil
  entry.outcome, entry.exit, entry.decided = outcome, exit, verdict.decided
  entry.cause, entry.counted = verdict.cause, counts
  if self.jobs.reports then self.jobs:changed(entry) end
  self.tally:count(exit.blameless and "blameless" or outcome)
  self.journal:outcome(entry.message, outcome, exit, entry.seconds, entry.job and entry.job.trace)
  self:apply(entry, outcome, exit, rule, not counts, record)
end

-- after an error

function Life:complain(err, where)
  pcall(self.hooks.complain, self.hooks, err, where)
end

--- An error was raised in the owner of a job: its message is returned with the default backoff, and
-- the job is gone, whatever else fails meanwhile.
---@param entry watchbot.JobEntry
---@param err any
function Life:rescue(entry, err)
  self:complain(err, "watcher")
  if entry.stage == "gone" then return end
  entry.cause, entry.counted = "internal", true
  rescue(self, entry)
end

-- leases and the end: see watcher/lapses.lua and watcher/ending.lua

for name, method in pairs(lapses) do Life[name] = method end
Life.stop, Life.leave, Life.cancel = ending.stop, ending.leave, ending.cancel
Life.stop_all, Life.end_hooks, Life.let_go = ending.stop_all, ending.end_hooks, ending.let_go

return life
