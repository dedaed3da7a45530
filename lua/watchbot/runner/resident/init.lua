--- runner.resident: a task is an invocation of a resident program: a Lambda function, an HTTP
-- worker, a program that reads lines. See doc/lambda.md and doc/resident.md.
--
-- A channel implements a program's protocol:
--
--     channel.open(runtime, options, user) -> channel | nil, err, code
--     channel:defaults(parts), channel:environment(parts) -> variables
--     channel:started()                              -- the program runs
--     channel:prepare(invocation) -> text | nil, err, code
--     channel:gone(token) -> boolean                 -- the client has closed the connection
--     channel:give(token, invocation, text)
--     channel:close()
--
-- and calls its runtime: asked(token), answered(id, body), failed(id, body, kind),
-- init_failed(body, kind), broken(problem).

local allowance = require "watchbot.runner.allowance"
local inherited = require "watchbot.runner.inherited"
local limits = require "watchbot.runner.limits"
local resident = require "watchbot.policy.resident"
local pool = require "watchbot.runner.resident.pool"
local process = require "watchbot.process"
local received = require("watchbot.message.job").received
local room = require "watchbot.runner.room"
local scheduler = require "watchbot.scheduler"
local service = require "watchbot.runner.resident.service"
local source = require "watchbot.runner.resident.source"

-- The channel module of each kind.
local CHANNELS = {
  lambda = "lambda", serve = "serve", resident = "lines", handler = "functions",
}

-- Kinds whose messages are sent in JSON.
local NEEDS_TEXT = { lambda = true, resident = true }

---@class watchbot.runner.Resident
local Resident = { shares_signals = true, ignores_environment = true }
Resident.__index = Resident

local Run = {}
Run.__index = Run

local runner = {}

local function effective_user()
  for line in io.lines "/proc/self/status" do
    local uid = line:match "^Uid:%s+%d+%s+(%d+)"
    if uid then return math.tointeger(tonumber(uid)) end
  end
end

-- How to read the batchItemFailures of a response. If a function lists its only message as failed,
-- it must not be deleted; but for single messages many clients respond with text that is not JSON.
local function reports(options)
  if options.report == false then return false end
  return (options.report or options.batch > 1) and "strict" or "lenient"
end

-- The parts of a policy that a pool needs.
local function parts_of(self, policy)
  local options, kind = resident.of(policy)
  local allowed, err, code = allowance.new(policy)
  if not allowed then return nil, err, code end
  local parts = {
    policy = policy, options = options, kind = kind, journal = self.journal, sink = self.sink,
    allowed = allowed, user = allowed:owner() or effective_user(),
    channel = require("watchbot.runner.resident." .. CHANNELS[kind]),
    report = reports(options),
    inherited = function()
      local all = inherited(self.host, policy)
      if policy:named_queue() then all.QueueUrl = policy:queue_for_tasks() end
      return all
    end,
    source = function() return self.source end,
    workers = room.workers(policy.workers, kind, self.journal),
  }
  if kind == "serve" then parts.service = service.new(parts) end
  return parts
end

---@param sink table
---@param policy table
---@param journal watchbot.Journal
---@return watchbot.runner.Resident?
---@return string? err
---@return string? code
function runner.new(sink, policy, journal)
  process.sweep()
  local self = setmetatable({
    sink = sink, journal = journal, host = process.environment(), policy = policy,
  }, Resident)
  self.source = source.of(policy.queue)
  local parts, err, code = parts_of(self, policy)
  if not parts then return nil, err, code end
  self.pool = pool.new(parts)
  self.slots = parts.workers * parts.options.batch
  return self
end

--- The opened queue knows its ARN, if it may ask for it.
---@param queue table
function Resident:attach(queue)
  if queue.arn then self.source = source.of(queue.arn) end
  self.queue = queue
  self:share(self.pool.parts.options)
  self.pool:turn()
end

-- A FIFO queue hands out one message a receive, unless an invocation takes several.
function Resident:share(options)
  if self.queue and self.queue.share then self.queue:share(options.batch) end
end

