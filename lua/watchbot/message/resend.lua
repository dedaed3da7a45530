--- resend: prepares a message that was in a queue before to be sent again.
-- A deduplication id that the queue has seen in the last five minutes would be accepted, but the
-- message dropped: so it gets a new one, and the original becomes an attribute if there is space.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
-- sqs-message-metadata.html

local attributes = require "watchbot.message.attributes"
local burial = require "watchbot.message.burial"
local limits = require "watchbot.lib.limits"

-- SQS's limits for a message: the number of attributes, and bytes in total.
local MOST_ATTRIBUTES, LARGEST = limits.sqs.attributes, limits.sqs.message

local NAME = attributes.DEDUPLICATION

local function has_room(message, id)
  local count = 0
  for _ in pairs(message.attributes or {}) do count = count + 1 end
  local bytes = #message.body + #(message.subject or "") + attributes.bytes(message.attributes)
  return count < MOST_ATTRIBUTES and bytes + #NAME + #"String" + #id <= LARGEST
end

-- The first id is the one that its sender knows.
local function with_id(message)
  local all = burial.strip(message.attributes)
  local id = message.deduplication
  if id and not all[NAME] and has_room(message, id) then
    all[NAME] = { type = "String", value = id }
  end
  return all
end

--- The message to send.
---@param message table a received message, a dead letter, or a saved message
---@return watchbot.Outgoing
return function(message)
  return {
    body = message.body, subject = message.subject, group = message.group,
    attributes = with_id(message), trace = message.trace,
  }
end
