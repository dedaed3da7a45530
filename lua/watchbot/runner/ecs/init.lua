--- runner.ecs: a task is an ECS task, started with RunTask and followed to its end.
-- A receive of a message never runs two tasks: RunTask's client token says which receive it is, and an answer that was lost is
-- asked for again. A message that comes again is looked for among the tasks that its earlier receive has started.

local aws = require "watchbot.aws"
local budget = require "watchbot.runner.ecs.budget"
local denied = require "watchbot.aws.denied"
local ending = require "watchbot.runner.ecs.exit"
local events = require "watchbot.runner.ecs.events"
local follower = require "watchbot.runner.ecs.follower"
local request = require "watchbot.runner.ecs.request"
local recent = require "watchbot.lib.recent"
local scheduler = require "watchbot.scheduler"
local stopped = require "watchbot.runner.ecs.stopped"
local tasks = require "watchbot.policy.task"

-- Messages of which it is remembered that a task has been followed to its end here.
local REMEMBERED = 5000

local throttling = {
  ThrottlingException = true, Throttling = true, ThrottledException = true, TooManyRequestsException = true,
  RequestLimitExceeded = true, RequestThrottled = true,
}

-- Failures that pass when others make room:
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
local no_room = { "^RESOURCE", "^AGENT$", "[Cc]apacity is unavailable" }

-- Errors after which the task may have been started all the same; the client token tells.
local uncertain = {
  ServerException = true, InternalFailure = true, ServiceUnavailable = true, Timeout = true, ConnectionLost = true,
  Truncated = true, BadResponse = true, TooLarge = true, ConnectFailed = true, ConnectTimeout = true, ResolveFailed = true,
}

-- Seconds between two tries to stop a task.
local STOP_AGAIN = 5

---@class watchbot.runner.Ecs
local Ecs = {
  stop_takes = 130,  -- seconds: stopTimeout is at most 120
}
Ecs.__index = Ecs

local Run = {}
Run.__index = Run

local runner = {}

local function has_started(task)
  return task ~= nil and (task.startedAt ~= nil or task.lastStatus == "RUNNING")
end

local function client_for(policy, journal)
  local task = type(policy.task) == "table" and policy.task or {}
  return aws("ecs", {
    place = tostring(task.cluster):match "^arn:" and task.cluster or nil, near = policy.queue,
    warn = function(text) journal:warning(nil, "warning", text) end,
  })
end

---@param _ table where other runners write the output of tasks; these have logs of their own
---@param policy table
---@param journal watchbot.Journal
---@return watchbot.runner.Ecs?
---@return string? message
---@return string? code
function runner.new(_, policy, journal)
  local client, message, code = client_for(policy, journal)
  if not client then return nil, message, code end
  local function failed(where)
    return function(text, why) journal:warning(nil, "error", text, "code", why, "where", where) end
  end
  local self = setmetatable({
    client = client, policy = policy, journal = journal, budget = budget.new(policy.placements), tries = {}, containers = {},
    stopped = stopped.new(client), seen = recent.new(REMEMBERED),
    follower = follower.new(client, { events = policy.task_events ~= nil, failed = failed "DescribeTasks",
      lost_after = policy.lost_after }),
  }, Ecs)
  if not policy.task_events then return self end
  local queue
  queue, message, code = require "watchbot.queue".open(policy.task_events)
  if not queue then return nil, message, code end
  self.events = events.new(queue, self.follower, failed "task events")
  self.listening = scheduler.spawn(self.events.run, self.events)
  return self
end

--- The task of a job: what the policy says, or its function.
---@param policy table
---@param job watchbot.Job
---@return watchbot.ecs.Task?
---@return string? message
function runner.task(policy, job)
  local task = policy.task
  if type(task) ~= "function" then return task end
  local ok, made = xpcall(task, debug.traceback, job)
  if not ok then return nil, "the policy's function 'task' failed: " .. made end
  local problem = tasks.problem(made)
  if problem then return nil, "the policy's function 'task': " .. problem end
  return made
end

local function stack_of(policy)
  return policy.stack or "watchbot"
end

local function is_throttled(code, message)
  return throttling[code] or (message or ""):find "[Tt]hrottl" or (message or ""):find "Rate exceeded"
end

--- What an error of RunTask means for the job.
function Ecs:refused(message, code)
  if is_throttled(code, message) then
    self.budget:slow()
    return nil, message, "NoRoom"
  end
  return nil, message, uncertain[code] and "NoRoom" or code
end

