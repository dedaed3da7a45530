--- shares: divides the slots of one watcher among several queues, each of which has its own watcher
-- (watcher/init.lua). A queue's share is its `weight`; with `strict`, queues that come first go
-- first.
--
-- Each start of a job moves its queue's account on, the less the more weight it has; the queue
-- whose account is lowest gets the next slot (stride scheduling). The same account, with the
-- messages that wait and those that open polls have asked for, decides who may receive: slots are
-- granted before a poll asks for messages.
--
-- A queue with messages is polled for the slots that it was granted, and only for a moment: a long
-- poll would keep them from the others. A queue without messages is looked at by a long poll for
-- one message, which keeps no slot: if the message comes when all slots are taken, it waits here
-- with heartbeats, and has the next one.

local own = require "watchbot.lib.own"
local policy_kind = require("watchbot.policy").kind
local room = require "watchbot.watcher.room"
local scheduler = require "watchbot.scheduler"

-- Seconds that a poll for granted slots may wait on a queue whose polls cost money: less would ask
-- only some of the servers of SQS. And after which its slots are granted to others: the queue does
-- not answer.
local SHORT_POLL, ANSWERS_WITHIN = 1, 2.5

-- Seconds after which a message that came was not there before, and those for which a queue that
-- had no message is taken to have none.
local AT_ONCE, IDLE_FOR = 0.2, 2

-- Seconds for which a queue that asked for slots is taken to still want them: it asks each second.
local WANTS_FOR = 1.5

-- Seconds until the next slot is free, on average, up to which an idle queue is looked at although
-- none is: as long as a long poll.
local SOON = 20

-- A worker may take several jobs at once: parts of it are summed up.
local ROUNDING = 1e-6

---@class watchbot.Share of one queue
---@field shares watchbot.Shares
---@field watcher watchbot.Watcher
---@field weight number
---@field index integer
---@field account number
local Share = {}
Share.__index = Share

---@class watchbot.Shares
---@field policy watchbot.Policy of all queues
---@field all watchbot.Share[] in the policy's order
---@field clock number the account of the queue that has started a job last
---@field arrivals integer polls that have brought messages
---@field finished boolean all queues were empty at the same time
local Shares = {}
Shares.__index = Shares

local shares = {}

---@param policy watchbot.Policy of all queues
---@return watchbot.Shares
function shares.new(policy)
  return own({ policy = policy, all = {}, clock = 0, arrivals = 0, finished = false }, Shares)
end

--- Adds the share of one more queue.
---@param weight number
---@return watchbot.Share
function Shares:add(weight)
  local share = own({
    shares = self, weight = weight, index = #self.all + 1, account = 0, asking_at = -math.huge,
    asked_at = -math.huge, empty_at = -math.huge, rested = true, looking = false,
    was_idle = false,
  }, Share)
  self.all[share.index] = share
  return share
end

--- The watcher of the share.
---@param watcher watchbot.Watcher
function Share:join(watcher)
  self.watcher = watcher
  watcher.jobs:observe { deciding = function() self:charge() end }
  function watcher.life.slots() return self:limit() end
end

-- A queue that had nothing to do, or could not, gets no credit for that.
function Share:revive()
  if not self.rested then return end
  self.rested, self.account = false, math.max(self.account, self.shares.clock)
end

-- A job has got a slot.
function Share:charge()
  self:revive()
  self.shares.clock = math.max(self.shares.clock, self.account)
  self.account = self.account + self:cost() / self.weight
end

--- The most jobs of the queue at once, if no other queue has any.
---@return integer
function Share:most()
  local runner, policy = self.watcher.runner, self.watcher.hooks.policy
  return runner.capacity and runner:capacity(policy) or policy.workers
end

-- Workers that one job takes.
function Share:cost()
  return self.watcher.runner.capacity and self.shares.policy.workers / self:most() or 1
end

-- slots

local function before(share, account, other, others)
  if share.shares.policy.strict then return share.index < other.index end
  return account < others
end

-- Workers that have a job, and those that messages here are waiting for.
function Shares:used()
  local running, waiting = 0, 0
  for _, share in ipairs(self.all) do
    local cost, jobs = share:cost(), share.watcher.jobs
    running, waiting = running + cost * jobs.slots, waiting + cost * jobs:waiting()
  end
  return running, waiting
