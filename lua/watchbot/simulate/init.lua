--- simulate: runs a policy on the clock of watchbot.testing under a load, and says what came of it:
-- the watchers, their hooks and rules are real; the queue and the tasks are in memory.
--
--     local result, err, code = simulate.run("policy.lua", load, { watchers = 3 })
--
-- The same seed gives the same result.

local hooked = require "watchbot.simulate.hooked"
local limits = require "watchbot.lib.limits"
local load_file = require "watchbot.policy.load"
local outside = require "watchbot.simulate.outside"
local policy = require "watchbot.policy"
local queue = require "watchbot.testing.queue"
local runner = require "watchbot.simulate.runner"
local scheduler = require "watchbot.scheduler"
local silent = require "watchbot.simulate.silent"
local tally = require "watchbot.simulate.tally"
local watcher = require "watchbot.watcher"

-- Seconds after the last arrival at which a simulation ends whatever is left: the longest that SQS
-- keeps a message. Seconds that a batch of deletes waits.
local LONGEST, LINGER = limits.sqs.retention, 0.05

-- Seconds without a task that can be started, after which a simulated watcher gives up: a hook that
-- always fails would keep it busy for the whole retention.
local HOPELESS = 3600

-- Seconds between the beginnings of two simulations.
local SLOT = 2.0 ^ 21

-- The topic of notifications if the policy has none: they are counted.
local TOPIC = "arn:aws:sns:us-east-1:123456789012:notifications"

---@class watchbot.SimulationOptions
---@field watchers integer? default: 1
---@field capacity integer? tasks that there is room for at once
---@field seed integer?
---@field ended (fun(message: watchbot.SimulatedMessage, how: string))?

---@class watchbot.Simulation
local Simulation = {}
Simulation.__index = Simulation

local simulate = {}

-- The time at which a simulation begins, on the clock that jumps: times are rounded by their size,
-- so that the same seed needs a beginning of the same size.
local function beginning(now)
  local size = 2.0 ^ 24
  while now > size * 2 - SLOT do size = size * 2 end
  return size + math.max(0, math.ceil((now - size) / SLOT)) * SLOT
end

-- A policy as a simulated watcher has it, and its kind.
local function copy_of(given)
  if given.queues then
    return nil, "a simulation has one queue, and the policy has 'queues': simulate each with a "
      .. "policy of its 'queue'"
  end
  local changes = { protect = false, queue = given.queue or "sqlite:simulated.db" }
  if not given.topic then changes.topic = TOPIC end
  local copy = policy.copy(given, changes)
  local kind = policy.kind(copy)
  local ok, problem = copy:complete()
  if not ok and (kind ~= "ecs" or copy.task) then return nil, problem end
  return copy, kind
end

function Simulation:now()
  return scheduler.now() - self.began
end

-- The queue, which counts what SQS would be asked.
function Simulation:open_queue(given)
  local seen, linger = self.tally, given.linger or LINGER
  local opened = queue.new {
    name = given.queue, fifo = given.queue:match "%.fifo$" ~= nil,
    max_receives = given.max_receives,
    heard = function(what, item)
      if what == "deleted" then seen:settles("delete", linger) end
      if what == "returned" then seen:settles("change", linger) end
      if what == "deleted" or what == "dead" then
        seen:goes(item.id, what)
        self:look()
      end
    end,
  }
  -- Dead letters are counted, not kept.
  opened.dead = setmetatable({}, { __newindex = function() end })
  local receive, extend, pause = opened.receive, opened.extend, opened.pause
  function opened.pause(one, seconds)
    if not seconds then self:rests() end
    return pause(one, seconds)
  end
  function opened.receive(one, ...)
    seen.calls.receive = seen.calls.receive + 1
    return receive(one, ...)
  end
  function opened.extend(one, ...)
    seen:settles("change", linger)
    return extend(one, ...)
  end
  return opened
end

-- Ends the simulation, which cannot go on.
function Simulation:stop(err)
  self.problem = self.problem or err
  self.over:set()
end

-- A hook has paused the queue until it is resumed, and a simulation never resumes it: jobs that run
-- have an hour left.
function Simulation:rests()
  if self.resting then return end
  self.resting = true
  scheduler.spawn(function()
    repeat scheduler.sleep(HOPELESS) until self.all_arrived or self.over:is_set()
    if self.over:is_set() then return end
    self.tally:complain "the queue is paused until it is resumed: given up after an hour"
    self.over:set()
  end)
end

