--- runner.resident.pool: distributes jobs to runtimes, and sets the number of runtimes. Jobs wait
-- in order; a runtime that asks gets the first of them. If jobs wait and no runtime is free,
-- another one is started, up to the policy's `workers`.

local groups = require "watchbot.runner.resident.groups"
local received = require("watchbot.message.job").received
local limits = require "watchbot.lib.limits"
local room = require "watchbot.runner.room"
local runtime = require "watchbot.runner.resident.runtime"
local scheduler = require "watchbot.scheduler"

-- Bytes of the messages of one invocation, as on AWS.
local LARGEST_PAYLOAD = limits.lambda.payload

-- Seconds until the next start after a runtime has ended without ever having responded; doubled
-- each time.
local FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10

-- Seconds from a runtime's response to its next request before another one is started to replace
-- it.
local ASKS_WITHIN = 0.2

-- A runtime that asks, and ends within this many seconds of its start without any job, more than
-- this many times in a row, counts as one that cannot be started.
local QUICK, QUICK_ENDS = 1, 3

---@class watchbot.RuntimePool
---@field parts table policy, workers, options, journal, sink, channel, allowed, inherited, report,
--- user
---@field waiting table[] runs
---@field groups watchbot.Groups
---@field free watchbot.Runtime[] idle ones, the last used at the end
---@field all table<watchbot.Runtime, true>
---@field alive integer
---@field starts integer runtimes that were started, and those that could not be (`failures`)
---@field pause number? seconds
---@field draining boolean
local Pool = {}
Pool.__index = Pool

local pool = {}

---@param parts table
---@return watchbot.RuntimePool
function pool.new(parts)
  return setmetatable({
    parts = parts, waiting = {}, free = {}, all = {}, alive = 0, quick = 0, draining = false,
    changed = scheduler.event(), groups = groups.new(), starts = 0, failures = 0,
  }, Pool)
end

-- batches

-- How many of the waiting jobs make the next batch; 0: it may still grow.
local function batch_size(self)
  local options, bytes, count = self.parts.options, 0, 0
  if options.batch == 1 then return 1 end
  for _, run in ipairs(self.waiting) do
    bytes = bytes + #received(run.job).body
    if count > 0 and bytes > LARGEST_PAYLOAD then return count end
    count = count + 1
    if count == options.batch then return count end
  end
  if count == 0 or options.window == 0 then return count end
  local left = self.waiting[1].since + options.window - scheduler.now()
  if left <= 0 then return count end
  self:later(left)
  return 0
end

