--- watcher.limiter: applies the policy's `limits`. An embedded queue applies them by itself, over
-- all watchers of its file: it only asks which lanes a message is in. For other queues they are
-- those of this watcher: a job over a limit waits here with its heartbeats, at most as many as
-- there are slots, and is never given back for that, since another receive would be counted.

local compile = require("watchbot.policy.limits").compile
local job = require "watchbot.message.job"
local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"

---@class watchbot.Limiter
---@field parked integer jobs that wait for a limit
local Limiter = {}
Limiter.__index = Limiter

local limiter = {}

-- Lanes whose starts are remembered before any is forgotten.
local FEW = 1000

-- Stages in which a job no longer counts.
local ENDS = { settling = true, returning = true, gone = true }

--- Uses the limits of a policy from now on. A watcher whose policy has none has no limiter.
---@param watcher watchbot.Watcher
---@param policy watchbot.Policy
function limiter.apply(watcher, policy)
  local self = watcher.limiter
  if not self then
    self = own({
      watcher = watcher, parked = 0, running = {}, starts = {}, waiting = {}, timers = {},
      known = 0, most_known = FEW,
    }, Limiter)
    watcher.limiter = self
    if not watcher.queue.limits_itself then self:follow() end
  end
  self:apply(policy)
end

-- A job leaves its lanes when its task has ended.
function Limiter:follow()
  local jobs, observer = self.watcher.jobs, {}
  jobs.limiter = self
  for stage in pairs(ENDS) do
    observer[stage] = function(entry) self:left(entry) end
  end
  jobs:observe(observer)
end

--- Uses the limits of a policy from now on.
---@param policy watchbot.Policy
function Limiter:apply(policy)
  local hooks = self.watcher.hooks
  local lanes = policy.limits and compile(policy.limits, function(err)
    hooks:complain(err, "limits")
  end)
  self.lanes = lanes or nil
  if self.watcher.queue.limits_itself then
    self.watcher.queue.lanes_of = lanes and function(message)
      -- A message that cannot be read fails as a job.
      local ok, made = pcall(job.new, message, nil, self.watcher.life.job_class)
      return ok and lanes(made) or nil
    end or nil
  end
  for lane in pairs(self.waiting) do self:wake(lane) end
end

-- the limits of this watcher

-- When there may be room in a lane; nil: now; math.huge: when another job has left.
local function room_at(self, one)
  if one.concurrency and (self.running[one.lane] or 0) >= one.concurrency then return math.huge end
  local starts = self.starts[one.lane]
  local oldest = one.count and starts and starts[#starts - one.count + 1]
  if oldest and oldest + one.period > scheduler.now() then return oldest + one.period end
end

-- Forgets the lanes whose starts no longer count, each time that twice as many are known: there may
-- be a tenant for each message.
local function forget(self)
  self.known = self.known + 1
  if self.known < self.most_known then return end
  local now, left = scheduler.now(), 0
  for lane, starts in pairs(self.starts) do
    if starts[#starts] + starts.period <= now then
      self.starts[lane] = nil
    else
      left = left + 1
    end
  end
  self.known, self.most_known = left, math.max(FEW, 2 * left)
end

local function note_start(self, one)
  local starts, now = self.starts[one.lane], scheduler.now()
  if not starts then
    forget(self)
    starts = {}
    self.starts[one.lane] = starts
  end
  starts[#starts + 1], starts.period = now, one.period
  -- Half of them are dropped at once.
  if #starts >= 2 * one.count then
    self.starts[one.lane] = table.move(starts, #starts - one.count + 1, #starts, 1, {
      period = one.period,
    })
  end
end

-- Looks at a lane again when its rate permits another start.
local function wake_at(self, lane, at)
  if at == math.huge or self.timers[lane] then return end
  self.timers[lane] = true
  scheduler.spawn(function()
    scheduler.sleep(math.max(0, at - scheduler.now()))
    self.timers[lane] = nil
    self:wake(lane)
  end)
end

local function park(self, entry, lane, at)
  local waiting = self.waiting[lane] or {}
  self.waiting[lane] = waiting
  if entry.limited ~= lane then waiting[#waiting + 1] = entry end
  wake_at(self, lane, at)
  if not entry.limited then self.parked = self.parked + 1 end
  entry.limited = lane
end

local function unpark(self, entry)
  if not entry.limited then return end
  entry.limited = nil
  self.parked = self.parked - 1
end

--- Whether a job may wait for a slot, or has to wait for a limit first.
---@param entry watchbot.JobEntry
---@return boolean
function Limiter:admit(entry)
  if entry.admitted or not self.lanes or not entry.job then return true end
  local lanes = self.lanes(entry.job)
  for _, one in ipairs(lanes or {}) do
    local at = room_at(self, one)
    if at then
      park(self, entry, one.lane, at)
      return false
    end
  end
  unpark(self, entry)
  entry.admitted = lanes or {}
  for _, one in ipairs(entry.admitted) do
    self.running[one.lane] = (self.running[one.lane] or 0) + 1
    if one.count then note_start(self, one) end
  end
  return true
end

--- How many messages may be received, so that no more wait for a limit than there are slots.
---@param free number
---@return number
function Limiter:cut(free)
  return math.max(0, math.min(free, self.watcher:slots() - self.parked))
end

--- Lets the jobs of a lane try again, in their order.
---@param lane string
function Limiter:wake(lane)
  local waiting, jobs = self.waiting[lane], self.watcher.jobs
  self.waiting[lane] = nil
  for _, entry in ipairs(waiting or {}) do
    if entry.limited == lane and entry.parked then
      -- It is entered again if it has to wait on.
      unpark(self, entry)
      jobs:unpark(entry, true)
    end
  end
  self.watcher.starts:dispatch()
end

--- The task of a job has ended, or its message goes back.
---@param entry watchbot.JobEntry
function Limiter:left(entry)
  unpark(self, entry)
  local lanes = entry.admitted
  if not lanes or entry.stage == "waiting" then return end
  entry.admitted = nil
  for _, one in ipairs(lanes) do
    local count = self.running[one.lane] - 1
    self.running[one.lane] = count > 0 and count or nil
    if self.waiting[one.lane] then self:wake(one.lane) end
  end
end

return limiter