-- Ends the simulation when nothing is left to do.
function Simulation:look()
  if self.all_arrived and self.tally.gone == self.tally.arrived then self.over:set() end
end

local function sets_hooks(given)
  for _, name in ipairs(policy.hook_names) do
    if given:is_set(name) then return true end
  end
  return false
end

function Simulation:watch(given, kind)
  local log = silent(function(text, broken)
    if broken then self:stop(text) end
    self.tally:complain(text)
  end)
  local one = watcher.new(given, {
    queue = self.queue, journal = log, patience = HOPELESS,
    runner = runner.new(kind, self.tally, self.load, self.options.capacity),
  })
  -- An observed hook costs more, and the defaults need no observer.
  if sets_hooks(given) then one.hooks.observer = self.hooked end
  one.jobs:observe { changed = function(entry)
    if entry.outcome then self.tally:decides(entry) end
  end }
  self.watchers[#self.watchers + 1] = one
  self.alive = self.alive + 1
  self.tasks[#self.tasks + 1] = scheduler.spawn(function()
    one:run()
    if one.gave_up then self.tally:complain "no task could be started for an hour: given up" end
    self.alive = self.alive - 1
    if self.alive == 0 then self.over:set() end
  end)
end

-- Sends the messages when they are due.
function Simulation:arrive()
  for number, at, message in self.load:messages() do
    local wait = at - self:now()
    if wait > 0 then scheduler.sleep(wait) end
    self.tally:arrives(message.id, number)
    self.queue:send { message }
  end
  self.all_arrived = true
  self:look()
end

function Simulation:start(source)
  for index = 1, self.options.watchers or 1 do
    local given, err = source()
    local kind
    if given then given, kind = copy_of(given) end
    if not given then return nil, err or kind, "Usage" end
    if index == 1 then self.queue = self:open_queue(given) end
    self:watch(given, kind)
  end
  return true
end

-- Runs to the end => true | nil err code
function Simulation:run(source)
  -- Not by a sleep: other watchers of this program, which a test has left open, would live through
  -- months of looks and heartbeats.
  scheduler.leap(beginning(scheduler.now()) - scheduler.now())
  self.began = scheduler.now()
  local ok, err, code = self:start(source)
  if ok then
    local arriving = scheduler.spawn(self.arrive, self)
    while not self.over:is_set() and not (self.all_arrived and self:now() > self.last) do
      self.over:wait(self.all_arrived and math.max(0, self.last - self:now()) or 3600)
      if self.all_arrived and not self.last then self.last = self:now() + LONGEST end
    end
    arriving:cancel "the simulation is over"
  end
  for _, one in ipairs(self.watchers) do one:abort() end
  for _, task in ipairs(self.tasks) do task:join() end
  if self.problem then return nil, self.problem, "Refused" end
  return ok, err, code
end

--- What a policy file returns: a function that loads it, each time again, and the doubles behind
--- the policy.
---@param path string
---@return fun(): watchbot.Policy?, string? source
---@return table<string, any> doubles
function simulate.file(path)
  local doubles = {}
  return function()
    local loaded, err, _, more = load_file.policy(path)
    for name, double in pairs(more or {}) do doubles[name] = double end
    return loaded, err
  end, doubles
end

--- Simulates a policy. Must not be called in a task.
---@param path string the policy's file
---@param load watchbot.Load
---@param options watchbot.SimulationOptions
---@return watchbot.SimulatedTally? tally
---@return string? err
---@return string? code "Refused": a hook has made a call that has no double
function simulate.run(path, load, options)
  local source, doubles = simulate.file(path)
  local self = setmetatable({
    load = load, options = options, over = scheduler.event(), watchers = {}, tasks = {}, alive = 0,
    last = false, began = 0, all_arrived = false,
  }, Simulation)
  self.tally = tally.new(function() return self:now() end, options.ended)
  self.hooked = hooked.new(function(err, where)
    self.tally:complain(("in %s: %s"):format(where, err))
  end)
  local leave = outside.new {
    doubles = doubles, topic = TOPIC,
    notified = function() self.tally.notifications = self.tally.notifications + 1 end,
    caller = function() return self.hooked:caller() end,
    refused = function(err) self:stop(err) end,
  }:enter()
  math.randomseed(options.seed or 1)
  scheduler.leap(true)
  local results = table.pack(pcall(scheduler.run, self.run, self, source))
  scheduler.leap(false)
  leave()
  if not results[1] then error(results[2], 0) end
  if not results[2] then return nil, results[3], results[4] end
  return self.tally
end

return simulate
