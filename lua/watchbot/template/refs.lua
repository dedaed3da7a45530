--- template.refs: how the rest of a stack refers to a template's resources. The logical ids are
-- those of ecs-watchbot.

local cf = require "watchbot.template.cf"
local existing = require "watchbot.template.existing"

local refs = {}

---@class watchbot.template.Refs
---@field id fun(name: string): string the logical id with the prefix: "Queue" -> "WatchbotQueue"
---@field writes_metrics fun(): boolean the watchers write their metrics themselves
---@field logGroup any name
---@field topic any ARN of the topic that messages are published to
---@field queueUrl any
---@field queueArn any
---@field queueName any
---@field deadLetterQueueUrl any
---@field deadLetterQueueArn any
---@field deadLetterQueueName any
---@field logGroupArn any with ":*" at its end, as policies need it
---@field messageFolder any? "s3://bucket/folder"
---@field notificationTopic any ARN
---@field webhookEndpoint any? URL
---@field webhookKey any? id of the API key
---@field accessKeyId any?
---@field secretAccessKey any?
---@field progressTable any? ARN
---@field onceTable any? ARN
---@field schedulerRole any? ARN

--- Refs that exist only with an option, and that option.
refs.with = {
  webhookEndpoint = "webhook", webhookKey = "webhookKey", accessKeyId = "user",
  secretAccessKey = "user",
  progressTable = "reduce", messageFolder = "overflow", onceTable = "once",
  schedulerRole = "longDelays",
}

-- What a queue is called, of the template or of another stack.
local function of_queue(made, arn)
  if arn then return existing.queue_url(arn), arn, existing.name(arn, "sqs") end
  return cf.ref(made), cf.getatt(made, "Arn"), cf.getatt(made, "QueueName")
end

local function progress_table(options, id)
  if options.table then return options.table end
  return options.reduce and cf.getatt(id "ProgressTable", "Arn") or nil
end

---@param options watchbot.template.Options
---@return watchbot.template.Refs
function refs.new(options)
  local function id(name) return options.prefix .. name end
  local url, arn, name = of_queue(id "Queue", options.queue)
  local dead_url, dead_arn, dead_name = of_queue(id "DeadLetterQueue", options.deadLetterQueue)
  return {
    id = id,
    writes_metrics = function() return options.metrics == "emf" end,
    logGroup = options.logGroup and existing.name(options.logGroup, "logs")
      or cf.ref(id "LogGroup"),
    logGroupArn = options.logGroup and existing.streams(options.logGroup)
      or cf.getatt(id "LogGroup", "Arn"),
    topic = options.topic or cf.ref(id "Topic"),
    queueUrl = url, queueArn = arn, queueName = name,
    deadLetterQueueUrl = dead_url, deadLetterQueueArn = dead_arn, deadLetterQueueName = dead_name,
    messageFolder = options.overflow == true and cf.sub("s3://${" .. id "MessageBucket" .. "}")
      or options.overflow or nil,
    notificationTopic = options.notificationTopic or cf.ref(id "NotificationTopic"),
    webhookEndpoint = options.webhook and cf.sub("https://${" .. id "WebhookApi"
      .. "}.execute-api.${AWS::Region}.${AWS::URLSuffix}/watchbot/webhooks") or nil,
    webhookKey = options.webhookKey and cf.ref(id "WebhookKey") or nil,
    accessKeyId = options.user and cf.ref(id "UserKey") or nil,
    secretAccessKey = options.user and cf.getatt(id "UserKey", "SecretAccessKey") or nil,
    progressTable = progress_table(options, id),
    onceTable = options.once and cf.getatt(id "OnceTable", "Arn") or nil,
    schedulerRole = options.longDelays and cf.getatt(id "SchedulerRole", "Arn") or nil,
  }
end

return refs
