--- template.roles: the permissions of tasks, watchers and ECS itself: the actions that the enabled
-- features need, limited to ARNs if AWS supports that. doc/iam.md lists the reasons.

local cf = require "watchbot.template.cf"
local objects = require "watchbot.template.objects"
local names = require "watchbot.template.names"
local scheduling = require "watchbot.template.scheduling"
local secrets = require "watchbot.template.secrets"

local function join(...)
  local result = {}
  for _, list in ipairs { ... } do table.move(list, 1, #list, #result + 1, result) end
  return result
end

-- A user's part may change its arguments, so nothing in them is shared.
local function allow(actions, resource, condition)
  return { Effect = "Allow", Action = join(actions), Resource = resource, Condition = condition }
end

-- Only ECS may assume the role, and only for tasks of this account.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
local function trust()
  return {
    Version = "2012-10-17",
    Statement = { {
      Effect = "Allow", Principal = { Service = { "ecs-tasks.amazonaws.com" } },
      Action = { "sts:AssumeRole" },
      Condition = { StringEquals = { ["aws:SourceAccount"] = cf.ref "AWS::AccountId" } },
    } },
  }
end

-- The role's policies by name; policies without statements are left out.
local function role(options, policies)
  local list = {}
  for _, policy in ipairs(policies) do
    if #policy.statements > 0 then
      list[#list + 1] = {
        PolicyName = policy.name, PolicyDocument = {
          Version = "2012-10-17", Statement = policy.statements,
        },
      }
    end
  end
  return {
    Type = "AWS::IAM::Role",
    Properties = {
      AssumeRolePolicyDocument = trust(), Policies = #list > 0 and list or nil,
      PermissionsBoundary = options.permissionsBoundary or nil, Path = options.rolePath or nil,
    },
  }
end

-- Permissions of tasks.

local progress_actions = {
  "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem",
}

-- DynamoDB uses a table's key on behalf of its caller.
-- https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
local function through_dynamodb(options)
  return allow({ "kms:Encrypt", "kms:ReEncrypt*", "kms:DescribeKey", "kms:CreateGrant" },
    options.kmsKey,
    { StringLike = { ["kms:ViaService"] = cf.sub "dynamodb.*.${AWS::URLSuffix}" } })
end

local function of_tasks(options, refs)
  local statements = { allow({ "sns:Publish" }, refs.topic) }
  if options.reduce then
    statements[#statements + 1] = allow(progress_actions, refs.progressTable)
  end
  if options.overflow then statements[#statements + 1] = objects.of_tasks(refs) end
  if options.longDelays then
    table.move(scheduling.of_senders(refs), 1, 2, #statements + 1, statements)
  end
  if options.kmsKey then
    statements[#statements + 1] = allow({ "kms:GenerateDataKey", "kms:Decrypt" }, options.kmsKey)
  end
  if options.kmsKey and options.reduce then
    statements[#statements + 1] = through_dynamodb(options)
  end
  return statements
end

-- Permissions of watchers.

-- As text: if the cluster is an intrinsic, one of the two may not be an ARN.
local function in_cluster(options)
  return { StringEquals = { ["ecs:cluster"] = names.cluster_arns(options.cluster) } }
end

local once_actions = { "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem" }

local receive_actions = { "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility" }

local function of_watchers(options, refs)
  local dead = refs.deadLetterQueueArn
  local statements = {
    allow(receive_actions, refs.queueArn),
    -- A pause is a tag of the queue.
    allow({ "sqs:ListQueueTags", "sqs:TagQueue", "sqs:UntagQueue" }, refs.queueArn),
    -- A metric has the number of dead letters.
    allow({ "sqs:GetQueueAttributes" }, { refs.queueArn, dead }),
    -- A buried message is sent to the dead-letter queue at once.
    allow({ "sqs:SendMessage" }, dead),
    allow({ "sns:Publish", "sns:GetTopicAttributes" }, refs.notificationTopic),
  }
  if options.overflow then
    table.move(objects.of_watchers(refs), 1, 2, #statements + 1, statements)
  end
  if options.kmsKey then
    statements[#statements + 1] = allow({ "kms:Decrypt", "kms:GenerateDataKey" }, options.kmsKey)
  end
  if options.once then
    statements[#statements + 1] = allow(once_actions, refs.onceTable)
    if options.kmsKey then statements[#statements + 1] = through_dynamodb(options) end
  end
  if options.traces == "xray" then
    -- AWS does not support ARNs for these actions.
    -- https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
    statements[#statements + 1] = allow(
      { "xray:PutSpans", "xray:PutSpansForIndexing", "xray:PutTraceSegments" }, "*")
  end
  return statements
end

-- Scale-in protection, and whether a deployment has replaced the task; jobs may `watchbot send` to
-- their queue.
local function of_processes(options, refs)
  local cluster = in_cluster(options)
  return {
    allow({ "sqs:SendMessage" }, refs.queueArn),
    allow({ "ecs:UpdateTaskProtection", "ecs:DescribeTasks" }, names.arn("ecs", "task/*"), cluster),
    allow({ "ecs:DescribeServices" }, names.arn("ecs", "service/*"), cluster),
  }
end

-- The family instead of its newest revision: during a deployment, former watchers start tasks of
-- the former revision. ListTasks does not support the ARN of a task or a cluster.
-- https://docs.aws.amazon.com/service-authorization/latest/reference/
-- list_amazonelasticcontainerservice.html
local function of_starting(options, refs)
  local cluster = in_cluster(options)
  local tagging = allow({ "ecs:TagResource" }, names.arn("ecs", "task/*"),
    { StringEquals = { ["ecs:CreateAction"] = "RunTask" } })
  return join({
    allow({ "ecs:RunTask" }, names.arn("ecs", "task-definition/", names.family(options), ":*"),
    cluster),
    allow({ "ecs:StopTask", "ecs:DescribeTasks" }, names.arn("ecs", "task/*"), cluster),
    allow({ "ecs:ListTasks" }, "*", cluster),
    allow({ "iam:PassRole" },
    { cf.getatt(refs.id "WorkerRole", "Arn"), cf.getatt(refs.id "ExecutionRole", "Arn") },
      { StringEquals = { ["iam:PassedToService"] = "ecs-tasks.amazonaws.com" } }),
    allow(receive_actions, cf.getatt(refs.id "TaskEventQueue", "Arn")),
    -- With ":*" at its end, which policies require; other places need the ARN without it.
    -- https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
    allow({ "logs:FilterLogEvents" }, refs.logGroupArn),
  }, next(options.tags) and { tagging } or {})
end

-- Permissions of ECS itself, before and while a task runs.

local pull_actions = {
  "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage",
}

-- ECR at its usual, its dual-stack or a FIPS host; the domain after the region depends on the
-- partition: amazonaws.com, amazonaws.com.cn, c2s.ic.gov, on.aws...
-- https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
local hosts = {
  "^(%d+)%.dkr%.ecr%.([%w-]+)%.[%w.-]+/([^:@]+)",
  "^(%d+)%.dkr%.ecr%-fips%.([%w-]+)%.[%w.-]+/([^:@]+)",
  "^(%d+)%.dkr%-ecr%.([%w-]+)%.on%.[%w.-]+/([^:@]+)",
  "^(%d+)%.dkr%-ecr%-fips%.([%w-]+)%.on%.[%w.-]+/([^:@]+)",
}

-- The repository of an image in ECR; nil for an image of another registry.
local function repository_of(image, repository)
  if not image then return names.arn("ecr", "repository/", repository) end
  if cf.is(image) then return names.arn("ecr", "repository/*") end
  for _, pattern in ipairs(hosts) do
    local account, region, name = image:match(pattern)
    if account then
      return cf.sub(("arn:${AWS::Partition}:ecr:%s:%s:repository/%s"):format(region, account, name))
    end
  end
end

local function pulls(image, repository)
  local from = repository_of(image, repository)
  if not from then return {} end
  -- AWS does not support an ARN for the token.
  return { allow({ "ecr:GetAuthorizationToken" }, "*"), allow(pull_actions, { from }) }
end

-- The same for a second image: the token is for all repositories.
local function pulls_too(image, repository)
  local from = repository_of(image, repository)
  return from and { allow(pull_actions, { from }) } or {}
end

local function execution(options, refs, image, repository, more)
  local log = allow({ "logs:CreateLogStream", "logs:PutLogEvents" },
    refs.logGroupArn)
  return role(options, {
    { name = "execution", statements = join({ log }, pulls(image, repository), more) },
    { name = "user-defined", statements = options.executionPermissions },
  })
end

-- Of the tasks that do the work; with a Lambda function's image, watchbot's own is needed, too.
local function of_workers(options, refs)
  local more, image = secrets.statements(options.secrets), options.image
  if options.lambda then
    image = options.lambda.image or image
    local beside = repository_of(image, options.service) and pulls_too or pulls
    more = join(beside(options.watchbotImage, "watchbot"), more)
  end
  return execution(options, refs, image, options.service, more)
end

---@type watchbot.template.Part
return function(options, refs)
  local id = refs.id
  local resources = { [id "ExecutionRole"] = of_workers(options, refs) }
  local own = { name = "user-defined", statements = options.permissions }
  local of_watcher = { name = "watcher-user-defined", statements = options.watcherPermissions }
  if options.mode == "task" then
    -- The watchers' tasks have no secrets, and watchers may only pass the roles of the tasks that
    -- they start.
    resources[id "WatcherExecutionRole"] =
      execution(options, refs, options.watchbotImage, "watchbot", {})
    resources[id "WorkerRole"] = role(options, {
      { name = "worker", statements = of_tasks(options, refs) }, own,
    })
    resources[id "WatcherRole"] = role(options, {
      { name = "watcher",
      statements = join(of_watchers(options, refs), of_starting(options, refs)) }, of_watcher,
    })
  else
    resources[id "Role"] = role(options, {
      { name = "worker",
        statements = join(of_watchers(options, refs), of_processes(options, refs),
        of_tasks(options, refs)) },
      own, of_watcher,
    })
  end
  return { Resources = resources }
end
