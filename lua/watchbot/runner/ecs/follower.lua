--- runner.ecs.follower: what becomes of tasks, by asking DescribeTasks for a hundred at a time. How
-- often depends on their number and their age: a short task ends soon, one that has run for an
-- hour may be seen to end some seconds late. Where events tell of the ends (ecs.events), it asks
-- only now and then, for what they have missed.

local limits = require "watchbot.lib.limits"
local recent = require "watchbot.lib.recent"
local scheduler = require "watchbot.scheduler"

-- Tasks a call: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
local CHUNK = limits.ecs.described

-- Seconds between two rounds: at the least, at the most, and with events.
local SHORTEST, LONGEST, WITH_EVENTS = 1, 15, 60

-- A round comes after this part of the age of the youngest task, and calls have this many seconds each at the least.
local PART_OF_AGE, SECONDS_A_CALL = 0.1, 0.25

-- Seconds after which a task that ECS does not know (any more) is given up. A new task may not be known at once.
local LOST_AFTER = 120

-- Tasks of ours whose end is known that are remembered: what is still said of them concerns nobody else.
local REMEMBERED = 5000

---@class watchbot.ecs.Watch a task that is followed
---@field arn string
---@field cluster string
---@field task table? what was last heard of it
---@field changed watchbot.Event
---@field lost boolean?

---@class watchbot.ecs.Follower
local Follower = {}
Follower.__index = Follower

local follower = {}

---@param client table an ECS client
---@param options { events: boolean?, lost_after: number?, failed: fun(message: string, code: string)? }
---@return watchbot.ecs.Follower
function follower.new(client, options)
  return setmetatable({
    client = client, events = options.events, lost_after = options.lost_after or LOST_AFTER, failed = options.failed,
    watches = {}, ended = recent.new(REMEMBERED), count = 0, wake = scheduler.event(),
  }, Follower)
end

--- Begins to follow a task.
---@param arn string
---@param cluster string
---@param task table? what is known of it
---@return watchbot.ecs.Watch
function Follower:track(arn, cluster, task)
  local watch = { arn = arn, cluster = cluster, task = task, changed = scheduler.event(), since = scheduler.now() }
  self.watches[arn] = watch
  self.count = self.count + 1
  self.wake:set()
  if not self.task then self.task = scheduler.spawn(self.run, self) end
  return watch
end

--- A task that runs on may be another watcher's from now on; one that has ended stays ours.
---@param watch watchbot.ecs.Watch
function Follower:forget(watch)
  if self.watches[watch.arn] ~= watch then return end
  if watch.task and watch.task.lastStatus == "STOPPED" then self.ended:set(watch.arn, true) end
  self.watches[watch.arn] = nil
  self.count = self.count - 1
end

-- What comes from a queue may be anything.
local function version_of(task)
  return task and tonumber(task.version) or 0
end

--- Something was heard of a task; what is older than what is known already is dropped.
---@param arn string
---@param task table
---@return boolean mine
function Follower:heard(arn, task)
  local watch = self.watches[arn]
  if not watch then return self.ended:get(arn) == true end
  watch.missing_since = nil
  if version_of(task) >= version_of(watch.task) then
    watch.task = task
    watch.changed:set()
  end
  return true
end

function Follower:missing(arn)
  local watch, now = self.watches[arn], scheduler.now()
  if not watch then return end
  watch.missing_since = watch.missing_since or now
  if now - watch.missing_since >= self.lost_after then
    watch.lost = true
    watch.changed:set()
  end
end

function Follower:describe(cluster, arns)
  local result, message, code = self.client:DescribeTasks { cluster = cluster, tasks = arns }
  if not result then
    if self.failed then self.failed(message, code) end
    return
  end
  for _, task in ipairs(result.tasks or {}) do self:heard(task.taskArn, task) end
  for _, failure in ipairs(result.failures or {}) do self:missing(failure.arn) end
end

-- The followed tasks in chunks, each of one cluster.
function Follower:chunks()
  local chunks, open = {}, {}
  for arn, watch in pairs(self.watches) do
    local chunk = open[watch.cluster]
    if not chunk or #chunk.arns == CHUNK then
      chunk = { cluster = watch.cluster, arns = {} }
      chunks[#chunks + 1], open[watch.cluster] = chunk, chunk
    end
    chunk.arns[#chunk.arns + 1] = arn
  end
  return chunks
end

--- Seconds until the next round.
function Follower:interval(chunks)
  if self.events then return WITH_EVENTS end
  local now, youngest = scheduler.now(), math.huge
  for _, watch in pairs(self.watches) do youngest = math.min(youngest, now - watch.since) end
  local wanted = math.max(SHORTEST, math.min(youngest * PART_OF_AGE, LONGEST))
  return math.max(wanted, chunks * SECONDS_A_CALL)
end

function Follower:run()
  while self.count > 0 do
    local chunks = self:chunks()
    local until_time = scheduler.now() + self:interval(#chunks)
    -- A task that comes meanwhile may make the round due sooner.
    while scheduler.now() < until_time do
      self.wake:clear()
      if self.wake:wait(until_time - scheduler.now()) then
        until_time = math.min(until_time, scheduler.now() + self:interval(#chunks))
      end
    end
    for _, chunk in ipairs(self:chunks()) do self:describe(chunk.cluster, chunk.arns) end
  end
  self.task = nil
end

return follower
