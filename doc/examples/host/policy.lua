-- The policy that host.c runs: each message is done by a Lua function in the host's own process.
-- The message "stop" ends the watcher, and with it the host's loop.
local host = require "watchbot.host"
local watchbot = require "watchbot"

return watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db",
  handler = function(job)
    watchbot.log("the host got " .. job.message)
    if job.message == "stop" then host.stop() end
  end,
}
