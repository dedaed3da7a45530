--- runner.lua: a task is a Lua function in the watcher, for small work, thousands a second.
-- A handler that never waits keeps everything else from its turn, heartbeats too: a turn of more than
-- 100 ms is reported once for each handler. Its timeout, and what it is stopped for, are raised in it
-- at each wait and at each instruction until it has ended, however often it catches them.

local answers = require "watchbot.runner.handled"
local limits = require "watchbot.runner.limits"
local scheduler = require "watchbot.scheduler"

-- Seconds without a wait that are worth a warning.
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
  return setmetatable({ sink = sink, warned = setmetatable({}, { __mode = "k" }) }, Lua)
end

local function traced(err)
  return type(err) == "string" and debug.traceback(err, 2) or err
end

---@param job watchbot.Job
---@param environment table<string, string>
---@param policy table
function Lua:start(job, environment, policy)
  local run = setmetatable({ runner = self, handler = policy.handler, id = job.id }, Run)
  limits.begin(run, policy)
  job.environment_variables = environment
  -- The task itself never fails: nothing of Lua's runs in it outside of the xpcall.
  run.task = scheduler.spawn(xpcall, scheduler.limit, traced, run.limit or math.huge,
    limits.timed_out(run.limit or 0), policy.handler, job)
  return run
end

function Run:warn()
  local longest = self.task:longest_turn()
  if longest < LONG_TURN or self.runner.warned[self.handler] then return end
  self.runner.warned[self.handler] = true
  self.runner.sink:write("watcher", self.id, ("a handler ran %d ms without waiting: heartbeats and other jobs stood still; "
    .. "let it sleep(0) now and then, or run it as a command"):format(longest * 1000 // 1), 40)
end

-- Whether the limit was raised inside the handler, before it was noticed out here.
local function ran_into_limit(run, ok, err)
  if ok or not run.limit or type(err) ~= "string" then return false end
  local text = limits.timed_out(run.limit)
  return err:sub(1, #text) == text and scheduler.now() >= run.began + run.limit
end

-- => exit, unless `seconds` have passed
local function exit_of(run, joined, ok, ...)
  if joined == nil then return nil end
  if ran_into_limit(run, ok, ...) and not run.reason then
    run.reason, run.over = limits.timed_out(run.limit), true
  end
  local exit = answers.exit(ok, ...)
  exit.duration = scheduler.now() - run.began
  exit.reason = run.reason or exit.reason
  run:warn()
  return exit
end

---@param seconds number?
---@return watchbot.Exit? exit
function Run:ended(seconds)
  return exit_of(self, self.task:join(seconds))
end

---@param reason string
function Run:stop(reason)
  self.reason = self.reason or reason
  self.task:abort(reason)
end

limits.extend(Run)

return runner