-- An answer that said no is final: the next try needs a token of its own. One that was lost is asked for again.
function Ecs:failed(key, reason)
  self.tries[key] = (self.tries[key] or 0) + 1
  for _, pattern in ipairs(no_room) do
    if reason:find(pattern) then return nil, reason, "NoRoom" end
  end
  return nil, "the task could not be placed: " .. reason, "PlacementFailed"
end

--- The container that gets the message: the one that is named, else the first of the definition.
---@return string? name
---@return string? message
---@return string? code
function Ecs:container_of(task)
  if task.container then return task.container end
  if not self.containers[task.definition] then
    local result, message, code = self.client:DescribeTaskDefinition { taskDefinition = task.definition }
    if not result then return nil, message, code end
    local first = (result.taskDefinition.containerDefinitions or {})[1]
    if not first then return nil, ("task definition '%s' has no container"):format(task.definition), "NoContainer" end
    self.containers[task.definition] = first.name
  end
  return self.containers[task.definition]
end

--- Starts the task of a job.
---@param job watchbot.Job
---@param environment table<string, string>
---@param policy table
---@return table? run
---@return string? message
---@return string? code "NoRoom"; "TooBig"
function Ecs:start(job, environment, policy)
  local task, problem = runner.task(policy, job)
  if not task then return nil, problem, "TaskFailed" end
  local key = ("%s/%d"):format(job.id, job.receives)
  local container, message, code = self:container_of(task)
  if not container then return self:refused(message, code) end
  local parameters
  parameters, message, code = request.build(task, job, environment, {
    queue = policy.queue, stack = stack_of(policy), try = self.tries[key] or 0, container = container,
  })
  if not parameters then return nil, message, code end
  self.budget:take()
  local result
  result, message, code = self.client:RunTask(parameters)
  if not result then return self:refused(message, code) end
  local failure = (result.failures or {})[1]
  if failure then return self:failed(key, tostring(failure.reason)) end
  local started = (result.tasks or {})[1]
  if not started then return self:failed(key, "RunTask named neither a task nor a failure") end
  self.tries[key] = nil
  return self:follow(started, task, policy, job)
end

function Ecs:follow(started, task, policy, job)
  return setmetatable({
    runner = self, job = job, arn = started.taskArn, container = task.container, policy = policy, begun = scheduler.now(),
    watch = self.follower:track(started.taskArn, started.clusterArn or task.cluster, started),
  }, Run)
end

-- earlier receives of a message

--- Tasks that a message has started and that have not ended.
function Ecs:running(task, started_by)
  local listed, message, code = self.client:ListTasks { cluster = task.cluster, startedBy = started_by }
  if not listed then return nil, message, code end
  local arns = listed.taskArns or {}
  if #arns == 0 then return {} end
  local described
  described, message, code = self.client:DescribeTasks { cluster = task.cluster, tasks = arns }
  if not described then return nil, message, code end
  return described.tasks or {}
end

--- The end of a receive's task was seen here: its next receive need not look for it.
function Ecs:saw_end(job)
  self.seen:set(job.id, job.receives)
end

-- An event tells which receive its task was for, in the environment that the task was given.
local function is_of(task, receives)
  local overrides = task.overrides and task.overrides.containerOverrides or {}
  for _, variable in ipairs(overrides[1] and overrides[1].environment or {}) do
    if variable.name == "ApproximateReceiveCount" then return variable.value == tostring(receives) end
  end
  return false
end

function Ecs:ended(task, job, started_by)
  local known = self.events and self.events:ended(started_by)
  if known and is_of(known, job.receives - 1) then return known end
  return self.stopped:find(task.cluster, task.definition:match "([^/:]+):?%d*$", started_by)
end

-- Without the permission a message whose watcher has died is run again, beside its first task: that has to be said, once.
function Ecs:cannot_find(message, code)
  local is_denied = denied.is(code)
  if is_denied and self.complained then return end
  self.complained = is_denied
  if is_denied then message = "the credentials do not allow 'ecs:ListTasks': tasks of a watcher that died cannot be found" end
  self.journal:warning(nil, "error", message, "code", code, "where", "ListTasks")
end

