--- dead_letters.pair: which SQS queue is the dead-letter queue of which queue.
-- A queue's RedrivePolicy has its dead-letter queue (queue.sqs.redrive); in the other direction,
-- SQS lists the sources of a dead-letter queue.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
-- API_ListDeadLetterSourceQueues.html

local redrive = require "watchbot.queue.sqs.redrive"

local pair = {}

--- The queues with this dead-letter queue.
---@param queue watchbot.queue.Sqs
---@return string[]? urls
---@return string? err
---@return string? code
function pair.sources(queue)
  local urls, token = {}, nil
  repeat
    -- SQS returns NextToken only if MaxResults was set.
    local page, err, code = queue:call("ListDeadLetterSourceQueues", {
      MaxResults = 1000, NextToken = token,
    })
    if not page then return nil, err, code end
    -- The API reference has a lower-case name there, and so has the response.
    for _, url in ipairs(page.queueUrls or page.QueueUrls or {}) do urls[#urls + 1] = url end
    token = page.NextToken ~= "" and page.NextToken or nil
  until not token
  return urls
end

-- The given URL is that of a dead-letter queue itself.
local function from_dead(dead)
  local urls, err, code = pair.sources(dead)
  if not urls then return nil, err, code end
  if #urls == 0 then
    return nil, ("queue %s has no dead-letter queue (no RedrivePolicy), and it is that of no "
      .. "other queue"):format(dead.name),
      "NoDeadLetters"
  end
  return { dead = dead, main = #urls == 1 and dead:sibling(urls[1]) or nil, sources = urls }
end

local function from_queue(queue)
  local attributes, err, code = queue:attributes()
  if not attributes and code == "NotAllowed" then
    return nil, err .. "; or name the other queue with --dead-letter-queue", code
  elseif not attributes then
    return nil, err, code
  end
  local arn = redrive.read(attributes)
  if not arn then return from_dead(queue) end
  local url = redrive.url(arn, queue.name)
  if not url then
    return nil, ("queue %s: its dead-letter queue '%s' is not an SQS queue"):format(queue.name,
      arn), "NoDeadLetters"
  end
  return { main = queue, dead = queue:sibling(url) }
end

--- Finds both queues. Waits in a task.
---@param queue watchbot.queue.Sqs the first of the two given URLs
---@param options watchbot.DeadLettersOptions
---@return { dead: watchbot.queue.Sqs, main: watchbot.queue.Sqs?, sources: string[]? }? found `main`
--- is nil if the dead-letter queue has several sources
---@return string? err
---@return string? code "NoDeadLetters"
function pair.find(queue, options)
  local url = options.dead_letter_queue
  if not url then return from_queue(queue) end
  if options.queue then return { main = queue, dead = queue:sibling(url) } end
  local found = from_dead(queue)
  -- The given queue is used, whatever SQS returns.
  return found or { dead = queue }
end

return pair
