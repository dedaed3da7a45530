--- template.notifications: the topic that failures and alarms are sent to. The user's own topic is
-- not changed. The topic is only encrypted with the user's KMS key: alarms cannot publish to a
-- topic that the AWS managed key encrypts.
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html

local access = require "watchbot.template.access"
local cf = require "watchbot.template.cf"
local names = require "watchbot.template.names"

-- Alarms, and the rule of service_events.lua, publish to it.
local function policy(refs)
  local topic = refs.notificationTopic
  return access.of_topic(topic, {
    access.allow("AlarmsPublish", "cloudwatch", "sns:Publish", topic,
    names.arn("cloudwatch", "alarm:*")),
    access.allow("RulePublishes", "events", "sns:Publish", topic,
    cf.getatt(refs.id "ServiceEventRule", "Arn")),
  })
end

---@type watchbot.template.Part
return function(options, refs)
  local made = {
    Outputs = {
      [refs.id "NotificationTopic"] = {
        Description = "ARN of the topic of notifications and alarms",
        Value = refs.notificationTopic,
      },
    },
  }
  if options.notificationTopic then return made end
  made.Resources = {
    [refs.id "NotificationTopic"] = {
      Type = "AWS::SNS::Topic",
      Properties = {
        Subscription = { { Protocol = "email", Endpoint = options.notificationEmail } },
        KmsMasterKeyId = options.kmsKey or nil,
      },
    },
    [refs.id "NotificationTopicPolicy"] = policy(refs),
  }
  return made
end