--- Looks for the task that an earlier receive of this message has started: a run of one that goes on, or the exit of one that
--- has ended; neither when there is none. One that never got to run is stopped.
---@param job watchbot.Job
---@param policy table
---@return table? run
---@return watchbot.Exit? exit
function Ecs:find(job, policy)
  local task = runner.task(policy, job)
  if not task or self.seen:get(job.id) == job.receives - 1 then return nil end
  local started_by = request.started_by(stack_of(policy), job.id)
  local running, message, code = self:running(task, started_by)
  if not running then self:cannot_find(message, code) end
  for _, found in ipairs(running or {}) do
    if has_started(found) then return self:follow(found, task, policy, job) end
    if found.lastStatus ~= "STOPPED" then
      local reason = "still pending when its message was received again"
      self.client:StopTask { cluster = task.cluster, task = found.taskArn, reason = reason }
      return nil, { reason = reason, blameless = true, duration = 0, task = found.taskArn, elsewhere = true }
    end
  end
  local ended = self:ended(task, job, started_by)
  if not ended then return nil end
  -- Its containers have ended, or are about to: the exit code comes with the last state.
  if ended.lastStatus ~= "STOPPED" then return self:follow(ended, task, policy, job) end
  local exit = ending.exit(ended, task.container)
  -- One that never ran, or whose machine went away, has decided nothing.
  return nil, not exit.blameless and exit or nil
end

--- How many tasks have not begun to run.
---@return integer
function Ecs:status()
  local pending = 0
  for _, watch in pairs(self.follower.watches) do
    if not has_started(watch.task) then pending = pending + 1 end
  end
  return pending
end

--- The end of the watcher.
function Ecs:close()
  if not self.listening then return end
  self.listening:cancel "the watcher ends"
  self.listening:join()
  self.events.queue:close()
end

-- one task

-- Seconds that the task has run: since ECS started it, which may have been for a watcher before us.
function Run:age()
  local started = ending.time(self.watch.task.startedAt)
  return started and math.max(0, scheduler.time() / 1000 + self.runner.client.clock_offset - started) or 0
end

-- Seconds until a limit of this task is reached, and what is then wrong; the time of `timeout` begins with startedAt.
function Run:limit()
  local now = scheduler.now()
  if self.stopping then return math.huge end
  if has_started(self.watch.task) then
    self.running_since = self.running_since or now - self:age()
    local timeout = self.policy.timeout
    if timeout <= 0 then return math.huge end
    return self.running_since + timeout - now, ("timed out after %g s"):format(timeout), "timed_out"
  end
  local patience = self.policy.pending_timeout
  return self.begun + patience - now, ("not running after %g s"):format(patience), "blameless"
end

--- How the task has ended, if it has.
function Run:over()
  local task = self.watch.task
  if self.left then
    return { reason = "left running", left = true, duration = 0, task = self.arn, elsewhere = true }
  elseif self.watch.lost then
    return { reason = "ECS does not know the task any more", blameless = true, duration = 0, task = self.arn, elsewhere = true }
  elseif task and task.lastStatus == "STOPPED" then
    return ending.exit(task, self.container)
  end
end

function Run:finish(exit)
  self.runner.follower:forget(self.watch)
  if not exit.left then self.runner:saw_end(self.job) end
  exit.reason = self.reason or exit.reason
  if self.flag then exit[self.flag] = true end
  -- What never ran because we stopped it says nothing about whether tasks can be started.
  if self.stopping then exit.not_started = nil end
  return exit
end

--- Waits until `done()` returns something, and stops the task when it has reached a limit.
function Run:await(done)
  while true do
    local result = done()
    if result ~= nil then return result end
    local left, reason, flag = self:limit()
    if left <= 0 then
      self.flag = flag
      self:stop(reason)
    else
      self.watch.changed:clear()
      self.watch.changed:wait(left < math.huge and left or nil)
    end
  end
end

--- Waits until the task runs, or is over.
---@return boolean runs
function Run:starts()
  return self:await(function()
    if self:over() then return false end
    return has_started(self.watch.task) or nil
  end)
end

--- Waits for the end of the task; it keeps `timeout` and `pending_timeout` itself.
---@return watchbot.Exit exit
function Run:wait()
  return self:finish(self:await(function() return self:over() end))
end

-- Stops the task, again and again until it is over: a StopTask that fails must not let it run for ever.
function Run:stop_it()
  while not self:over() do
    local answer = self.runner.client:StopTask {
      cluster = self.watch.cluster, task = self.arn, reason = self.reason:sub(1, 255),
    }
    if answer then return end
    scheduler.sleep(STOP_AGAIN)
  end
end

--- Stops the task: ECS sends its STOPSIGNAL, and KILL after the container's stopTimeout.
---@param reason string
function Run:stop(reason)
  self.reason = self.reason or reason
  if self.stopping then return end
  self.stopping = true
  scheduler.spawn(self.stop_it, self)
end

--- The message was received again while the task is followed: one that is still pending is stopped, its message kept.
function Run:received_again()
  if has_started(self.watch.task) then return end
  self.flag = "blameless"
  self:stop "still pending when its message was received again"
end

--- Lets the task run without us.
function Run:leave()
  self.left = true
  self.watch.changed:set()
end

return runner
