--- runner.ecs: a task is an ECS task, started with RunTask and followed to its end.
-- A delivery of a message never runs two tasks: a RunTask whose response was lost is repeated with
-- the same token (runner.ecs.placement), and the task of an earlier delivery is looked up
-- (runner.ecs.earlier). While that lookup fails, the job is held, because an unknown answer is not
-- a no.

local aws = require "watchbot.aws"
local call = require "watchbot.policy.call"
local denied = require "watchbot.aws.denied"
local earlier = require "watchbot.runner.ecs.earlier"
local ending = require "watchbot.runner.ecs.ending"
local events = require "watchbot.runner.ecs.events"
local follower = require "watchbot.runner.ecs.follower"
local placement = require "watchbot.runner.ecs.placement"
local recent = require "watchbot.lib.recent"
local refusal = require "watchbot.runner.ecs.refusal"
local request = require "watchbot.runner.ecs.request"
local run = require "watchbot.runner.ecs.run"
local stored = require "watchbot.runner.ecs.stored"
local supervise = require "watchbot.lib.supervise"
local task_problem = require("watchbot.policy.task").problem

-- The number of messages whose tasks were followed to their end here, to remember.
local REMEMBERED = 5000

---@class watchbot.runner.Ecs
local Ecs = {
  stop_takes = 130,  -- seconds: stopTimeout is at most 120
}
Ecs.__index = Ecs

local runner = {}

local function client_for(policy, journal)
  local task = type(policy.task) == "table" and policy.task or {}
  return aws("ecs", {
    place = tostring(task.cluster):match "^arn:" and task.cluster or nil, near = policy.queue,
    warn = function(text) journal:warning(nil, "warning", text) end,
  })
end

-- The reader of task events, if the policy has a queue for them.
local function listen(self, policy)
  if not policy.task_events then return true end
  local queue, err, code = require "watchbot.queue".open(policy.task_events)
  if not queue then return nil, err, code end
  self.events = events.new(queue, self.follower, self.warn "task events")
  self.listening = supervise("task events", self.raised, self.events.run, self.events)
  return true
end

--- The problem with a policy, whatever its messages. Makes no call.
---@param policy table
---@return true? ok
---@return string? err
---@return string? code "Usage", "EnvironmentTooBig", "InvalidText"
function runner.check(policy)
  if policy.task_events then
    local ok, err, code = events.check(policy.task_events, policy.queue)
    if not ok then return nil, err, code end
  end
  if type(policy.task) ~= "table" then return true end
  return request.check(policy.task, policy.env or {})
end

---@param _ table where other runners write the output of tasks; ECS tasks have their own logs
---@param policy table
---@param journal watchbot.Journal
---@return watchbot.runner.Ecs?
---@return string? err
---@return string? code
function runner.new(_, policy, journal)
  local ok, err, code = runner.check(policy)
  if not ok then return nil, err, code end
  local client
  client, err, code = client_for(policy, journal)
  if not client then return nil, err, code end
  local self = setmetatable({
    client = client, journal = journal, containers = {}, earlier = earlier.new(client),
    seen = recent.new(REMEMBERED), looked = recent.new(REMEMBERED),
    warn = function(where)
      return function(text, why)
        journal:warning(nil, "error", text, "code", why, "where", where)
      end
    end,
    raised = function(name, text)
      journal:error(nil, "error", text, "code", "Internal", "where", name)
    end,
  }, Ecs)
  self.placements = placement.new(client, policy.placements, self.warn "RunTask")
  self.stored = stored.new(journal, policy.queue)
  self.follower = follower.new(client, {
    events = policy.task_events ~= nil, failed = self.warn "DescribeTasks", raised = self.raised,
    lost_after = policy.lost_after,
  })
  ok, err, code = listen(self, policy)
  if not ok then return nil, err, code end
  return self
end

--- The task of a job: the policy's table, or the result of its function.
---@param policy table
---@param job watchbot.Job
---@return watchbot.ecs.Task?
---@return string? err
function runner.task(policy, job)
  local task = policy.task
  if type(task) ~= "function" then return task end
  local ok, made = call.make("task", task, job.id, job)
  if not ok then return nil, made end
  local problem = task_problem(made)
  if problem then return nil, "the policy's function 'task': " .. problem end
  return made
end

local function stack_of(policy)
  return policy.stack or "watchbot"
end

local function family_of(definition)
  return definition:match "([^/:]+):?%d*$"
end

-- starting

-- The consequences of an error of a call before RunTask for the job.
local function refused(operation, subject, err, code)
  local kind = refusal.of_error(err, code)
  if refusal.passes(kind) then return nil, err, "NoRoom" end
  if kind == "denied" then
    err = denied.message("ecs:" .. operation, ("'%s'"):format(subject), err)
  end
  return nil, err, code
end

--- The container that gets the message, and whose exit code counts: the named one, otherwise the
--- first of the definition.
---@return string? name
---@return string? err
---@return string? code
function Ecs:container_of(task)
  if task.container then return task.container end
  local definition = task.definition
  if not self.containers[definition] then
    local result, err, code = self.client:DescribeTaskDefinition { taskDefinition = definition }
    if not result then return refused("DescribeTaskDefinition", definition, err, code) end
    local first = ((result.taskDefinition or {}).containerDefinitions or {})[1]
    if not first then
      return nil, ("task definition '%s' has no container"):format(definition), "NoContainer"
    end
    self.containers[definition] = first.name
  end
  return self.containers[definition]
