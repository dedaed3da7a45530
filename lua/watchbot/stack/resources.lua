--- stack.resources: a watcher's resources in a stack whose outputs do not have them.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html
-- A logical id is the watcher's prefix and a name. The CDK, which ecs-watchbot v10 uses, adds eight
-- hexadecimal digits.

-- By type: the ends of logical ids, longest first, and the output that each corresponds to.
local KINDS = {
  ["AWS::SQS::Queue"] = {
    { "DeadLetterQueue", "DeadLetterQueueUrl" }, { "TaskEventQueue", "TaskEventQueueUrl" },
    { "Queue", "QueueUrl" },
  },
  ["AWS::Logs::LogGroup"] = { { "LogGroup", "LogGroup" } },
  ["AWS::SNS::Topic"] = { { "NotificationTopic", "NotificationTopic" }, { "Topic", "Topic" } },
  ["AWS::DynamoDB::Table"] = { { "ProgressTable", "ProgressTable" } },
  ["AWS::ECS::Cluster"] = { { "Cluster", "ClusterArn" } },
  ["AWS::ECS::Service"] = { { "Service", "Service" } },
  ["AWS::ECS::TaskDefinition"] = {
    { "TaskDefinition", "TaskDefinition" }, { "TaskDef", "TaskDefinition" },
    { "Worker", "TaskDefinition" },
    { "Task", "TaskDefinition" },
  },
}

local resources = {}

---@return string? prefix
---@return string? output
local function role_of(kind, logical)
  for _, role in ipairs(KINDS[kind] or {}) do
    local ending = role[1]
    local prefix = logical:match("^(.*)" .. ending .. "$")
      or logical:match("^(.*)" .. ending .. ("[%dA-F]"):rep(8) .. "$")
    if prefix then return prefix, role[2] end
  end
end

-- arn:aws:ecs:eu-west-1:123456789012:service/fleet/jobs contains its cluster, too.
local function cluster_of(service)
  local place, cluster = service:match "^(arn:[^:]+:ecs:[^:]+:%d+):service/([^/]+)/"
  return place and ("%s:cluster/%s"):format(place, cluster)
end

local function add(found, prefix, output, value)
  found[output] = found[output] or {}
  found[output][prefix] = value
end

local function collect(found, summaries)
  for _, resource in ipairs(type(summaries) == "table" and summaries or {}) do
    local value = resource.PhysicalResourceId
    local prefix, output = role_of(resource.ResourceType, resource.LogicalResourceId)
    if output and value ~= "" then add(found, prefix, output, value) end
    local cluster = output == "Service" and cluster_of(value)
    if cluster then add(found, prefix, "ClusterArn", cluster) end
  end
end

--- Waits in a task.
---@param client table of cloudformation
---@param name string of the stack
---@return table<string, table<string, string>>? found by the end of the output's key, then by
--- prefix
---@return string? err
---@return string? code
function resources.list(client, name)
  local found, token = {}, nil
  repeat
    local page, err, code = client:ListStackResources { StackName = name, NextToken = token }
    if not page then return nil, err, code end
    collect(found, page.StackResourceSummaries)
    token = page.NextToken ~= "" and page.NextToken or nil
  until not token
  return found
end

return resources
