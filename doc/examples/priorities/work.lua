-- The workers: the highest priority first, and the oldest first among equals.
local watchbot = require "watchbot"

return watchbot.policy {
  queue   = os.getenv "WORK_QUEUE" or "sqlite:work.db",
  command = "./worker.sh",
}
