-- Work on each object that is put into an S3 bucket. The bucket sends its events to the queue,
-- directly, through SNS or through EventBridge. See doc/events.md.
local watchbot = require "watchbot"

local policy = watchbot.policy {
  queue    = os.getenv "QueueUrl" or "sqlite:events.db",
  envelope = "s3",
  command  = "./worker.sh",
  workers  = 4,
}

-- What is no event is kept for a person to look at.
function policy:admit(job)
  return job.event and true or "bury"
end

-- What watchbot has no variable for. S3 itself sends one record in each message.
function policy:environment(job)
  local variables, data = watchbot.policy.environment(self, job), job.event.data
  local size = data and (data.s3 or data).object.size
  variables.Size = size and ("%d"):format(size)
  return variables
end

return policy
