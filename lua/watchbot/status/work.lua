--- status.work: the ECS task that runs for a message of a stack, which has the message's ID among
-- the variables that the watcher has given it.

local aws = require "watchbot.aws"
local denied = require "watchbot.aws.denied"

local work = {}

-- "arn:aws:ecs:eu-west-1:123456789012:task-definition/tiles:7" -> "tiles"
local function family_of(definition)
  return definition:match "([^/:]+):?%d*$"
end

--- Words for a call that has failed.
---@param operation string
---@return nil
---@return string err
---@return string? code
function work.explain(operation, err, code)
  if not denied.is(code) then return nil, err, code end
  return nil, denied.message("ecs:" .. operation, nil, err), code
end

local function has_message(task, id)
  local overrides = type(task.overrides) == "table" and task.overrides.containerOverrides or {}
  for _, container in ipairs(overrides) do
    for _, pair in ipairs(container.environment or {}) do
      if pair.name == "MessageId" and pair.value == id then return true end
    end
  end
  return false
end

-- => the task with the message among these, false | nil err code
local function task_among(client, cluster, arns, id)
  if #arns == 0 then return false end
  local described, err, code = client:DescribeTasks { cluster = cluster, tasks = arns }
  if not described then return work.explain("DescribeTasks", err, code) end
  for _, task in ipairs(described.tasks or {}) do
    if has_message(task, id) then return task end
  end
  return false
end

--- The ECS task that runs for a message. Waits in a task.
---@param place { cluster: string?, definition: string?, near: string } near: an ARN or a URL in the
--- region
---@param id string
---@return table|false|nil task false: the message has no task, or the stack runs no tasks
---@return table|string? client or err
---@return string? code
function work.find(place, id)
  local cluster = place.cluster
  if not (cluster and place.definition) then return false end
  local client, err, code = aws("ecs", {
    place = cluster:match "^arn:" and cluster or nil, near = place.near,
  })
  if not client then return nil, err, code end
  local token
  repeat
    local page
    page, err, code = client:ListTasks {
      cluster = cluster, family = family_of(place.definition), nextToken = token,
    }
    if not page then return work.explain("ListTasks", err, code) end
    local task
    task, err, code = task_among(client, cluster, page.taskArns or {}, id)
    if task == nil then return nil, err, code end
    if task then return task, client end
    token = page.nextToken
  until not token
  return false
end

return work
