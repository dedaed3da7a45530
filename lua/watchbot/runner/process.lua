--- runner.process: a task is a child process beside the watcher.
-- Its output goes to the log line by line, in C. A message that an environment string cannot hold is handed over in a file.

local fields = require "watchbot.policy.fields"
local jobs = require "watchbot.message.job"
local limits = require "watchbot.runner.limits"
local process = require "watchbot.process"

-- The newest output of a task that a notification shows.
local TAIL = 50 * 1024

---@class watchbot.runner.Process
local Process = {}
Process.__index = Process

local Run = {}
Run.__index = Run

local runner = {}

---@param sink table
---@return watchbot.runner.Process
function runner.new(sink)
  process.sweep()
  -- A signal to the process group, or to the service's control group, reaches watcher and tasks alike.
  return setmetatable({
    sink = sink, host = process.environment(), shares_signals = true,
  }, Process)
end

--- What the policy lets a task inherit, and the message over it.
local function environment_of(self, policy, environment)
  local all = {}
  for name, value in pairs(self.host) do
    if policy:inherits(name) then all[name] = value end
  end
  -- A watcher that is itself some watcher's task has a message of its own, which is none of this task's business.
  for _, name in ipairs(jobs.variable_names) do all[name] = nil end
  for name, value in pairs(environment) do all[name] = value end
  return all
end

--- The message where one environment string cannot hold it: in a private file, which lives as long as the run.
local function message_file(job, environment)
  if environment.Message ~= nil or job:fits_environment() then return nil end
  local file, message, code = process.file(job.message)
  if not file then return nil, message, code end
  environment.MessageFile = file:path()
  return file
end

--- What to start: the options `argv` or `command` of process.start. A command that is made for each job may be anything.
---@param policy table
---@param job watchbot.Job
---@return { argv: string[]?, command: string? }?
---@return string? message
---@return "CommandFailed"? code
function runner.command(policy, job)
  local command = policy.command
  if type(command) == "function" then
    local ok, made = xpcall(command, debug.traceback, job)
    if not ok then return nil, "the policy's function 'command' failed: " .. made, "CommandFailed" end
    command = made
    ok = fields.check("command", command) and type(command) ~= "function"
    if not ok then
      return nil, ("the policy's function 'command' returned a %s, not text or a list"):format(type(command)), "CommandFailed"
    end
  end
  return type(command) == "string" and { command = command } or { argv = command }
end

---@param job watchbot.Job
---@param environment table<string, string>
---@param policy table
---@return table? run
---@return string? message
---@return string? code
function Process:start(job, environment, policy)
  local file, message, code = message_file(job, environment)
  if message then return nil, message, code end
  local command, child
  command, message, code = runner.command(policy, job)
  if not command then return nil, message, code end
  child, message, code = process.start {
    argv = command.argv, command = command.command, cwd = policy.cwd, env = environment_of(self, policy, environment),
    stdin = policy.deliver == "stdin" and job.message or nil, output = self.sink, id = job.id, category = "worker",
    tail = TAIL,
  }
  if child then
    local run = { child = child, file = file, shell = command.command ~= nil }
    return limits.begin(setmetatable(run, Run), policy)
  end
  if file then file:close() end
  return nil, message, code
end

-- A shell that forks tells the signal that ended its command as an exit code: 128 and the number.
local SHELL_SIGNALS = 128

---@param seconds number?
---@return watchbot.Exit? exit
function Run:ended(seconds)
  local exit = self.child:wait(seconds)
  if not exit then return nil end
  if self.file then self.file:close() end
  if exit.code ~= 0 then exit.logs = self.child:tail() end
  if self.shell and exit.code and exit.code > SHELL_SIGNALS then
    exit.shell_signal = process.signal_name(exit.code - SHELL_SIGNALS)
  end
  self.child:close()
  exit.reason = self.reason or exit.reason
  return exit
end

---@param reason string
---@param grace number seconds from TERM to KILL
function Run:stop(reason, grace)
  self.reason = self.reason or reason
  self.child:stop(grace)
end

limits.extend(Run)

return runner
