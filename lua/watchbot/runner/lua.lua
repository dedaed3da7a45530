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

-- Bytes of a handler's newest output that are kept, where there is a history.
local TAIL = 4096

-- Seconds without a wait that cause a warning.
local LONG_TURN = 0.1

---@class watchbot.runner.Lua
local Lua = { shares_signals = true }
Lua.__index = Lua

local Run = {}
Run.__index = Run

local runner = {}

---@param sink table
---@return watchbot.runner.Lua
function runner.new(sink)
  return own({
    sink = sink, warned = setmetatable({}, { __mode = "k" }), ignores_environment = true,
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
  return setmetatable({
    runner = self, handler = policy.handler, job = job, began = scheduler.now(),
    limit = policy.timeout > 0 and policy.timeout, task = false, reason = false,
    before = false, keeps = policy.history ~= nil,
  }, Run)
end

function Run:warn()
  local longest = self.task:longest_turn()
  if longest < LONG_TURN or self.runner.warned[self.handler] then return end
  self.runner.warned[self.handler] = true
  mend(self.job)
  self.runner.sink:write("watcher", self.job.id, ("a handler ran %d ms without waiting: heartbeats "
    .. "and other jobs stood still; let it sleep(0) now and then, or run it as a command"):format(
    longest * 1000 // 1), 40)
end

-- Whether the handler was ended by its time limit.
local function timed_out(run, ok, err)
  if ok or run.reason or not run.limit or type(err) ~= "string" then return false end
  local text = limits.timed_out(run.limit)
  return err:sub(1, #text) == text and scheduler.now() >= run.began + run.limit
end

-- What a second signal to the watcher, or watchbot_interrupt, raises in a handler that computes.
local function was_interrupted(ok, err)
  return not ok and type(err) == "string" and err:find("^interrupted%f[\n\0]") ~= nil
end

local function exit_of(run, ok, ...)
  printed.finish(run.task, run.before)
  local output = run.keeps and printed.kept(run.task) or nil
  local over = timed_out(run, ok, ...)
  local exit = handled.exit(ok, ...)
  if was_interrupted(ok, ...) then
    exit.signal, exit.code, exit.reason = "TERM", nil, "interrupted"
  end
  exit.duration, exit.logs = scheduler.now() - run.began, output
  if not ok and run.reason then exit.reason = run.reason end
  if over then exit.reason, exit.timed_out = limits.timed_out(run.limit), true end
  run:warn()
  return exit
end

--- Nothing can prevent a handler from starting: its start is known when it has ended.
---@return false started
function Run:starts() -- luacheck: ignore 212
  return false
end

--- Runs the handler to its end.
---@return watchbot.Exit exit
function Run:wait()
  if self.reason then return { code = 1, reason = self.reason, duration = 0 } end
  self.task = scheduler.current()
  self.before = printed.begin(self.task, self.job.id)
  if self.keeps then printed.keep(self.task, TAIL) end
  local limit = self.limit or math.huge
  return exit_of(self, xpcall(scheduler.limit, traced, limit, limits.timed_out(limit),
    self.handler, self.job))
end

--- Raises the reason in the handler, at each wait and instruction until it has ended.
---@param reason string
function Run:stop(reason)
  self.reason = self.reason or reason
  if self.task then self.task:expire(reason) end
end

return runner
