-- Priorities by subject, for senders that know nothing of priorities: this policy takes each
-- message as it comes and puts it into the queue of the workers, urgent subjects first.
-- work.lua is the policy of the workers.
local watchbot = require "watchbot"

local WORK = os.getenv "WORK_QUEUE" or "sqlite:work.db"

-- From -100 to 100; other subjects have 0.
local PRIORITIES = { password = 100, invoice = 10, newsletter = -10 }

local queue

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db",
  -- The id as deduplication id: killed before the delete, the message is not put in twice.
  handler = function(job)
    local answers, err = queue:send { {
      body = job.message, subject = job.subject, attributes = job.attributes,
      deduplication = job.id, priority = PRIORITIES[job.subject],
    } }
    if not answers then return nil, err end
    if not answers[1].id then return nil, answers[1].message end
  end,
}

function policy:start() -- luacheck: ignore 212
  queue = assert(watchbot.queue.open(WORK))
end

function policy:stop() -- luacheck: ignore 212
  queue:close()
end

return policy