--- How many jobs may run at once under a policy.
---@param policy watchbot.Policy
---@return integer
function Resident:capacity(policy)
  if policy ~= self.policy then self:renew(policy) end
  return self.slots
end

-- A reload has brought another policy.
function Resident:renew(policy)
  self.policy = policy
  local parts, err, code = parts_of(self, policy)
  if not parts then
    return self.journal:error(nil, "error", err, "code", code, "where", "reload")
  end
  self.slots = parts.workers * parts.options.batch
  local old = self.pool.parts.service
  self.pool:renew(parts)
  self:share(parts.options)
  if old then scheduler.spawn(old.close, old, policy.kill_grace) end
end

--- How many programs there are, were started, and could not be started, for metrics.
---@return { alive: integer, starts: integer, failures: integer }
function Resident:runtimes()
  return self.pool
end

---@param job watchbot.Job
---@param _ table? the environment, which a resident program does not get for each message
---@param policy watchbot.Policy
---@param lapsed (fun(): boolean)?
---@return table? run
---@return string? err
---@return string? code "InvalidMessage": the message is not UTF-8, so JSON cannot represent it
function Resident:start(job, _, policy, lapsed)
  if policy ~= self.policy then self:renew(policy) end
  if NEEDS_TEXT[self.pool.parts.kind] and not utf8.len(received(job).body) then
    return nil, "the message is not valid UTF-8, so JSON cannot represent it", "InvalidMessage"
  end
  local run = setmetatable({
    pool = self.pool, job = job, exit = false, clean = false, runtime = false, invocation = false,
    limit = policy.timeout > 0 and policy.timeout or false, grace = policy.kill_grace,
    woken = scheduler.event(), group = self.queue and self.queue.fifo and job.group,
    lapsed = lapsed,
  }, Run)
  self.pool:add(run)
  return run
end

--- A job is settled.
---@param job watchbot.Job
function Resident:left(job)
  self.pool:left(job)
end

--- No more invocations: jobs that have not started are returned.
function Resident:drain()
  self.pool:drain()
end

--- Ends all programs. Waits in a task.
function Resident:close()
  self.pool:close(self.policy.kill_grace)
  if self.pool.parts.service then self.pool.parts.service:close(self.policy.kill_grace) end
end

-- runs

--- A runtime works on it.
---@param runtime watchbot.Runtime
---@param invocation watchbot.Invocation
function Run:handed(runtime, invocation)
  self.runtime, self.invocation, self.began = runtime, invocation, scheduler.now()
  self.woken:set()
end

---@param exit watchbot.Exit
---@param clean boolean? see `wait`
function Run:finish(exit, clean)
  if self.exit then return end
  self.exit, self.clean = exit, clean or false
  self.woken:set()
end

--- Whether no runtime has it yet.
---@return boolean
function Run:is_waiting()
  return not self.invocation and not self.exit
end

--- Waits until a runtime works on it, or it has ended before. The wait for others of its batch does
--- not count against its time limit.
---@return boolean started
function Run:starts()
  self.woken:wait()
  return self.invocation ~= false
end

-- Seconds until the time limit; nil without one.
local function left_of(run)
  if not run.limit or not run.began or run.over then return nil end
  return math.max(0, run.began + run.limit - scheduler.now())
end

--- Waits for its end, and enforces its time limit.
---@return watchbot.Exit exit
---@return boolean clean it has succeeded, without anything else to report
function Run:wait()
  while not self.exit do
    self.woken:clear()
    local left = left_of(self)
    if not self.woken:wait(left) and left and not self.exit then
      self.over = true
      self.runtime:interrupt({
        timed_out = true, error = "Runtime.TimedOut", reason = limits.timed_out(self.limit),
      }, self.grace)
    end
  end
  return self.exit, self.clean
end

--- Ends it. A running invocation is ended with its runtime, and with it all others of its batch.
---@param reason string
---@param grace number seconds from TERM to KILL
function Run:stop(reason, grace)
  if self.exit then return end
  if self.invocation then
    return self.runtime:interrupt({ stopped = true, error = "Stopped", reason = reason }, grace)
  end
  self.pool:remove(self)
  self:finish { stopped = true, reason = reason, duration = 0 }
end

return runner
