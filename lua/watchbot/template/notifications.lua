--- template.notifications: the topic that failures and alarms are told to. A topic of the user's own is left as it is. It is
-- not encrypted: alarms cannot publish to a topic that AWS's own key encrypts.
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html

---@type watchbot.template.Part
return function(options, refs)
  local made = {
    Outputs = {
      [refs.id "NotificationTopic"] = {
        Description = "ARN of the topic of notifications and alarms", Value = refs.notificationTopic,
      },
    },
  }
  if options.notificationTopic then return made end
  made.Resources = {
    [refs.id "NotificationTopic"] = {
      Type = "AWS::SNS::Topic",
      Properties = { Subscription = { { Protocol = "email", Endpoint = options.notificationEmail } } },
    },
  }
  return made
end
