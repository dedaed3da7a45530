-- Shadow runs: the worker decides what happens to each message as before; a copy of the message,
-- with the exit code, goes to a second queue. There shadow.lua runs the new version and compares.
local watchbot = require "watchbot"

local SHADOW = os.getenv "SHADOW_QUEUE" or "sqlite:shadow.db"

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db",
  command = "./worker",
}

-- The deduplication id: a copy that is sent again, because the watcher was killed, is one message.
local function copy(job, exit)
  local queue, err = watchbot.queue.open(SHADOW)
  if not queue then return nil, err end
  local answers
  answers, err = queue:send { {
    body = job.message, subject = job.subject,
    deduplication = ("%s-%d"):format(job.id, job.receives),
    attributes = { Expected = { type = "Number", value = tostring(exit.code) } },
  } }
  queue:close()
  return answers and answers[1].id, answers and answers[1].message or err
end

-- What happens to the copy changes nothing for the message.
function policy:verdict(job, exit)
  if exit.code then
    local ok, sent, err = pcall(copy, job, exit)
    if not ok or not sent then
      watchbot.log(("no shadow run of %s: %s"):format(job.id, ok and err or sent))
    end
  end
  return watchbot.policy.verdict(self, job, exit)
end

return policy
