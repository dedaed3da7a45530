-- Check links: each message is one URL, a worker in Python asks for it.
local watchbot = require "watchbot"

return watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:links.db",
  command = { "./worker.py" },          -- a list runs without a shell
  workers = 4,
  timeout = 60,                         -- seconds
  exits   = { [75] = "release" },       -- EX_TEMPFAIL: return it without a notification
}
