-- Mode task with a FIFO queue of high throughput, and a bucket for big messages.
local watchbot = require "watchbot"

return watchbot.template {
  mode = "task", cluster = "main", service = "tiles", serviceVersion = "v3", fifo = true,
  fifoThroughput = "group", overflow = true, messageRetention = 86400,
  notificationEmail = "me@example.com",
}
