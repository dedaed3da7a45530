--- testing.stage: a watcher with a queue and a runner in memory, and a clock that only the test
-- advances. Every action of a test goes through `drive`: the clock jumps over the waits of hooks,
-- and stands still once nothing runs that would end by itself.

local queue = require "watchbot.testing.queue"
local policy = require "watchbot.policy"
local runner = require "watchbot.testing.runner"
local scheduler = require "watchbot.scheduler"
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

local function copy_of(given, options, seen)
  local changes = { protect = false, queue = given.queue or "sqlite:testing.db" }
  if not given.topic and options.topic then changes.topic = options.topic end
  local copy = policy.copy(given, changes)
  local kind = policy.kind(copy)
  -- An ECS task may be defined by a container's environment, which is absent here.
  local ok, problem = copy:complete()
  if not ok and (kind ~= "ecs" or copy.task) then refuse(problem) end
  if kind ~= "lua" or options.handler == false then return copy, kind, false end
  local handler = copy.handler
  return policy.copy(copy,
    { handler = function(job) return seen():within("handler", job.id, handler, job) end }), kind,
    true
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

function Stage:set_up(source, options)
  local given, kind, real = copy_of(policy_of(source), options, function() return self.witness end)
  self.began, self.policy, self.world.topic = scheduler.now(), given, given.topic
  self.witness = witness.new(real)
  local seen = self.witness
  local log = seen:journal()
  self.queue = queue.new {
    name = given.queue, fifo = given.queue:match "%.fifo$" ~= nil,
    max_receives = given.max_receives,
    heard = function(...) seen:queue_says(...) end,
  }
  self.runner = runner.new(kind, function(...) seen:plans(...) end,
    real and require "watchbot.runner.lua".new(log.sink) or nil)
  self.watcher = watcher.new(given, { queue = self.queue, runner = self.runner, journal = log })
  seen:watch(self.watcher)
  self.watching = scheduler.spawn(self.watcher.run, self.watcher)
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
    local item = self.queue:find(id)
    if item then self.watcher.life:accept(self.queue:hand(item, self.policy.visibility)) end
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
