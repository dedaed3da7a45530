--- testing.stage: a watcher with a queue and a runner in memory, and a clock that only the test
-- advances. Every action of a test goes through `drive`: the clock jumps over the waits of hooks,
-- and stands still once nothing runs that would end by itself.

local opening = require "watchbot.watcher.opening"
local policy = require "watchbot.policy"
local queue = require "watchbot.testing.queue"
local runner = require "watchbot.testing.runner"
local scheduler = require "watchbot.scheduler"
local several = require "watchbot.watcher.several"
local suggest = require "watchbot.lib.suggest"
local watcher = require "watchbot.watcher"
local witness = require "watchbot.testing.witness"
local world = require "watchbot.testing.world"

-- Seconds of the test's clock after which something that does not end is an error: longer than any
-- message can be kept.
local DAY = 24 * 3600

---@class watchbot.testing.Stage
---@field policy watchbot.Policy
---@field queue watchbot.testing.Queue
---@field runner watchbot.testing.Runner
---@field witness watchbot.testing.Witness
---@field world watchbot.testing.World
local Stage = {}
Stage.__index = Stage

local stage = {}

-- A mistake of the test's author: raised as text without an internal traceback.
local Problem = {}

local function refuse(text)
  error(setmetatable({ text = text }, Problem), 0)
end

-- The policy is copied, so that a test does not change it for the next one.

local function policy_of(source)
  if type(source) ~= "string" then return source end
  local given, problem = require "watchbot.policy.load".policy(source)
  if not given then refuse(problem) end
  return given
end

-- Its handler, as a test sees it run; what is no handler of single messages stays.
local function witnessed(fields, batch, seen)
  local handler = fields.handler
  if type(handler) ~= "function" or (fields.batch or batch) > 1 then return nil end
  return function(job) return seen():within("handler", job.id, handler, job) end
end

local function entries_of(given, options, seen)
  local entries = {}
  for index, entry in ipairs(given.queues) do
    if type(entry) == "string" then entry = { entry } end
    entries[index] = {}
    for name, value in pairs(entry) do entries[index][name] = value end
    entries[index].handler = options.handler ~= false and witnessed(entry, given.batch, seen)
      or entry.handler
  end
  return entries
end

local function copy_of(given, options, seen)
  local changes = { protect = false }
  if given.queues then
    changes.queues = entries_of(given, options, seen)
  else
    changes.queue = given.queue or "sqlite:testing.db"
  end
  if not given.topic and options.topic then changes.topic = options.topic end
  if options.handler ~= false then changes.handler = witnessed(given, given.batch, seen) end
  local copy = policy.copy(given, changes)
  -- An ECS task may be defined by a container's environment, which is absent here.
  local ok, problem = copy:complete()
  if not ok and (policy.kind(copy) ~= "ecs" or copy.task) then refuse(problem) end
  return copy
end

-- time

--- Seconds since the beginning.
---@return number
function Stage:now()
  if not self.began then return 0 end
  return self.left_at or runner.rounded(scheduler.now() - self.began)
end

-- There is only one clock and one set of replaced functions: a hook cannot drive its own test, and
-- two tasks cannot drive two tests at the same time.
local driving = false

-- Runs everything that needs no action of the test.
function Stage:settle()
  local seen, until_time = self.witness, scheduler.now() + DAY
  scheduler.quiet()
  while seen and not self.over and seen:busy() do
    if scheduler.now() >= until_time then
      refuse "a hook or handler has not ended after a day of the test's clock"
    end
    seen.changed:clear()
    seen.changed:wait(until_time - scheduler.now())
    scheduler.quiet()
  end
end

--- Runs `body` in a task on the stage, and everything that follows from it. Returns its results.
---@param body function
---@param ... any
function Stage:drive(body, ...)
  if driving then
    error("a test is under way already: a hook cannot move it, nor another one", 0)
  end
  local function whole(...)
    local results = table.pack(body(...))
    self:settle()
    return table.unpack(results, 1, results.n)
  end
  local run = scheduler.running() and function(inner, ...) return inner(...) end or scheduler.run
  local leave = self.world:enter()
  scheduler.leap(true)
  driving, self.left_at = true, nil
  local results = table.pack(pcall(run, whole, ...))
  driving, self.left_at = false, self:now()
  scheduler.leap(false)
  leave()
  local problem = results[2]
  if not results[1] then error(getmetatable(problem) == Problem and problem.text or problem, 0) end
  return table.unpack(results, 2, results.n)
