-- Move a message that has failed three times to a queue for people, with the reason, before it
-- takes more attempts: the dead-letter queue is left to what nothing has decided about.
local watchbot = require "watchbot"

local SIDE, TRIES = os.getenv "POISON_QUEUE" or "sqlite:poison.db", 3

local policy = watchbot.policy {
  queue        = os.getenv "QueueUrl" or "sqlite:jobs.db",
  command      = "./worker.sh",
  max_receives = 10,
}

local function move(job, exit)
  local queue, err, code = watchbot.queue.open(SIDE)
  if not queue then return nil, err, code end
  local reason = exit.reason or exit.signal or ("exit code %s"):format(exit.code)
  local answers
  answers, err, code = queue:send { {
    body = job.message, subject = job.subject,
    attributes = { Reason = { type = "String", value = reason } },
  } }
  queue:close()
  if not answers then return nil, err, code end
  return answers[1].id, answers[1].message
end

function policy:verdict(job, exit)
  local outcome, seconds = watchbot.policy.verdict(self, job, exit)
  if outcome ~= "retry" or job.receives < TRIES then return outcome, seconds end
  -- A message that could not be moved stays.
  local id, err = move(job, exit)
  if id then return "complete" end
  watchbot.log(("could not move the message to %s: %s"):format(SIDE, err))
  return "retry"
end

return policy
