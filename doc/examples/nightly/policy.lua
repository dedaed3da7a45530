-- A job that runs every night at 3:00 in Berlin. The queue makes it a message like any other:
-- a failure is retried with backoff and notified, and two machines do not run it twice.
local watchbot = require "watchbot"

return watchbot.policy {
  queue     = os.getenv "QueueUrl" or "sqlite:jobs.db",
  command   = "./report.sh",
  timeout   = 3600,                     -- seconds
  schedules = {
    report = {
      cron = "0 3 * * *", zone = "Europe/Berlin", subject = "report",
      missed = "once",                  -- the machine was off: run it when it is back
    },
  },
}
