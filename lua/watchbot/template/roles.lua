--- template.roles: what tasks, watchers and ECS itself may do: the actions that the features in use need, on ARNs where AWS
-- takes them. doc/iam.md lists what needs what.

local cf = require "watchbot.template.cf"
local names = require "watchbot.template.names"
local secrets = require "watchbot.template.secrets"

local function join(...)
  local result = {}
  for _, list in ipairs { ... } do table.move(list, 1, #list, #result + 1, result) end
  return result
end

-- A user's part may change what it gets, so nothing in it is shared.
local function allow(actions, resource, condition)
  return { Effect = "Allow", Action = join(actions), Resource = resource, Condition = condition }
end

-- Only ECS may hand out the role, and only for tasks of this account.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
local function trust()
  return {
    Version = "2012-10-17",
    Statement = { {
      Effect = "Allow", Principal = { Service = { "ecs-tasks.amazonaws.com" } }, Action = { "sts:AssumeRole" },
      Condition = { StringEquals = { ["aws:SourceAccount"] = cf.ref "AWS::AccountId" } },
    } },
  }
end

-- Its policies by their names; those without statements are left out.
local function role(policies)
  local list = {}
  for _, policy in ipairs(policies) do
    if #policy.statements > 0 then
      list[#list + 1] = {
        PolicyName = policy.name, PolicyDocument = { Version = "2012-10-17", Statement = policy.statements },
      }
    end
  end
  return {
    Type = "AWS::IAM::Role",
    Properties = { AssumeRolePolicyDocument = trust(), Policies = #list > 0 and list or nil },
  }
end

-- what tasks do

local progress_actions = { "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem" }

local function of_tasks(options, refs)
  local statements = { allow({ "sns:Publish" }, refs.topic) }
  if options.reduce then statements[#statements + 1] = allow(progress_actions, refs.progressTable) end
  if options.kmsKey then
    statements[#statements + 1] = allow({ "kms:GenerateDataKey", "kms:Decrypt" }, options.kmsKey)
  end
  return statements
end

-- what watchers do

-- As text: where the cluster is an intrinsic, one of the two may be no ARN.
local function in_cluster(options)
  return { StringEquals = { ["ecs:cluster"] = names.cluster_arns(options.cluster) } }
end

local receive_actions = { "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility" }

local function of_watchers(options, refs)
  local statements = {
    allow(join(receive_actions, { "sqs:GetQueueAttributes" }), refs.queueArn),
    allow({ "sns:Publish", "sns:GetTopicAttributes" }, refs.notificationTopic),
    allow({ "ecs:UpdateTaskProtection" }, names.arn("ecs", "task/*"), in_cluster(options)),
  }
  if options.kmsKey then statements[#statements + 1] = allow({ "kms:Decrypt" }, options.kmsKey) end
  return statements
end

-- The family, not its newest revision: during a deployment former watchers start tasks of the former one. ListTasks takes
-- no ARN of a task or a cluster.
-- https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
local function of_starting(options, refs)
  local cluster = in_cluster(options)
  return {
    allow({ "ecs:RunTask" }, names.arn("ecs", "task-definition/", names.family(options), ":*"), cluster),
    allow({ "ecs:StopTask", "ecs:DescribeTasks" }, names.arn("ecs", "task/*"), cluster),
    allow({ "ecs:ListTasks" }, "*", cluster),
    allow({ "iam:PassRole" }, { cf.getatt(refs.id "WorkerRole", "Arn"), cf.getatt(refs.id "ExecutionRole", "Arn") },
      { StringEquals = { ["iam:PassedToService"] = "ecs-tasks.amazonaws.com" } }),
    allow(receive_actions, cf.getatt(refs.id "TaskEventQueue", "Arn")),
    -- With the ":*" at its end, which policies need, and others who take the ARN do not.
    -- https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
    allow({ "logs:FilterLogEvents" }, cf.getatt(refs.id "LogGroup", "Arn")),
  }
end

-- what ECS does before and beside a task

local pull_actions = { "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage" }

-- The repository of an image in ECR; nil for one of another registry.
local function repository_of(image, repository)
  if not image then return names.arn("ecr", "repository/", repository) end
  if cf.is(image) then return names.arn("ecr", "repository/*") end
  local account, region, name = image:match "^(%d+)%.dkr%.ecr%.([%w-]+)%.amazonaws[^/]*/([^:@]+)"
  return account and cf.sub(("arn:${AWS::Partition}:ecr:%s:%s:repository/%s"):format(region, account, name)) or nil
end

local function pulls(options)
  local repositories = { repository_of(options.image, options.service) }
  if options.mode == "task" then repositories[#repositories + 1] = repository_of(options.watchbotImage, "watchbot") end
  if #repositories == 0 then return {} end
  -- AWS takes no ARN for the token.
  return { allow({ "ecr:GetAuthorizationToken" }, "*"), allow(pull_actions, repositories) }
end

local function execution(options, refs)
  local log = allow({ "logs:CreateLogStream", "logs:PutLogEvents" }, cf.getatt(refs.id "LogGroup", "Arn"))
  return role {
    { name = "execution", statements = join({ log }, pulls(options), secrets.statements(options.secrets)) },
    { name = "user-defined", statements = options.executionPermissions },
  }
end

---@type watchbot.template.Part
return function(options, refs)
  local resources = { [refs.id "ExecutionRole"] = execution(options, refs) }
  local own = { name = "user-defined", statements = options.permissions }
  if options.mode == "task" then
    resources[refs.id "WorkerRole"] = role { { name = "worker", statements = of_tasks(options, refs) }, own }
    resources[refs.id "WatcherRole"] = role {
      { name = "watcher", statements = join(of_watchers(options, refs), of_starting(options, refs)) },
    }
  else
    resources[refs.id "Role"] = role {
      { name = "worker", statements = join(of_watchers(options, refs), of_tasks(options, refs)) }, own,
    }
  end
  return { Resources = resources }
end
