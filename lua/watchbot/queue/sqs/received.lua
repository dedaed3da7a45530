--- queue.sqs.received: the messages in the answer to a receive. An endpoint that is not AWS may
-- answer with anything: what cannot be used is left out.

local attributes = require "watchbot.message.attributes"
local core = require "watchbot.core"

-- Text of another form is no MD5, and nothing can be checked by it.
local MD5_DIGITS = 32

local received = {}

local function integer(text)
  return math.tointeger(tonumber(text))
end

local function text(value)
  return type(value) == "string" and value or nil
end

local function message_of(message, leased)
  local system = type(message.Attributes) == "table" and message.Attributes or {}
  return {
    id = message.MessageId, receipt = message.ReceiptHandle, body = message.Body, leased = leased,
    attributes = attributes.decode(message.MessageAttributes),
    receives = math.max(1, integer(system.ApproximateReceiveCount) or 1),
    sent = integer(system.SentTimestamp),
    first_received = integer(system.ApproximateFirstReceiveTimestamp),
    group = text(system.MessageGroupId), deduplication = text(system.MessageDeduplicationId),
    sequence = text(system.SequenceNumber), source = text(system.DeadLetterQueueSourceArn),
    sender = text(system.SenderId), trace = text(system.AWSTraceHeader),
  }
end

local said_unchecked = false

-- OpenSSL in FIPS mode has no MD5. Then messages are accepted unchecked, because TLS has checked
-- them, too.
local function say_unchecked(warn, why)
  if said_unchecked then return end
  said_unchecked = true
  if warn then warn(("the MD5 of received messages is not checked: %s"):format(why)) end
end

local function is_filled(value)
  return text(value) ~= nil and value ~= ""
end

-- A message whose body does not match its MD5 is not run; it becomes visible again after its
-- visibility timeout.
local function is_sound(message, warn)
  if not (text(message.Body) and is_filled(message.MessageId)
    and is_filled(message.ReceiptHandle)) then
    return false
  end
  local given = text(message.MD5OfBody)
  if not given or #given ~= MD5_DIGITS or not given:find "^%x+$" then return true end
  local md5, why = core.aws.md5(message.Body)
  if not md5 then say_unchecked(warn, why) end
  return not md5 or md5 == given:lower()
end

--- The intact messages of an answer.
---@param list any its `Messages`
---@param warn fun(text: string)?
---@param corrupt fun(id: string)? is called for each of the others
---@param leased number? boottime at which their leases began, at the latest: SQS answers before the
--- wait of a poll is over, and the answer may be under way for seconds
---@return table[]
function received.messages(list, warn, corrupt, leased)
  local messages = {}
  for _, message in ipairs(type(list) == "table" and list or {}) do
    if type(message) ~= "table" then message = {} end
    if is_sound(message, warn) then
      messages[#messages + 1] = message_of(message, leased)
    elseif corrupt then
      corrupt(tostring(message.MessageId))
    end
  end
  return messages
end

return received
