-- Mode process on ECS Managed Instances, where the service follows the backlog of each container.
local watchbot = require "watchbot"

return watchbot.template {
  mode = "process", cluster = "main", service = "tiles", serviceVersion = "v3",
  command = "./render", capacity = { instances = { weight = 1, base = 1 }, spot = 3 },
  managedInstances = true, fargateSubnets = { "subnet-0123456789abcdef0" },
  minScalingCapacity = 1, maxScalingCapacity = 20, backlogPerTask = 50, workers = 4,
  notificationEmail = "me@example.com",
}
