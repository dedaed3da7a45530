--- template.refs: how the rest of a stack refers to a template's resources. The logical ids are
-- those of ecs-watchbot.

local cf = require "watchbot.template.cf"

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
---@field notificationTopic any ARN
---@field webhookEndpoint any? URL
---@field webhookKey any? id of the API key
---@field accessKeyId any?
---@field secretAccessKey any?
---@field progressTable any? ARN

--- Refs that exist only with an option, and that option.
refs.with = {
  webhookEndpoint = "webhook", webhookKey = "webhookKey", accessKeyId = "user",
  secretAccessKey = "user",
  progressTable = "reduce",
}

---@param options watchbot.template.Options
---@return watchbot.template.Refs
function refs.new(options)
  local function id(name) return options.prefix .. name end
  return {
    id = id,
    writes_metrics = function() return options.metrics == "emf" end,
    logGroup = cf.ref(id "LogGroup"),
    topic = cf.ref(id "Topic"),
    queueUrl = cf.ref(id "Queue"),
    queueArn = cf.getatt(id "Queue", "Arn"),
    queueName = cf.getatt(id "Queue", "QueueName"),
    deadLetterQueueUrl = cf.ref(id "DeadLetterQueue"),
    notificationTopic = options.notificationTopic or cf.ref(id "NotificationTopic"),
    webhookEndpoint = options.webhook and cf.sub("https://${" .. id "WebhookApi"
      .. "}.execute-api.${AWS::Region}.${AWS::URLSuffix}/watchbot/webhooks") or nil,
    webhookKey = options.webhookKey and cf.ref(id "WebhookKey") or nil,
    accessKeyId = options.user and cf.ref(id "UserKey") or nil,
    secretAccessKey = options.user and cf.getatt(id "UserKey", "SecretAccessKey") or nil,
    progressTable = options.reduce and cf.getatt(id "ProgressTable", "Arn") or nil,
  }
end

return refs