end

-- beginning and end

local function world_of(self)
  return world.new {
    now = function() return self:now() end,
    caller = function()
      if self.witness then return self.witness:caller() end
    end,
  }
end

-- The queue of a policy, and what runs its tasks.
function Stage:part_of(given, log, options)
  local seen, kind = self.witness, policy.kind(given)
  local real = kind == "lua" and options.handler ~= false
  return {
    journal = log, real = real,
    queue = queue.new {
      name = given.queue, fifo = given.queue:match "%.fifo$" ~= nil, names = self.names,
      max_receives = given.max_receives,
      heard = function(...) seen:queue_says(...) end,
    },
    runner = runner.new(kind, function(...) seen:plans(...) end,
      real and require "watchbot.runner.lua".new(log.sink) or nil),
  }
end

function Stage:watch(given, log, options)
  local parts, all = {}, policy.of_queues(given)
  local names = opening.names(all or {})
  for index, one in ipairs(all or { { policy = given } }) do
    local journal = all and log:of_queue(names[index]) or log
    parts[index] = self:part_of(one.policy, journal, options)
  end
  self.parts, self.queue, self.runner = parts, parts[1].queue, parts[1].runner
  for _, part in ipairs(parts) do part.runner.refusals = self.runner.refusals end
  self.watcher = all and several.new(given, parts, { journal = log })
    or watcher.new(given, parts[1])
  for index, one in ipairs(self.watcher.all or { self.watcher }) do
    self.witness:watch(one, parts[index].real)
    parts[index].watcher = one
  end
end

function Stage:set_up(source, options)
  local given = copy_of(policy_of(source), options, function() return self.witness end)
  self.began, self.policy, self.world.topic = scheduler.now(), given, given.topic
  self.witness, self.names = witness.new(), { last = 0 }
  self:watch(opening.single(given), self.witness:journal(), options)
  if self.watcher.all then self.watcher.hooks.observer = self.witness end
  self.watching = scheduler.spawn(self.watcher.run, self.watcher)
end

--- The queue with a URL, of the policy's `queues`.
---@param url string? nil: the first
---@return watchbot.testing.Queue? queue
---@return string? err
function Stage:queue_at(url)
  local urls = {}
  for index, part in ipairs(self.parts) do
    if url == nil or part.queue.name == url then return part.queue end
    urls[index] = part.queue.name
  end
  return nil, ("the policy has no queue '%s'%s"):format(tostring(url), suggest.hint(url, urls))
end

--- Creates a stage and starts watching.
---@param source watchbot.Policy|string a policy or the path of its file
---@param options watchbot.testing.Options
---@return watchbot.testing.Stage
function stage.open(source, options)
  local self = setmetatable({}, Stage)
  self.world = world_of(self)
  self:drive(self.set_up, self, source, options)
  return self
end

--- Advances the clock.
---@param seconds number
function Stage:advance(seconds)
  self:drive(scheduler.sleep, seconds)
end

--- Delivers a message that is in flight.
---@param id string
function Stage:duplicate(id)
  self:drive(function()
    for _, part in ipairs(self.parts) do
      local item = part.queue:find(id)
      local visibility = part.watcher.hooks.policy.visibility
      if item then part.watcher.life:accept(part.queue:hand(item, visibility)) end
    end
  end)
end

--- Stops the watcher like a signal, and lets it end; its tasks are stopped when the policy's
--- `drain` seconds are over.
function Stage:stop()
  if self.watching:ended() then return end
  self:drive(function()
    self.watcher:stop()
    self.watching:join()
  end)
end

--- Ends the watcher at once.
function Stage:close()
  if self.watching:ended() then return end
  self.over = true
  self:drive(function()
    self.watcher:abort()
    self.watching:join()
  end)
end

return stage
