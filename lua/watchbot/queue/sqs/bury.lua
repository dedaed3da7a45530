--- queue.sqs.bury: moves a message to the dead-letter queue at once: sends it there, and deletes it
-- here once SQS has confirmed that. After an interruption a message may be in both queues, but is
-- never lost.

local burial = require "watchbot.message.burial"
local recent = require "watchbot.lib.recent"
local redrive = require "watchbot.queue.sqs.redrive"
local scheduler = require "watchbot.scheduler"

-- Seconds after which the RedrivePolicy is read again.
local FRESH = 60

-- Messages remembered as sent, though they may not be deleted yet.
local REMEMBERED = 1000

-- SQS's errors if the RedrivePolicy names a deleted queue.
local gone = { NonExistentQueue = true, QueueDoesNotExist = true }

local function none(queue, why)
  queue.dead = nil
  return nil, ("queue %s %s"):format(queue.name, why), "NoDeadLetterQueue"
end

-- => the dead-letter queue | nil err code
local function dead_of(queue)
  local now = scheduler.now()
  if queue.dead and now - queue.dead_asked < FRESH then return queue.dead end
  local attributes, err, code = queue:attributes()
  if not attributes then return nil, err, code end
  local arn = redrive.read(attributes)
  if not arn then return none(queue, "has no dead-letter queue (no RedrivePolicy)") end
  local url = redrive.url(arn, queue.name)
  if not url then
    return none(queue, ("has '%s' for a dead-letter queue, not an ARN"):format(arn))
  end
  if url == queue.name then return none(queue, "is its own dead-letter queue") end
  if not queue.dead or queue.dead.name ~= url then queue.dead = queue:sibling(url) end
  queue.dead_asked = now
  return queue.dead
end

-- The deduplication id is the message's own: repeating a bury whose response was lost does not send
-- it twice.
local function outgoing(queue, dead, message, reason)
  local attributes, note = burial.mark(message, reason, queue.name)
  return {
    body = message.body, attributes = attributes, group = message.group, trace = message.trace,
    deduplication = dead.fifo and "watchbot-" .. message.id or nil,
  }, note
end

-- => note or false, once the message is in the dead-letter queue | nil err code
local function send(queue, message, reason)
  local dead, err, code = dead_of(queue)
  if not dead then return nil, err, code end
  local letter, note = outgoing(queue, dead, message, reason)
  local answers
  answers, err, code = dead:send { letter }
  if not answers and gone[code] then
    return none(queue, "has a dead-letter queue that does not exist: " .. err)
  end
  if not answers then return nil, err, code end
  if not answers[1].id then return nil, answers[1].message, answers[1].code end
  return note or false
end

--- Moves a message to the dead-letter queue. Waits in a task; may be repeated after a failure.
---@param queue watchbot.queue.Sqs
---@param receipt string
---@param message watchbot.Message as received
---@param reason string? the reason to store with it
---@return true? ok
---@return string? err; or, with `ok`, a note for the log
---@return string? code "NoDeadLetterQueue"; "NotAllowed", which names the IAM action
return function(queue, receipt, message, reason)
  queue.buried = queue.buried or recent.new(REMEMBERED)
  local note = queue.buried:get(message.id)
  if note == nil then
    local err, code
    note, err, code = send(queue, message, reason)
    if note == nil then return nil, err, code end
    queue.buried:set(message.id, note)
  end
  local ok, err, code = queue:delete(receipt)
  if ok then return true, note or nil end
  return nil, "in the dead-letter queue, but not deleted here: " .. err, code
end