local function take(self, count)
  if count == 1 then return { table.remove(self.waiting, 1) } end
  local runs = table.move(self.waiting, 1, count, 1, {})
  table.move(self.waiting, count + 1, #self.waiting + count, 1)
  return runs
end

--- Looks again after some seconds.
function Pool:later(seconds)
  local due = scheduler.now() + seconds
  if self.due and self.due <= due then return end
  self.due = due
  scheduler.spawn(function()
    scheduler.sleep(seconds)
    if self.due == due then self.due = nil end
    self:turn()
  end)
end

-- turns

-- Takes jobs that may begin. While a watcher is suspended their leases lapse, and others run them.
local function take_current(self, count)
  local runs = take(self, count)
  for index = #runs, 1, -1 do
    local run = runs[index]
    if run.lapsed and run.lapsed() then
      run:finish { cause = "lapsed" }
      table.remove(runs, index)
    end
  end
  return runs
end

local function give(self, one, count)
  local runs = take_current(self, count)
  if #runs == 0 then
    self.free[#self.free + 1] = one
    return
  end
  local given = one:give(runs)
  -- Jobs whose event could not be created have ended; the runtime waits for the next.
  if one.state == "idle" then self.free[#self.free + 1] = one end
  if given then return self.groups:began(runs, self.waiting) end
  -- Its connection is closed: the jobs wait for another runtime, in their place.
  table.move(self.waiting, 1, #self.waiting, #runs + 1)
  table.move(runs, 1, #runs, 1, self.waiting)
end

-- Runtimes that will take a job soon. A runtime that does not ask again for a while counts as busy.
local function coming(self)
  local count, now = 0, scheduler.now()
  for one in pairs(self.all) do
    if one.state == "starting" or one.state == "idle" then count = count + 1 end
    if one.state == "answered" and now - one.answered_at < ASKS_WITHIN then
      count = count + 1
      self:later(ASKS_WITHIN)
    end
  end
  return count
end

local function start_more(self)
  local most = self.parts.workers
  if self.draining then return end
  local wanted = math.ceil(#self.waiting / self.parts.options.batch) - coming(self)
  while wanted > 0 and self.alive < most do
    if self.resting then return end
    wanted = wanted - 1
    self:start()
  end
end

--- Gives waiting jobs to idle runtimes, and starts more if that is not enough.
function Pool:turn()
  local free, waiting = self.free, self.waiting
  while free[1] and waiting[1] do
    local count = batch_size(self)
    if count == 0 then break end
    give(self, table.remove(free), count)
    free, waiting = self.free, self.waiting
  end
  if waiting[1] and self.alive < self.parts.workers then start_more(self) end
  if self.parts.options.listen then self:keep_listening() end
end

--- A runtime that is started elsewhere asks before there is any message: its port is always open.
function Pool:keep_listening()
  if self.alive == 0 and not self.resting and not self.draining then self:start() end
end

--- Waits as long as jobs arrive with each turn of the loop: the messages of one receive come one
--- after the other, and belong into one batch.
function Pool:gather()
  if self.gathering then return end
  self.gathering = true
  scheduler.spawn(function()
    local count
    repeat
      count = #self.waiting
      scheduler.sleep(0)
    until #self.waiting <= count
    self.gathering = false
    self:turn()
  end)
end

-- runtimes

function Pool:start()
  self.alive, self.starts = self.alive + 1, self.starts + 1
  local ok, one, err, code = pcall(runtime.start, self)
  if ok and one then
    self.all[one] = true
    return
  end
  self.alive = self.alive - 1
  if not ok then err, code = tostring(one), "StartFailed" end
  self:start_failed(err, code)
end

-- A lack of processes, memory or descriptors: the job is held.
local function not_started(err, code)
  local lacks = room.lacks[code]
  return {
    not_started = not lacks or nil, unplaced = lacks, error = code, reason = err, duration = 0,
  }
end

--- Fails one of the waiting jobs, so that the breaker and the notifications work as for other
-- tasks.
function Pool:start_failed(err, code)
  self.failures = self.failures + 1
  self.pause = math.min((self.pause or FIRST_PAUSE / 2) * 2, LONGEST_PAUSE)
  self.resting = true
  local run = table.remove(self.waiting, 1)
  if run then run:finish(not_started(err, code)) end
  if not run then self.parts.journal:error(nil, "error", err, "where", "runtime") end
  local pause = self.pause -- a response of another runtime resets it
  scheduler.spawn(function()
    scheduler.sleep(pause)
    self.resting = false
    self:turn()
  end)
end

-- Whether a runtime that has asked could not really be started.
local function ended_quickly(self, one)
  if one.jobs > 0 or scheduler.now() - one.born >= QUICK then return false end
  self.quick = self.quick + 1
  return self.quick > QUICK_ENDS
end

--- A runtime has ended.
---@param one watchbot.Runtime
---@param words string? why it could not be started
function Pool:ended(one, words)
  self.all[one] = nil
  self.alive = self.alive - 1
  for index, free in ipairs(self.free) do
    if free == one then table.remove(self.free, index) break end
  end
  self.changed:set()
  if one.retired or self.draining then return self:turn() end
  if not words and ended_quickly(self, one) then words = "it ends as soon as it has started" end
  if words then
    return self:start_failed("the runtime could not be started: " .. words, "InitError")
  end
  self:turn()
end

--- A runtime asks for a job.
---@param one watchbot.Runtime
function Pool:idle(one)
  if self.draining or one.generation ~= self.generation or (one.jobs > 0 and one:is_worn()) then
    one.retired = true
    return one:stop()
  end
  for _, free in ipairs(self.free) do if free == one then return self:turn() end end
  self.free[#self.free + 1] = one
  self:turn()
end

--- A runtime has responded, and will ask again.
---@param one watchbot.Runtime
function Pool:answered(one)
  self.pause, self.quick, one.answered_at = nil, 0, scheduler.now()
end

-- jobs

-- The exit of a job that will not get a runtime any more.
local function drained()
  return { stopped = true, reason = "stopped: the watcher is draining", duration = 0 }
end

---@param run table
function Pool:add(run)
  if self.draining then return run:finish(drained()) end
  run.since = scheduler.now()
  if self.groups:keep(run) then return end
  self.waiting[#self.waiting + 1] = run
  if #self.waiting < self.parts.options.batch then self:gather() else self:turn() end
end

--- Returns a waiting job.
---@param run table
function Pool:remove(run)
  for index, one in ipairs(self.waiting) do
    if one == run then return table.remove(self.waiting, index) end
  end
  return self.groups:remove(run)
end

--- A job is settled: those of its group that wait behind it may go on.
---@param job watchbot.Job
function Pool:left(job)
  local runs = self.groups:left(job)
  if #runs == 0 then return end
  table.move(runs, 1, #runs, #self.waiting + 1, self.waiting)
  self:turn()
end

-- the end

local function stop_free(self)
  local free = self.free
  self.free = {}
  for _, one in ipairs(free) do
    one.retired = true
    one:stop()
  end
end

--- Uses other parts from now on: runtimes that were started with the old ones end when they are
--- idle.
---@param parts table
function Pool:renew(parts)
  self.parts, self.generation = parts, {}
  stop_free(self)
end

--- Starts no more invocations: waiting jobs are returned, idle runtimes end.
function Pool:drain()
  self.draining = true
  for _, run in ipairs(take(self, #self.waiting)) do run:finish(drained()) end
  for _, run in ipairs(self.groups:take_all()) do run:finish(drained()) end
  stop_free(self)
end

--- Stops all runtimes and waits for their end: until then they can ask; otherwise they would log
--- errors.
---@param grace number seconds
function Pool:close(grace)
  self:drain()
  for one in pairs(self.all) do one:stop(grace) end
  local until_time = scheduler.now() + grace + 1
  while self.alive > 0 and scheduler.now() < until_time do
    self.changed:clear()
    self.changed:wait(until_time - scheduler.now())
  end
end

return pool
