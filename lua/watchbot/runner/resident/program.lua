--- runner.resident.program: the process of a resident program: its environment, its limits, its
-- output, and its exit.

local core = require "watchbot.core"
local process = require "watchbot.process"

-- Bytes of the newest output that a notification shows.
local TAIL = 50 * 1024

-- Set in its environment, so that its descendants are found after they have lost their parent.
local MARK = "WATCHBOT_PROGRAM"

---@class watchbot.Program
---@field child watchbot.Process
---@field granted watchbot.Granted
---@field journal watchbot.Journal
local Program = {}
Program.__index = Program

local program = {}

--- The text for an exit: "signal KILL", "exit code 3".
---@param exit watchbot.process.Exit
---@return string
function program.describe(exit)
  if exit.signal then return "signal " .. exit.signal end
  return "exit code " .. tostring(exit.code)
end

local function start_process(parts, granted, environment, more)
  local command = parts.options.command
  return process.start {
    argv = type(command) == "table" and command or nil,
    command = type(command) == "string" and command or nil, cwd = parts.policy.cwd,
    env = environment, output = parts.sink, category = "worker", tail = TAIL,
    limits = granted.limits, records = more.records, channel = more.channel,
    mark = MARK .. "=" .. environment[MARK],
  }
end

--- Starts the policy's program.
---@param parts table see runner/resident/init.lua
---@param environment table<string, string> inherited variables, with defaults
---@param own table<string, string> variables that override inherited ones
---@param more { records: boolean?, channel: watchbot.Channel?, withheld: string[]? } options of
--- process.start; `withheld`: variables that it never gets
---@return watchbot.Program?
---@return string? err
---@return string? code
function program.start(parts, environment, own, more)
  local granted, child, err, code
  granted, err, code = parts.allowed:grant(environment, own)
  if not granted then return nil, err, code end
  for _, name in ipairs(more.withheld or {}) do environment[name] = nil end
  environment[MARK] = core.aws.uuid()
  child, err, code = start_process(parts, granted, environment, more)
  if child then
    return setmetatable({ child = child, granted = granted, journal = parts.journal }, Program)
  end
  granted:release()
  return nil, err, code
end

--- The process has ended, or the program is given up: frees its resources. Logs processes that
--- could not be killed.
---@param exit watchbot.process.Exit
function Program:ended(exit)
  self.granted:release(exit)
  if exit.survivors then
    self.journal:error(nil, "error", "processes of the program could not be killed", "processes",
      (exit.survivors:gsub("\n", "; ")), "where", "kill")
  end
end

return program