end

-- Whether a job of the queue may start in a free slot.
function Share:may_start()
  local watcher = self.watcher
  return watcher.jobs:waiting() > 0 and watcher.phase:watching()
    and watcher.jobs.slots < self:most()
    and (not watcher.protection or watcher.protection:ready())
end

--- The queue whose job is next; nil: none waits, or all slots are taken.
---@return watchbot.Share?
function Shares:next()
  local left, chosen = self.policy.workers - self:used() + ROUNDING, nil
  for _, share in ipairs(self.all) do
    if share:may_start() and share:cost() <= left
      and (not chosen or before(share, share.account, chosen, chosen.account)) then
      chosen = share
    end
  end
  return chosen
end

--- The jobs of the queue that may have slots now: one more, if it is next.
---@return integer
function Share:limit()
  local slots = self.watcher.jobs.slots
  return self.shares:next() == self and slots + 1 or slots
end

--- Starts jobs that wait here, of whatever queue, as far as there are slots.
function Share:dispatch()
  local share = self.shares:next()
  while share do
    local jobs = share.watcher.jobs
    local waiting = jobs:waiting()
    share.watcher.life:dispatch()
    if jobs:waiting() >= waiting then return end
    share = self.shares:next()
  end
end

--- Something that the capacity of all queues depends on has changed.
function Share:wake()
  for _, share in ipairs(self.shares.all) do share.watcher.intake:wake() end
end

-- receiving

-- Whether the queue has no messages, as far as is known.
function Share:is_idle()
  if self.looking and self.watcher.intake.polls > 0 then return true end
  return scheduler.now() - self.empty_at < IDLE_FOR
end

-- Messages that polls which are about to be answered have asked for.
function Share:requested()
  local intake = self.watcher.intake
  if intake.polls == 0 or self.looking then return 0 end
  return scheduler.now() - self.asked_at < ANSWERS_WITHIN and intake.reserved or 0
end

-- Whether a slot may be for this queue: it waits for one to ask for messages, or has asked.
function Share:wants()
  if self.watcher.intake.pause > 0 or self:is_idle() then return false end
  if scheduler.now() - self.asking_at >= WANTS_FOR and self:requested() == 0 then return false end
  return room.most(self.watcher) > 0
end

-- The account, as it will be when what is here and what was asked for has started.
function Share:expected()
  local coming = self.watcher.jobs:waiting() + self:requested()
  return self.account + coming * self:cost() / self.weight
end

-- Seconds that a job takes on average, of the queue whose jobs take longest.
function Shares:duration()
  local most = 0
  for _, share in ipairs(self.all) do
    local seconds = share.watcher.life.duration
    if seconds < math.huge then most = math.max(most, seconds) end
  end
  return most > 0 and most or math.huge
end

-- Workers without a job, now and within a second, that nothing is on the way for.
function Shares:free(with_prefetch)
  local running, waiting = self:used()
  local prefetch = with_prefetch and room.prefetch(self.policy, self:duration()) or 0
  if waiting > prefetch // 2 then return 0 end
  local requested = 0
  for _, share in ipairs(self.all) do
    requested = requested + share:requested() * share:cost()
  end
  return self.policy.workers + prefetch - running - waiting - requested + ROUNDING
end

local function first(contenders)
  local chosen = contenders[1]
  for _, one in ipairs(contenders) do
    if before(one.share, one.account, chosen.share, chosen.account) then chosen = one end
  end
  return chosen
end

