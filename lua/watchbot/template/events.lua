--- template.events: in mode "task", the queue that receives EventBridge's events of stopped tasks
-- (without it runner.ecs learns of them later, by polling). The rule covers the whole family: tasks
-- of the former revision still run after a deployment.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html

local access = require "watchbot.template.access"
local cf = require "watchbot.template.cf"
local names = require "watchbot.template.names"
local pieces = require "watchbot.template.pieces"

-- Seconds. The first is the one of ecs.events, which sets it with each receive; ECS forgets a
-- stopped task after an hour.
local VISIBILITY, RETENTION = 30, 3600

-- https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
local function clusters(cluster)
  if not cf.is(cluster) then return names.cluster_arns(cluster) end
  return { cluster, { suffix = pieces.concat(":cluster/", cluster) } }
end

local function rule(options, refs)
  return {
    Type = "AWS::Events::Rule",
    Properties = {
      Description = cf.sub "Stopped tasks of ${AWS::StackName}",
      EventPattern = {
        source = { "aws.ecs" },
        ["detail-type"] = { "ECS Task State Change" },
        detail = {
          clusterArn = clusters(options.cluster), lastStatus = { "STOPPED" },
          taskDefinitionArn = {
            { prefix = names.arn("ecs", "task-definition/", names.family(options), ":") },
          },
        },
      },
      Targets = { { Id = "watchbot", Arn = cf.getatt(refs.id "TaskEventQueue", "Arn") } },
    },
  }
end

local function policy(refs)
  local arn = cf.getatt(refs.id "TaskEventQueue", "Arn")
  return access.of_queue(cf.ref(refs.id "TaskEventQueue"), {
    access.allow("RuleSends", "events", "sqs:SendMessage", arn,
    cf.getatt(refs.id "TaskEventRule", "Arn")),
    access.tls_only("sqs:*", arn),
  })
end

---@type watchbot.template.Part
return function(options, refs)
  if options.mode ~= "task" then return nil end
  return {
    Resources = {
      [refs.id "TaskEventQueue"] = {
        Type = "AWS::SQS::Queue",
        DeletionPolicy = "Delete",
        UpdateReplacePolicy = "Delete",
        Properties = {
          QueueName = cf.sub("${AWS::StackName}-" .. options.prefix .. "TaskEventQueue"),
          VisibilityTimeout = VISIBILITY, MessageRetentionPeriod = RETENTION,
          KmsMasterKeyId = options.kmsKey or nil, SqsManagedSseEnabled = not options.kmsKey or nil,
        },
      },
      [refs.id "TaskEventQueuePolicy"] = policy(refs),
      [refs.id "TaskEventRule"] = rule(options, refs),
    },
  }
end
