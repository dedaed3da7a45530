--- status.ecs: what a stack runs on ECS: the containers of its service, and the tasks of the family
-- that does the work.

local aws = require "watchbot.aws"
local denied = require "watchbot.aws.denied"
local json = require "watchbot.lib.json"

local ecs = {}

local function explain(operation, err, code)
  return nil, denied.explain("ecs:" .. operation, nil, err, code)
end

-- "arn:aws:ecs:eu-west-1:123456789012:task-definition/tiles:7" -> "tiles:7"
local function revision_of(definition)
  return definition:match "([^/]+)$"
end

-- What a task definition says of its version: $PolicyVersion of a container, else the image's tag.
local function version_in(definition)
  local tag
  for _, container in ipairs(definition.containerDefinitions or {}) do
    for _, pair in ipairs(container.environment or {}) do
      if pair.name == "PolicyVersion" and pair.value ~= "" then return pair.value end
    end
    tag = tag or (container.image or ""):match ":([%w_.-]+)$"
  end
  return tag
end

-- The deployments of a service, each with its version: while one replaces another there are two.
-- => deployments, nil | without versions, err
local function deployments_of(client, deployments)
  local found, problem = json.list {}, nil
  for index, one in ipairs(deployments or {}) do
    local definition = tostring(one.taskDefinition)
    local answer, err, code
    if not problem then
      answer, err, code = client:DescribeTaskDefinition { taskDefinition = definition }
      if not answer then problem = select(2, explain("DescribeTaskDefinition", err, code)) end
    end
    found[index] = {
      definition = revision_of(definition), state = one.rolloutState or one.status,
      desired = one.desiredCount, running = one.runningCount, pending = one.pendingCount,
      version = answer and version_in(answer.taskDefinition or {}) or nil,
    }
  end
  return found, problem
end

local function service_of(client, cluster, service)
  local result, err, code = client:DescribeServices {
    cluster = cluster, services = { service },
  }
  if not result then return explain("DescribeServices", err, code) end
  local found = result.services and result.services[1]
  local failure = result.failures and result.failures[1]
  if not found and failure and failure.reason ~= "MISSING" then
    return nil, ("the service '%s' cannot be described: %s"):format(service,
      failure.detail or failure.reason), failure.reason
  end
  if not found then
    return nil, ("service '%s' does not exist on '%s'"):format(service, cluster), "ServiceNotFound"
  end
  return {
    desired = found.desiredCount, running = found.runningCount, pending = found.pendingCount,
  }, found.deployments
end

-- "arn:aws:ecs:eu-west-1:123456789012:task-definition/tiles:7" -> "tiles"
local function family_of(definition)
  return definition:match "([^/:]+):?%d*$"
end

local function tasks_of(client, cluster, definition)
  local parameters, count = { cluster = cluster, family = family_of(definition) }, 0
  repeat
    local page, err, code = client:ListTasks(parameters)
    if not page then return explain("ListTasks", err, code) end
    count = count + #(page.taskArns or {})
    parameters.nextToken = page.nextToken
  until not page.nextToken
  return count
end

--- Adds the running tasks. Skips what the stack does not have. Waits in a task.
---@param builder watchbot.StatusBuilder
---@param names { cluster: string?, service: string?, definition: string? }
function ecs.add(builder, names)
  if not names.cluster then return end
  local client, err = aws("ecs", {
    place = names.cluster:match "^arn:" and names.cluster or nil, near = builder.status.queue,
  })
  if not client then return builder:add({ "tasks", "service" }, nil, err) end
  if names.service then
    local service, more = service_of(client, names.cluster, names.service)
    builder:add({ "service" }, service and { service = service }, more)
    if service then
      local versions, problem = deployments_of(client, more)
      builder:add({ "deployments" }, { deployments = versions })
      builder.status.problems.deployments = problem
    end
  end
  if names.definition then
    local tasks, problem = tasks_of(client, names.cluster, names.definition)
    builder:add({ "tasks" }, tasks and { tasks = tasks }, problem)
  end
end

return ecs
