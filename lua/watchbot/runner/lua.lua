--- runner.lua: a task is a Lua function in the watcher, for small work, thousands a second.
-- A handler that never waits keeps everything else from its turn, heartbeats too. A count hook raises its timeout inside
-- it, and a turn of more than 100 ms is said once for each handler.

local answers = require "watchbot.runner.handled"
local limits = require "watchbot.runner.limits"
local scheduler = require "watchbot.scheduler"

-- VM instructions between two looks at the clock: about a millisecond.
local INSTRUCTIONS = 100000

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

--- Raises what the run was stopped for, or its timeout, in a handler that is computing.
local function watch_clock(run)
  local limit = run.limit or math.huge
  debug.sethook(function()
    if not run.reason and scheduler.now() - run.began > limit then
      run.reason, run.over = limits.timed_out(limit), true
    end
    if run.reason then error(run.reason, 0) end
  end, "", INSTRUCTIONS)
end

---@param job watchbot.Job
---@param environment table<string, string>
---@param policy table
function Lua:start(job, environment, policy)
  local run = setmetatable({ runner = self, handler = policy.handler, id = job.id }, Run)
  limits.begin(run, policy)
  job.environment_variables = environment
  run.task = scheduler.spawn(function()
    watch_clock(run)
    return policy.handler(job)
  end)
  return run
end

function Run:warn()
  local longest = self.task:longest_turn()
  if longest < LONG_TURN or self.runner.warned[self.handler] then return end
  self.runner.warned[self.handler] = true
  self.runner.sink:write("watcher", self.id, ("a handler ran %d ms without waiting: heartbeats and other jobs stood still; "
    .. "let it sleep(0) now and then, or run it as a command"):format(longest * 1000 // 1), 40)
end

-- => exit, unless `seconds` have passed
local function exit_of(run, ok, ...)
  if ok == nil then return nil end
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
  self.task:cancel(reason)
end

limits.extend(Run)

return runner
