--- testing.runner: the runner interface for a policy's tests: the test defines how a task ends. The
-- same functions as for real tasks determine what would be started. For ECS tasks it leaves out the
-- placement, and with it `pending_timeout` and `lost_after`.

local limits = require "watchbot.runner.limits"
local resident = require "watchbot.policy.resident"
local scheduler = require "watchbot.scheduler"

local Run = {}
Run.__index = Run

---@class watchbot.testing.Runner
local Runner = {}
Runner.__index = Runner

local module = {}

--- Seconds rounded as a person would write them, without the rounding error of additions.
---@param seconds number
---@return number
function module.rounded(seconds)
  return math.floor(seconds * 1e6 + 0.5) / 1e6
end

---@param kind "process"|"ecs"|"lua"|"resident"
---@param heard fun(id: string, plan: any) called with what would run
---@param real table? the runner that really runs tasks
---@return watchbot.testing.Runner
function module.new(kind, heard, real)
  return setmetatable({ kind = kind, heard = heard, real = real, refusals = {} }, Runner)
end

--- Makes the next start fail in this way.
---@param err string
---@param code string
function Runner:refuse(err, code)
  table.insert(self.refusals, { message = err, code = code })
end

local plans = {}

function plans.process(_, policy, job)
  local command, err, code = require "watchbot.runner.process".command(policy, job)
  if not command then return nil, err, code end
  return command.command or command.argv
end

function plans.lua(_, policy)
  return policy.handler
end

-- The input of a resident program: the event of a Lambda function, otherwise the message.
function plans.resident(_, policy, job)
  local options, kind = resident.of(policy)
  local plan = { kind = kind, program = options.handler or options.url or options.command
    or "(jobs)" }
  if kind ~= "lambda" then
    plan.event = job.message
    return plan
  end
  local source = { arn = "arn:aws:sqs:us-east-1:000000000000:testing", region = "us-east-1" }
  local err, code
  plan.event, err, code =
    require "watchbot.runner.resident.event".of(options.event, { job }, source)
  if not plan.event then return nil, err, code end
  return plan
end

-- A policy without a task gets it from its container's environment.
function plans.ecs(_, policy, job, environment)
  if not policy.task then return { containerOverrides = {} } end
  local task, err = require "watchbot.runner.ecs".task(policy, job)
  if not task then return nil, err, "TaskFailed" end
  return require "watchbot.runner.ecs.request".build(task, job, environment, {
    stack = policy.stack or "watchbot", container = task.container or "worker",
  })
end

--- What would be started for a message, without starting it.
---@param kind "process"|"ecs"|"lua"|"resident"
---@return fun(policy: watchbot.Policy, job: watchbot.Job, environment: table): any, string?
function module.planner(kind)
  local plan = plans[kind]
  return function(policy, job, environment) return plan(nil, policy, job, environment) end
end

-- A run of another runner, with rounded seconds.
local function real_run(self, job, environment, policy, lapsed)
  local run = self.real:start(job, environment, policy, lapsed)
  return {
    starts = function() return run:starts() end,
    wait = function(_, seconds)
      local exit = run:wait(seconds)
      if exit then exit.duration = module.rounded(exit.duration) end
      return exit
    end,
    stop = function(_, ...) return run:stop(...) end,
  }
end

---@param job watchbot.Job
---@param environment table<string, string>
---@param policy table
---@param lapsed (fun(): boolean)?
function Runner:start(job, environment, policy, lapsed)
  local plan, err, code = plans[self.kind](self, policy, job, environment)
  if not plan then return nil, err, code end
  self.heard(job.id, plan)
  local refusal = table.remove(self.refusals, 1)
  if refusal then return nil, refusal.message, refusal.code end
  if self.real then return real_run(self, job, environment, policy, lapsed) end
  local run = setmetatable({
    id = job.id, over_event = scheduler.event(), elsewhere = self.kind == "ecs" or nil,
  }, Run)
  return limits.begin(run, policy)
end

--- Ends the task.
---@param exit watchbot.Exit
function Run:finish(exit)
  self.given = self.given or exit
  self.over_event:set()
end

---@param seconds number?
---@return watchbot.Exit?
function Run:ended(seconds)
  if not self.over_event:wait(seconds) then return nil end
  local exit = self.given
  exit.duration = exit.duration or module.rounded(scheduler.now() - self.began)
  exit.elsewhere = exit.elsewhere or self.elsewhere
  return exit
end

--- Stopping ends a test's task at once.
---@param reason string
function Run:stop(reason)
  self.reason = self.reason or reason
  self:finish { signal = "TERM", reason = reason }
end

--- Lets the task continue without its watcher.
function Run:leave()
  self:finish { reason = "left running", left = true }
end

limits.extend(Run)

return module