end

--- Starts the task of a job.
---@param job watchbot.Job
---@param environment table<string, string>
---@param policy table
---@param lapsed (fun(): boolean)?
---@return table? run
---@return string? err
---@return string? code "NoRoom", "LeaseLapsed"; "TooBig", "InvalidMessage": because of the message
function Ecs:start(job, environment, policy, lapsed)
  local task, err = runner.task(policy, job)
  if not task then return nil, err, "TaskFailed" end
  local container, code
  container, err, code = self:container_of(task)
  if not container then return nil, err, code end
  local parameters, left
  parameters, err, code, left = self.stored:build(task, job, environment, {
    stack = stack_of(policy), container = container,
  }, policy)
  if not parameters then return nil, err, code end
  if left then
    self.journal:warning(job.id, "warning", left .. " had no room in the task's environment: "
      .. "its overrides would be too big")
  end
  local started
  started, err, code = self.placements:run(job.id, parameters, lapsed)
  if not started then return nil, err, code end
  return self:follow(started, task, policy, job, container)
end

function Ecs:follow(started, task, policy, job, container)
  return run.new {
    client = self.client, follower = self.follower, task = started, cluster = task.cluster,
    container = ending.container(started) or container, job = job, policy = policy,
    ended = function(ended_job) self.seen:set(ended_job.id, ended_job.deliveries) end,
    failed = function(err, code, of)
      self.journal:warning(of.id, "error", err, "code", code, "where", "StopTask")
    end,
  }
end

-- earlier deliveries of a message

-- An event contains the receive that its task was for, in the environment of the task. It is only
-- used if receives have never been uncounted: otherwise two tasks may have the same number.
function Ecs:ended(job, started_by)
  if not self.events or job.deliveries ~= job.receives then return nil end
  local known = self.events:ended(started_by)
  if not known then return nil end
  local _, variables = ending.container(known)
  return variables.ApproximateReceiveCount == tostring(job.receives - 1) and known or nil
end

-- Waiting does not bring a missing permission: the message is run, possibly concurrently with its
-- first task, and that is logged once. In a cluster that does not exist nothing runs. For a
-- temporary error the job is held, and the lookup repeated.
function Ecs:cannot_look(err, code)
  if denied.is(code) then
    if self.complained then return nil end
    self.complained = true
    local action = tostring(err):match "^(ecs:%w+):" or "ecs:ListTasks"
    self.journal:warning(nil, "error", denied.message(action, nil, err)
      .. "; tasks of a watcher that died cannot be found, and their messages run again", "code",
        code,
      "where", "ListTasks")
    return nil
  end
  if code == "ClusterNotFoundException" then return nil end
  return nil, {
    unplaced = true, duration = 0, error = code,
    reason = "not started: whether its earlier task still runs is not known: " .. tostring(err),
  }
end

-- Stops a task that has not started to run; its message is received again later.
function Ecs:stop_pending(found, task)
  local reason = "still pending when its message was received again"
  local ok, err, code = self.client:StopTask {
    cluster = task.cluster, task = found.taskArn, reason = reason,
  }
  if not ok then self.warn "StopTask"(err, code) end
  return nil, {
    reason = reason, blameless = true, duration = 0, task = found.taskArn, elsewhere = true,
  }
end

-- The consequences of an earlier task for the job.
function Ecs:judge(found, task, policy, job)
  if found.lastStatus == "STOPPED" then
    local exit = ending.exit(found)
    -- A task that never ran, or whose machine stopped, has decided nothing.
    return nil, not exit.blameless and exit or nil
  end
  if not run.has_started(found) and found.desiredStatus ~= "STOPPED" then
    return self:stop_pending(found, task)
  end
  -- It runs, or is about to end: the exit code comes with the last state.
  return self:follow(found, task, policy, job)
end

-- Whether no lookup is needed: a first delivery, one whose task's end was seen here, one that was
-- looked up already, one whose RunTask will be repeated.
function Ecs:need_not_look(job)
  local before = job.deliveries - 1
  return before < 1 or self.seen:get(job.id) == before or self.looked:get(job.id) == job.deliveries
end

--- Looks for the task that an earlier delivery of this message has started: returns a running one,
--- or the exit of an ended one or of the lookup, or neither if there is none. A task that has not
--- started to run is stopped.
---@param job watchbot.Job
---@param policy table
---@return table? run
---@return watchbot.Exit? exit
function Ecs:find(job, policy)
  if self:need_not_look(job) then return nil end
  local task = runner.task(policy, job)
  if not task then return nil end
  local started_by = request.started_by(stack_of(policy), job.id)
  local found, err, code = self:ended(job, started_by), nil, nil
  if not found then
    found, err, code = self.earlier:find(task.cluster, family_of(task.definition), started_by)
  end
  if found == nil then return self:cannot_look(err, code) end
  self.looked:set(job.id, job.deliveries)
  if found then return self:judge(found, task, policy, job) end
end

--- The number of tasks that have not started to run.
---@return integer
function Ecs:status()
  local pending = 0
  for _, watch in pairs(self.follower.watches) do
    if not run.has_started(watch.task) then pending = pending + 1 end
  end
  return pending
end

--- The end of the watcher.
function Ecs:close()
  self.follower:close()
  if not self.listening then return end
  self.listening:cancel "the watcher ends"
  self.listening:join()
  self.events.queue:close()
end

return runner
