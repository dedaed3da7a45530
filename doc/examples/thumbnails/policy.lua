-- Make thumbnails of the files that messages name; retry later while a file does not exist yet.
local watchbot = require "watchbot"

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:thumbnails.db",
  command = "./resize.sh",              -- a string runs in sh; a list is an argv
  workers = 4,
  timeout = 15 * 60,                    -- seconds
  exits   = { [75] = "release" },       -- EX_TEMPFAIL: return it without a notification
  max_receives = 3,
  history = 86400,                      -- seconds: what `watchbot jobs` and the console show
}

-- A retry does not help when a task runs out of memory: keep its message for a person to look at.
function policy:verdict(job, exit)
  if exit.oom then return "bury" end
  return watchbot.policy.verdict(self, job, exit)
end

-- A demonstration is no place to wait for minutes.
function policy:backoff(job)
  return math.min(1, watchbot.policy.backoff(self, job))
end

return policy
