--- runner.ecs.placement: RunTask, called within a budget, and the consequences of its responses for
-- the job. Each placement has its own client token. A lost response leaves the placement open: the
-- next attempt of the message repeats exactly the same call, which does not run a task twice. The
-- tokens of a watcher that died are lost; its tasks are found by `startedBy` (runner.ecs.earlier).
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html

local budget = require "watchbot.runner.ecs.budget"
local core = require "watchbot.core"
local denied = require "watchbot.aws.denied"
local recent = require "watchbot.lib.recent"
local refusal = require "watchbot.runner.ecs.refusal"
local scheduler = require "watchbot.scheduler"

-- The number of open placements to remember, and for how many seconds: ECS knows a token for 24
-- hours.
local REMEMBERED, TOKEN_LASTS = 5000, 23 * 3600

-- Unknown texts that have been reported.
local REPORTED = 100

---@class watchbot.ecs.Placements
local Placements = {}
Placements.__index = Placements

local placement = {}

---@param client table an ECS client
---@param rate number? calls a second
---@param report fun(err: string, code: string) called once with each unknown text
---@return watchbot.ecs.Placements
function placement.new(client, rate, report)
  return setmetatable({
    client = client, budget = budget.new(rate), open = recent.new(REMEMBERED),
    report = report, reported = recent.new(REPORTED),
  }, Placements)
end

--- The call for a message whose response was lost.
---@param id string of the message
---@return table? parameters
function Placements:lost(id)
  local one = self.open:get(id)
  if one and scheduler.now() - one.at < TOKEN_LASTS then return one.parameters end
end

local function keep(self, id, parameters)
  if self:lost(id) ~= parameters then
    self.open:set(id, { parameters = parameters, at = scheduler.now() })
  end
end

local function close(self, id)
  if self.open:get(id) then self.open:set(id, false) end
end

function Placements:unknown(err, code)
  if self.reported:get(err) then return end
  self.reported:set(err, true)
  self.report("RunTask was refused for a reason that is not known here: " .. err, code)
end

-- RunTask has responded without a task.
function Placements:refused(id, reason)
  close(self, id)
  local kind = refusal.of_text(reason)
  if kind == "throttled" then self.budget:slow() end
  if refusal.passes(kind) then return nil, reason, "NoRoom" end
  if kind == "unknown" then self:unknown(reason, "PlacementFailed") end
  return nil, "the task could not be placed: " .. reason, "PlacementFailed"
end

-- The first member of a list of tables, however malformed the answer is.
local function first_of(values)
  local first = type(values) == "table" and values[1]
  return type(first) == "table" and first or nil
end

-- The token has started a task for another form of this call: that task counts.
function Placements:adopt(id, parameters, err, details)
  local arns = details and details.resourceIds
  local arn = type(arns) == "table" and arns[1]
  if type(arn) ~= "string" then
    close(self, id)
    return nil, err, "NoRoom"
  end
  local result, why = self.client:DescribeTasks { cluster = parameters.cluster, tasks = { arn } }
  if not result then
    keep(self, id, parameters)
    return nil, ("%s; the task that has it could not be described: %s"):format(err, why), "NoRoom"
  end
  close(self, id)
  local task = first_of(result.tasks)
  if task and task.startedBy == parameters.startedBy then return task end
  return nil, err, "NoRoom"
end

-- RunTask has returned an error.
function Placements:failed(id, parameters, err, code, details)
  if code == "ConflictException" then return self:adopt(id, parameters, err, details) end
  local kind = refusal.of_error(err, code)
  if kind == "throttled" then self.budget:slow() end
  if refusal.passes(kind) then
    keep(self, id, parameters)
    return nil, err, "NoRoom"
  end
  close(self, id)
  if kind == "denied" then
    err = denied.message("ecs:RunTask", ("'%s'"):format(parameters.taskDefinition), err)
  elseif kind == "unknown" then
    self:unknown(err, code)
  end
  return nil, err, code
end

--- Starts a task: the one whose response was lost, or a new one. Waits.
---@param id string of the message
---@param parameters table of RunTask; the client token is added
---@param lapsed (fun(): boolean)? whether another watcher may have the message by now
---@return table? task
---@return string? err
---@return string? code "NoRoom": try later; "LeaseLapsed", "PlacementFailed", or of AWS
function Placements:run(id, parameters, lapsed)
  local lost = self:lost(id)
  if not lost then parameters.clientToken = core.aws.uuid() end
  parameters = lost or parameters
  self.budget:take()
  if lapsed and lapsed() then return nil, "the lease has lapsed", "LeaseLapsed" end
  local result, err, code, details = self.client:RunTask(parameters)
  if not result then return self:failed(id, parameters, err, code, details) end
  local task, failure = first_of(result.tasks), first_of(result.failures)
  if task and type(task.taskArn) == "string" then
    close(self, id)
    return task
  end
  if failure then
    local reason, detail = tostring(failure.reason), failure.detail
    return self:refused(id, detail and ("%s: %s"):format(reason, detail) or reason)
  end
  if result.tasks ~= nil and (type(result.tasks) ~= "table" or next(result.tasks)) then
    -- It may have started one: the same token names it.
    keep(self, id, parameters)
    return nil, "ecs:RunTask: the answer makes no sense", "NoRoom"
  end
  return self:refused(id, "RunTask named neither a task nor a failure")
end

return placement
