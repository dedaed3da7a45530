--- dead_letters.pair: which SQS queue holds whose dead letters.
-- A queue's RedrivePolicy names its dead-letter queue by ARN; the URL differs from the queue's own in account and name alone,
-- whatever endpoint that has. The other way round, SQS lists the sources of a dead-letter queue.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html

local sqs = require "watchbot.queue.sqs"

local pair = {}

--- The URL of the queue with this ARN, at the endpoint of another queue's URL.
---@param arn string "arn:aws:sqs:eu-west-1:123456789012:jobs-dead"
---@param like string URL
---@return string? url
function pair.url(arn, like)
  local account, name = arn:match "^arn:[^:]*:sqs:[^:]*:(%d+):([%w_.-]+)$"
  return account and (like:gsub("[^/]+/[^/]+/?$", ("%s/%s"):format(account, name)))
end

--- Where messages go that were received too often.
---@param attributes table<string, string> of GetQueueAttributes
---@return string? arn
---@return integer? max_receives
function pair.redrive(attributes)
  local policy = attributes.RedrivePolicy or ""
  return policy:match '"deadLetterTargetArn"%s*:%s*"([^"]+)"',
    math.tointeger(tonumber(policy:match '"maxReceiveCount"%s*:%s*"?(%d+)'))
end

--- The queues whose dead letters are in this one.
---@param queue watchbot.queue.Sqs
---@return string[]? urls
---@return string? message
---@return string? code
function pair.sources(queue)
  local urls, token = {}, nil
  repeat
    -- NextToken comes only where MaxResults was asked for.
    local page, message, code = queue:call("ListDeadLetterSourceQueues", { MaxResults = 1000, NextToken = token })
    if not page then return nil, message, code end
    -- The API reference has a lower-case name there, and so has the answer.
    for _, url in ipairs(page.queueUrls or page.QueueUrls or {}) do urls[#urls + 1] = url end
    token = page.NextToken ~= "" and page.NextToken or nil
  until not token
  return urls
end

local function sibling(queue, url)
  return sqs.open(url, { client = queue.client })
end

-- The URL that was given is that of a dead-letter queue itself.
local function from_dead(dead)
  local urls, message, code = pair.sources(dead)
  if not urls then return nil, message, code end
  if #urls == 0 then
    return nil, ("queue %s has no dead-letter queue (no RedrivePolicy), and it is that of no other queue"):format(dead.name),
      "NoDeadLetters"
  end
  return { dead = dead, main = #urls == 1 and sibling(dead, urls[1]) or nil, sources = urls }
end

local function from_queue(queue)
  local attributes, message, code = queue:attributes()
  if not attributes and code == "NotAllowed" then
    return nil, message .. "; or name the other queue with --dead-letter-queue", code
  elseif not attributes then
    return nil, message, code
  end
  local arn = pair.redrive(attributes)
  if not arn then return from_dead(queue) end
  local url = pair.url(arn, queue.name)
  if not url then
    return nil, ("queue %s: its dead letters go to '%s', which is no queue"):format(queue.name, arn), "NoDeadLetters"
  end
  return { main = queue, dead = sibling(queue, url) }
end

--- Finds both queues. Waits in a task.
---@param queue watchbot.queue.Sqs the first of the two URLs that were given
---@param options watchbot.DeadLettersOptions
---@return { dead: watchbot.queue.Sqs, main: watchbot.queue.Sqs?, sources: string[]? }? found `main` is nil where the letters
--- of several queues are in one
---@return string? message
---@return string? code "NoDeadLetters"
function pair.find(queue, options)
  local url = options.dead_letter_queue
  if not url then return from_queue(queue) end
  if options.queue then return { main = queue, dead = sibling(queue, url) } end
  local found = from_dead(queue)
  -- Whatever SQS says, this is the queue that is meant.
  return found or { dead = queue }
end

return pair