-- How many of the free slots the queue gets, as they go to one queue after the other.
function Shares:granted(share)
  local fifo = share.watcher.queue.fifo or share.watcher.breaker.open
  local free, contenders = self:free(not fifo), {}
  for _, other in ipairs(self.all) do
    if other == share or other:wants() then
      contenders[#contenders + 1] = { share = other, account = other:expected() }
    end
  end
  local got, most = 0, share.watcher.queue.batch
  while got < most do
    local one = first(contenders)
    local cost = one.share:cost()
    if cost > free then break end
    free, one.account = free - cost, one.account + cost / one.share.weight
    if one.share == share then got = got + 1 end
  end
  return got
end

-- Whether an idle queue may be looked at: a message that comes can start, now or soon.
function Share:may_look()
  local watcher, all = self.watcher, self.shares
  if watcher.jobs:waiting() > 0 or watcher.intake.polls > 0 then return false end
  return all:free(false) >= self:cost() or all:duration() / all.policy.workers <= SOON
end

--- How many messages may be received, those that open polls have asked for included.
---@return number
function Share:capacity()
  local watcher = self.watcher
  local most = math.min(room.most(watcher), room.jobs_left(watcher))
  if most <= 0 or watcher.intake.pause > 0 then self.rested = true end
  if most <= 0 then return 0 end
  local more
  if self:is_idle() then
    more = self:may_look() and 1 or 0
  else
    self.asking_at = scheduler.now()
    more = self.shares:granted(self)
  end
  if watcher.limiter then more = watcher.limiter:cut(more) end
  return math.min(most, watcher.intake.reserved + more)
end

--- What a poll asks for, and how long it waits.
---@param count integer
---@param wait number seconds
---@return integer count
---@return number seconds
function Share:poll(count, wait)
  if count < 1 then
    self.asking_at = -math.huge
    return count, wait
  end
  local embedded = self.watcher.queue.embedded
  local short = embedded and 0 or SHORT_POLL
  self.was_idle = self:is_idle()
  self.looking = self.was_idle
  -- A message that the policy has no job left for would have to go back.
  if self.looking and not (self.shares.policy.jobs and not embedded) then return 1, wait end
  self.looking = false
  self.asked_at = scheduler.now()
  return count, math.min(wait, short)
end

--- A poll was answered.
---@param asked integer
---@param got integer
---@param seconds number that it took
---@return boolean soon the next poll is another kind, and may follow at once
function Share:answered(asked, got, seconds)
  self.looking = false
  local is_all = got * 2 < asked or got == 0 or seconds >= AT_ONCE
  self.empty_at = is_all and scheduler.now() or -math.huge
  if got > 0 then
    self.shares.arrivals = self.shares.arrivals + 1
    self:revive()
  end
  self.rested = is_all
  return not self.was_idle
end

-- all of them

--- Whether no queue has a message here.
---@return boolean
function Share:none()
  for _, share in ipairs(self.shares.all) do
    if not share.watcher.jobs:none() then return false end
  end
  return true
end

--- The number of jobs of all queues that have ended.
---@return integer
function Share:done()
  local count = 0
  for _, share in ipairs(self.shares.all) do count = count + share.watcher.tally:jobs() end
  return count
end

--- The jobs of all queues that have begun or may begin, other open polls included.
---@return integer
function Share:begun()
  local count = 0
  for _, share in ipairs(self.shares.all) do
    local jobs = share.watcher.jobs
    count = count + share.watcher.tally:jobs() + jobs.slots + jobs.counts.waiting + jobs.lingerers
    if share ~= self then count = count + share.watcher.intake.reserved end
  end
  return count
end

--- The queue was empty, as was asked when `arrivals` polls had brought messages. A job of one queue
--- may send to another one: all must be empty with nothing received in between.
---@param arrivals integer
---@return boolean finished
function Share:emptied(arrivals)
  local all = self.shares
  self.empty_since = arrivals
  for _, share in ipairs(all.all) do
    local ended = not share.watcher.phase:watching()
    if not ended and share.empty_since ~= all.arrivals then return false end
  end
  all.finished = true
  self:wake()
  return true
end

--- The protection of this task, which lasts while a job of any queue runs in it.
---@param policy watchbot.Policy of the queue
---@return table? protection nil: there is none, or the queue's jobs run elsewhere
function Share:protection(policy)
  local real = self.shares.protection
  if not real or policy_kind(policy) == "ecs" then return nil end
  local function set(_, busy)
    self.busy = busy
    local any = false
    for _, share in ipairs(self.shares.all) do any = any or share.busy or false end
    real:set(any)
  end
  return setmetatable({ set = set, ready = function() return real:ready() end,
    close = function() end }, { __index = function(_, name) return real[name] end })
end

return shares
