--- runner.lua: a task is a Lua function in the watcher, for short work, thousands a second.
-- A handler that never waits blocks everything else, including heartbeats: a turn of more than 100
-- ms is reported once for each handler. Its timeout, and other reasons to stop it, are raised in it
-- at each wait and at each instruction until it has ended, however often it catches them.

local handled = require "watchbot.runner.handled"
local limits = require "watchbot.runner.limits"
local mend = require("watchbot.message.job").mend
local own = require "watchbot.lib.own"
local printed = require "watchbot.journal.printed"
local scheduler = require "watchbot.scheduler"

-- Seconds without a wait that cause a warning.
local LONG_TURN = 0.1

---@class watchbot.runner.Lua
local Lua = {}
Lua.__index = Lua

local Run = {}
Run.__index = Run

local runner = {}

---@param sink table
---@return watchbot.runner.Lua
function runner.new(sink)
  return own({
    sink = sink, warned = setmetatable({}, { __mode = "k" }), ignores_environment = true,
    shares_signals = true, starts_at_once = true, find = false, capacity = false,
  }, Lua)
end

local function traced(err)
  return type(err) == "string" and debug.traceback(err, 2) or err
end

--- The handler runs in the task that waits for it.
---@param job watchbot.Job
---@param _ table? the environment, which a handler does not need
---@param policy table
---@return table run
function Lua:start(job, _, policy)
  local limit = policy.timeout
  return setmetatable({
    runner = self, handler = policy.handler, job = job, began = scheduler.now(),
    limit = limit > 0 and limit, task = false, keeps = policy.history ~= nil, reason = false,
  }, Run)
end

function Run:warn(longest)
  if self.runner.warned[self.handler] then return end
  self.runner.warned[self.handler] = true
  mend(self.job)
  self.runner.sink:write("watcher", self.job.id, ("a handler ran %d ms without waiting: heartbeats "
    .. "and other jobs stood still; let it sleep(0) now and then, or run it as a command"):format(
    longest * 1000 // 1), 40)
end

-- Whether the handler was ended by its time limit.
local function timed_out(run, err)
  if not run.limit or type(err) ~= "string" then return false end
  local text = limits.timed_out(run.limit)
  return err:sub(1, #text) == text and scheduler.now() >= run.began + run.limit
end

-- What a second signal to the watcher, or watchbot_interrupt, raises in a handler that computes.
local function was_interrupted(err)
  return type(err) == "string" and err:find("^interrupted%f[\n\0]") ~= nil
end

-- What else there is to say about a handler that has failed.
local function explain(run, exit, err)
  if was_interrupted(err) then exit.signal, exit.code, exit.reason = "TERM", nil, "interrupted" end
  if run.reason then
    exit.reason = run.reason
  elseif timed_out(run, err) then
    exit.reason, exit.timed_out = limits.timed_out(run.limit), true
  end
end

local function exit_of(run, before, ok, ...)
  local task = run.task
  printed.finish(task, before)
  local exit, clean = handled.exit(ok, ...)
  if not ok then explain(run, exit, (...)) end
  exit.duration = scheduler.now() - run.began
  if run.keeps then exit.logs = printed.kept(task) end
  local longest = task:longest_turn()
  if longest >= LONG_TURN then run:warn(longest) end
  return exit, clean
end

--- Nothing can prevent a handler from starting: its start is known when it has ended.
---@return false started
function Run:starts() -- luacheck: ignore 212
  return false
end

--- Runs the handler to its end.
---@return watchbot.Exit exit
---@return boolean? clean see runner.handled
function Run:wait()
  if self.reason then return { code = 1, reason = self.reason, duration = 0 } end
  local task, one, limit = scheduler.current(), self.job, self.limit
  self.task = task
  local before = printed.begin(task, one.id)
  if self.keeps then printed.keep(task) end
  return exit_of(self, before, xpcall(scheduler.limit, traced, limit or math.huge,
    limit and limits.timed_out(limit) or "", self.handler, one))
end

--- Raises the reason in the handler, at each wait and instruction until it has ended.
---@param reason string
function Run:stop(reason)
  self.reason = self.reason or reason
  if self.task then self.task:expire(reason) end
end

return runner
