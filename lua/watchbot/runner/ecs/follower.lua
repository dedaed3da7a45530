--- runner.ecs.follower: follows tasks by calling DescribeTasks for a hundred at a time. The
-- interval depends on the number and age of the tasks: a short task ends soon; the end of one that
-- has run for an hour may be noticed some seconds late. If events report the ends (ecs.events), it
-- only calls now and then, for ends that the events have missed.

local limits = require "watchbot.lib.limits"
local recent = require "watchbot.lib.recent"
local scheduler = require "watchbot.scheduler"
local supervise = require "watchbot.lib.supervise"
local text = require "watchbot.lib.text"

-- Tasks a call: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
local CHUNK = limits.ecs.described

-- Seconds between two rounds: minimum, maximum, and with events.
local SHORTEST, LONGEST, WITH_EVENTS = 1, 15, 60

-- A round follows after this share of the youngest task's age, and each call takes at least this
-- many seconds of it.
local PART_OF_AGE, SECONDS_A_CALL = 0.1, 0.25

-- Seconds after which a task without any news is given up, whatever the reason: ECS does not know
-- it (a new task may not be known at once), or does not respond, or denies the call.
local LOST_AFTER = 120

-- Tasks followed here to their end, to remember: later events about them concern no other watcher.
local REMEMBERED = 5000

---@class watchbot.ecs.Watch a task that is followed
---@field arn string
---@field cluster string
---@field task table? its last known state
---@field changed watchbot.Event
---@field lost boolean? there was no news of it for `lost_after` seconds
---@field lost_err string? why
---@field lost_code string? the code of the failed call; nil if ECS does not know the task

---@class watchbot.ecs.Follower
local Follower = {}
Follower.__index = Follower

local follower = {}

---@class watchbot.ecs.FollowerOptions
---@field events boolean? EventBridge reports the ends as well
---@field lost_after number? seconds
---@field failed fun(err: string, code: string)? called with failed calls
---@field raised fun(name: string, err: string, pause: number)? see watchbot.lib.supervise

local function complain(name, err)
  io.stderr:write("watchbot: ", name, ": ", text.plain(err), "\n")
end

---@param client table an ECS client
---@param options watchbot.ecs.FollowerOptions
---@return watchbot.ecs.Follower
function follower.new(client, options)
  return setmetatable({
    client = client, events = options.events, lost_after = options.lost_after or LOST_AFTER,
    failed = options.failed, raised = options.raised or complain, watches = {},
    ended = recent.new(REMEMBERED), count = 0, wake = scheduler.event(),
  }, Follower)
end

--- Starts following a task.
---@param arn string
---@param cluster string
---@param task table? its known state
---@return watchbot.ecs.Watch
function Follower:track(arn, cluster, task)
  local watch = {
    arn = arn, cluster = cluster, task = task, changed = scheduler.event(), since = scheduler.now(),
  }
  self.watches[arn] = watch
  self.count = self.count + 1
  self.wake:set()
  if not self.task then self.task = supervise("DescribeTasks", self.raised, self.run, self) end
  return watch
end

-- The last part of an ARN is unique, and a third as long.
local function id_of(arn)
  return arn:match "[^/]+$" or arn
end

--- A running task may belong to another watcher from now on; an ended one stays here.
---@param watch watchbot.ecs.Watch
function Follower:forget(watch)
  if self.watches[watch.arn] ~= watch then return end
  local is_over = watch.task and watch.task.lastStatus == "STOPPED"
  if self.events and is_over then self.ended:set(id_of(watch.arn), true) end
  self.watches[watch.arn] = nil
  self.count = self.count - 1
end

-- A message from a queue may contain anything.
local function version_of(task)
  return task and tonumber(task.version) or 0
end

--- Records the state of a task; ignores one that is older than the known state.
---@param arn string
---@param task table
---@return boolean mine
function Follower:heard(arn, task)
  local watch = self.watches[arn]
  if not watch then return self.ended:get(id_of(arn)) == true end
  watch.unheard_since, watch.lost = nil, nil
  if version_of(task) >= version_of(watch.task) then
    watch.task = task
    watch.changed:set()
  end
  return true
end

-- There was no news of a task: it is given up if that lasts.
function Follower:unheard(arn, err, code)
  local watch, now = self.watches[arn], scheduler.now()
  if not watch then return end
  watch.unheard_since = watch.unheard_since or now
  if now - watch.unheard_since < self.lost_after then return end
  watch.lost, watch.lost_err, watch.lost_code = true, err, code
  watch.changed:set()
end

-- If ECS refuses a request because of one task, it is repeated in halves.
function Follower:halve(cluster, arns)
  local half = #arns // 2
  self:describe(cluster, table.move(arns, 1, half, 1, {}))
  self:describe(cluster, table.move(arns, half + 1, #arns, 1, {}))
end

-- The state of each task in a response that names it.
local function heard_in(self, result)
  local heard = {}
  for _, task in ipairs(type(result.tasks) == "table" and result.tasks or {}) do
    if type(task) == "table" and type(task.taskArn) == "string" then
      heard[task.taskArn] = true
      self:heard(task.taskArn, task)
    end
  end
  return heard
end

local function reasons_of(result)
  local reasons = {}
  for _, failure in ipairs(type(result.failures) == "table" and result.failures or {}) do
    if type(failure) == "table" and failure.arn then reasons[failure.arn] = failure.reason end
  end
  return reasons
end

function Follower:describe(cluster, arns)
  local result, err, code = self.client:DescribeTasks { cluster = cluster, tasks = arns }
  if not result then
    if self.failed then self.failed(err, code) end
    if code == "InvalidParameterException" and #arns > 1 then return self:halve(cluster, arns) end
    for _, arn in ipairs(arns) do self:unheard(arn, err, code) end
    return
  end
  local heard, reasons = heard_in(self, result), reasons_of(result)
  for _, arn in ipairs(arns) do
    if not heard[arn] then self:unheard(arn, tostring(reasons[arn] or "not in the answer")) end
  end
end

-- The followed tasks in chunks of one cluster each.
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
    -- A task that arrives meanwhile may make the round due earlier.
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

--- The end: no more calls.
function Follower:close()
  if self.task then self.task:cancel "the watcher ends" end
end

return follower
