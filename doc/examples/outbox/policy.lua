-- The queue is in the app's own database: its tables begin with watchbot_.
local watchbot = require "watchbot"

return watchbot.policy {
  queue   = "sqlite:app.db?prefix=watchbot_",
  command = "./ship.sh",
}
