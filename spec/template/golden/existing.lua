-- Mode process with everything that another stack has made already, by ARN and by intrinsics.
local watchbot = require "watchbot"
local cf = watchbot.cf

return watchbot.merge({ Parameters = {
  Queue = { Type = "String" }, Dead = { Type = "String" }, Group = { Type = "String" },
} },
  watchbot.template {
    mode = "process", cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/main",
    service = "tiles", serviceVersion = "v3", command = "./render", maxScalingCapacity = 10,
    queue = cf.ref "Queue", deadLetterQueue = cf.ref "Dead",
    topic = "arn:aws:sns:eu-west-1:123456789012:tiles", logGroup = cf.ref "Group",
    table = "arn:aws:dynamodb:eu-west-1:123456789012:table/progress",
    key = "arn:aws:kms:eu-west-1:123456789012:key/0f3e4f5a-8a9d-4d0e-9a52-0d2f2c9b5a11",
    overflow = "s3://big-messages/tiles",
    notificationTopic = "arn:aws:sns:eu-west-1:123456789012:alarms",
  })
