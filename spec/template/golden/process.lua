-- Mode process: a service that has the program `watchbot` in its image, and scales with its queue.
local watchbot = require "watchbot"

return watchbot.template {
  mode = "process", cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/main", service = "tiles",
    serviceVersion = "v3",
  command = "./render", maxScalingCapacity = 10, mounts = { "/data" }, structuredLogging = true,
    rawMessageDelivery = true,
  stopTimeout = 60, logGroupRetentionDays = 30, notificationEmail = "me@example.com",
  schedules = { nightly = { cron = "0 3 * * 1-5", zone = "Europe/Berlin", message = "report" } },
}
