--- runner.process: a task is a child process of the watcher. C code writes its output to the log
-- line by line. A message that does not fit into an environment string is passed in a file.

local allowance = require "watchbot.runner.allowance"
local call = require "watchbot.policy.call"
local fields = require "watchbot.policy.fields"
local inherited = require "watchbot.runner.inherited"
local limits = require "watchbot.runner.limits"
local process = require "watchbot.process"
local room = require "watchbot.runner.room"
local scheduler = require "watchbot.scheduler"

-- Bytes of a task's newest output that a notification shows.
local TAIL = 50 * 1024

---@class watchbot.runner.Process
local Process = {}
Process.__index = Process

local Run = {}
Run.__index = Run

local runner = {}

---@param sink table
---@param policy table
---@param journal watchbot.Journal
---@return watchbot.runner.Process?
---@return string? err
---@return string? code
function runner.new(sink, policy, journal)
  process.sweep()
  -- A signal to the service's control group reaches both watcher and tasks.
  local self = setmetatable({
    sink = sink, journal = journal, host = process.environment(), shares_signals = true,
    allowances = setmetatable({}, { __mode = "k" }),
    capacities = setmetatable({}, { __mode = "k" }),
  }, Process)
  local allowed, err, code = self:allowance(policy)
  if not allowed then return nil, err, code end
  self:capacity(policy)
  return self
end

--- How many tasks of a policy may run at the same time.
---@param policy table
---@return integer
function Process:capacity(policy)
  local known = self.capacities[policy]
  if known then return known end
  local kind = policy.deliver == "stdin" and "stdin" or "process"
  known = room.workers(policy.workers, kind, self.journal)
  self.capacities[policy] = known
  return known
end

--- The limits of a policy's tasks; a reload may replace them.
function Process:allowance(policy)
  local known = self.allowances[policy]
  if known then return known end
  local made, err, code = allowance.new(policy)
  if not made then return nil, err, code end
  self.allowances[policy] = made
  return made
end

--- The message if one environment string cannot hold it: in a private file, which exists as long as
--- the run. A failure is the machine's, whatever its code: the disk, a limit on the size of files,
--- a missing TMPDIR.
local function message_file(job, environment, allowed)
  if environment.Message ~= nil or job:fits_environment() then return nil end
  local file, err = process.file(job.message, allowed:owner())
  if not file then return nil, err, "NoRoom" end
  environment.MessageFile = file:path()
  return file
end

--- What to start: the options `argv` or `command` of process.start. A command that a function
--- returns for each job may be any value.
---@param policy table
---@param job watchbot.Job
---@return { argv: string[]?, command: string? }?
---@return string? err
---@return "CommandFailed"? code
function runner.command(policy, job)
  local command = policy.command
  if type(command) == "function" then
    local ok, made = call.make("command", command, job.id, job)
    if not ok then return nil, made, "CommandFailed" end
    command = made
    ok = fields.check("command", command) and type(command) ~= "function"
    if not ok then
      return nil, ("the policy's function 'command' returned a %s, not text or a list"):format(type(
        command)), "CommandFailed"
    end
  end
  return type(command) == "string" and { command = command } or { argv = command }
end

-- Descendants of a task inherit this, so that they are found after they have lost their parent.
local function mark_of(environment)
  local id = environment.MessageId
  return type(id) == "string" and not id:find "%z" and "MessageId=" .. id or nil
end

local function refused(err, code)
  return nil, err, room.lacks[code] and "NoRoom" or code
end

---@param job watchbot.Job
---@param environment table<string, string>
---@param policy table
---@return table? run
---@return string? err
---@return string? code "NoRoom": a lack of processes, memory, descriptors or disk space, or no
--- private file can be written
function Process:start(job, environment, policy)
  local allowed, err, code = self:allowance(policy)
  if not allowed then return nil, err, code end
  local file, command, granted, child
  file, err, code = message_file(job, environment, allowed)
  if err then return refused(err, code) end
  command, err, code = runner.command(policy, job)
  if not command then return nil, err, code end
  local all = inherited(self.host, policy)
  granted, err, code = allowed:grant(all, environment)
  if not granted then return refused(err, code) end
  local ok
  ok, child, err, code = pcall(process.start, {
    argv = command.argv, command = command.command, cwd = policy.cwd, env = all,
    stdin = policy.deliver == "stdin" and job.message or nil, output = self.sink, id = job.id,
    category = "worker", tail = TAIL, mark = mark_of(environment), limits = granted.limits,
  })
  if ok and child then
    local run = {
      child = child, file = file, granted = granted, shell = command.command ~= nil, id = job.id,
      journal = self.journal, keeps_output = policy.history and policy.history_output == "all",
      cpu_seconds = policy.cpu_seconds,
    }
    return limits.begin(setmetatable(run, Run), policy)
  end
  granted:release()
  if file then file:close() end
  if not ok then error(child, 0) end
  return refused(err, code)
end

-- A shell that forks reports the signal that ended its command as an exit code: 128 plus the
-- number.
local SHELL_SIGNALS = 128

-- Seconds between two checks whether a task is stopped.
local LOOK = 5

--- Logs once that a task is stopped, by SIGSTOP or for lack of a terminal: otherwise it would wait
-- forever without a trace.
local function look(run)
  local stopped = run.child:stopped()
  if stopped and not run.stopped then
    run.journal:warning(run.id, "event", "the task is stopped by a signal and waits for SIGCONT",
      "pid", run.child:pid())
  end
  run.stopped = stopped
end

local function wait(run, seconds)
  local until_time = scheduler.now() + (seconds or math.huge)
  while true do
    local left = math.max(0, until_time - scheduler.now())
    local exit = run.child:wait(math.min(left, LOOK))
    if exit or left <= LOOK then return exit end
    look(run)
  end
end

-- Processes of a task that still run: they may work on the message at the same time as its next
-- run.
local function name_survivors(run, exit)
  if not exit.survivors then return end
  run.journal:error(run.id, "error", "processes of the task could not be killed", "processes",
    (exit.survivors:gsub("\n", "; ")), "where", "kill")
end

-- A task that ignores SIGXCPU is killed five seconds of CPU later (setrlimit(2)). KILL alone has
-- many senders, and `exit.cpu` counts children, each with the same limit. A hard limit that
-- is not above the policy's is the watcher's own: no SIGXCPU came before.
local function over_its_cpu(run, exit)
  local limit = run.cpu_seconds
  if exit.signal ~= "KILL" or not limit or exit.oom then return nil end
  if (exit.cpu_limit or 0) <= limit then return nil end
  return ("killed by signal KILL: it ignored SIGXCPU and used %.1f s of CPU (cpu_seconds = %d)")
    :format(exit.cpu, limit)
end

---@param seconds number?
---@return watchbot.Exit? exit
function Run:ended(seconds)
  local exit = wait(self, seconds)
  if not exit then return nil end
  name_survivors(self, exit)
  self.granted:release(exit)
  if self.file then self.file:close() end
  if exit.code ~= 0 or self.keeps_output then exit.logs = self.child:tail() end
  if self.shell and exit.code and exit.code > SHELL_SIGNALS then
    exit.shell_signal = process.signal_name(exit.code - SHELL_SIGNALS)
  end
  self.child:close()
  exit.reason = self.reason or over_its_cpu(self, exit) or exit.reason
  exit.cpu_limit = nil
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
