-- Count the words of a text, a line a task: one message splits it, one for each line counts, one
-- adds up. The same policy runs on the embedded queue and, with $QueueUrl, $WorkTopic and
-- $ProgressTable set, on SQS, SNS and DynamoDB.
local watchbot = require "watchbot"

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:words.db",
  command = "./worker.sh",
  workers = 4,
  exits   = { [65] = "reject" },        -- EX_DATAERR: it would fail again
}

-- An example is no place to wait for minutes.
function policy:backoff(job)
  return math.min(1, watchbot.policy.backoff(self, job))
end

return policy
