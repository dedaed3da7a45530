-- Mode task on Fargate and Fargate Spot, with a FIFO queue and a customer managed key.
local watchbot = require "watchbot"
local ref = watchbot.cf.ref

return watchbot.merge({ Parameters = { Subnets = { Type = "List<AWS::EC2::Subnet::Id>" },
  Key = { Type = "String" } } },
  watchbot.template {
    mode = "task", cluster = "main", service = "tiles", image = "public.ecr.aws/tiles/render:v3",
      watchbotImage = "watchbot:v1",
    capacity = { FARGATE = { weight = 1, base = 1 }, FARGATE_SPOT = 3 },
      fargateSubnets = ref "Subnets",
    fargateSecurityGroups = { "sg-0123456789abcdef0" }, fargatePublicIp = "ENABLED",
      ephemeralStorageGiB = 50,
    reservation = { cpu = 512, memory = 2048 },
      runtimePlatform = { cpuArchitecture = "ARM64" }, fifo = true,
    kmsKey = ref "Key", notificationTopic = "arn:aws:sns:eu-west-1:123456789012:alarms",
    alarms = { queueSize = false }, dashboard = false,
  })
