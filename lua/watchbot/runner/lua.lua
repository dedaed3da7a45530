--- runner.lua: a task is a Lua function in the watcher, for small work, thousands a second.
-- A handler that never waits keeps everything else from its turn, heartbeats too. A count hook raises its timeout inside
-- it, and a turn of more than 100 ms is said once for each handler.

local scheduler = require "watchbot.scheduler"

-- VM instructions between two looks at the clock: about a millisecond.
local INSTRUCTIONS = 100000

-- Seconds without a wait that are worth a warning.
local LONG_TURN = 0.1

local codes = { complete = 0, reject = 3, release = 4, retry = 1 }

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

--- What a handler returned, as an exit: nothing or true is 0, false (with a reason) is 1, an integer is the code, the name of
--- an outcome is that outcome.
local function exit_of(ok, result, reason)
  if not ok then return { code = 1, reason = tostring(result) } end
  if result == nil or result == true then return { code = 0 } end
  if result == false then return { code = 1, reason = reason and tostring(reason) or "the handler returned false" } end
  if math.type(result) == "integer" then return { code = result, reason = reason } end
  if codes[result] then return { code = codes[result], outcome = result, reason = reason } end
  return { code = 1, reason = ("the handler returned '%s', which is neither an exit code nor an outcome"):format(
    tostring(result)) }
end

--- Raises what the run was stopped for, or its timeout, in a handler that is computing.
local function watch_clock(run, limit)
  debug.sethook(function()
    if run.reason then error(run.reason, 0) end
    if scheduler.now() - run.started > limit then
      run.reason = ("timed out after %g s"):format(limit)
      error(run.reason, 0)
    end
  end, "", INSTRUCTIONS)
end

---@param job watchbot.Job
---@param environment table<string, string>
---@param policy table
function Lua:start(job, environment, policy)
  local run = setmetatable({ runner = self, handler = policy.handler, id = job.id, started = scheduler.now() }, Run)
  local limit = policy.timeout > 0 and policy.timeout or math.huge
  job.environment_variables = environment
  run.task = scheduler.spawn(function()
    watch_clock(run, limit)
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

---@param seconds number?
---@return table? exit
function Run:wait(seconds)
  local ok, result, reason = self.task:join(seconds)
  if ok == nil then return nil end
  local exit = exit_of(ok, result, reason)
  exit.duration = scheduler.now() - self.started
  exit.reason = self.reason or exit.reason
  self:warn()
  return exit
end

---@param reason string
function Run:stop(reason)
  self.reason = self.reason or reason
  self.task:cancel(reason)
end

return runner
