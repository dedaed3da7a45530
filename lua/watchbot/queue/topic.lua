--- topic: an SNS topic to send messages to, with the `send` of the queue interface.
-- https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html

local attributes = require "watchbot.message.attributes"
local aws = require "watchbot.aws"
local denied = require "watchbot.aws.denied"
local uuid = require("watchbot.core").aws.uuid
local limits = require "watchbot.lib.limits"
local outbox = require "watchbot.queue.outbox"
local outgoing = require "watchbot.queue.outgoing"

-- Bytes of a message, and of a batch of them.
local LARGEST = limits.sns.message

---@class watchbot.Topic
local Topic = {}
Topic.__index = Topic
Topic.__name = "watchbot.queue.topic"

local topic = {}

--- A client for the region in a topic's ARN: the topic exists only there.
---@param arn string
---@return table? client
---@return string? err
---@return string? code "Usage" if it is not the ARN of a topic
function topic.client(arn)
  local region, name = arn:match "^arn:[%w-]+:sns:([%l%d-]+):%d+:([%w_.-]+)$"
  if not region or name:gsub("%.fifo$", ""):find(".", 1, true) then
    return nil, ("'%s' is not a topic: expected arn:aws:sns:REGION:ACCOUNT:NAME"):format(arn),
      "Usage"
  end
  return aws("sns", { region = region })
end

--- The `err, code` of a failed call, with the reason if it is the topic.
---@param arn string
---@param err string
---@param code string
---@return string err
---@return string code "NotAllowed" for a permission that is missing
function topic.explain(arn, err, code)
  if code == "NotFound" then return ("topic %s does not exist"):format(arn), code end
  return denied.explain("sns:Publish", arn, err, code)
end

---@param arn string
---@param options { overflow: watchbot.Overflow? }?
---@return watchbot.Topic?
---@return string? err
---@return string? code
function topic.open(arn, options)
  local client, err, code = topic.client(arn)
  if not client then return nil, err, code end
  return setmetatable({
    arn = arn, client = client, fifo = arn:match "%.fifo$" ~= nil, largest = LARGEST,
    overflow = options and options.overflow,
  }, Topic)
end

function Topic:refusal(message)
  if message.priority then return "SNS has no priorities; an embedded queue does" end
  if message.delay then return "a topic cannot delay a message; send it to the queue" end
  if message.deduplication and not self.fifo then
    return "only FIFO topics know a deduplication id"
  end
end

local function is_subject(subject)
  local length = outgoing.is_text(subject) and utf8.len(subject) or 0
  return length > 0 and length <= limits.sns.subject and not subject:find "[\r\n\t]"
end

-- Several queues may get the message, so that none of them may delete what it points to.
function Topic:entry(message)
  local entry, bytes, code = self:plain_entry(message)
  if entry or not self.overflow or not outgoing.offloaded[code] then return entry, bytes, code end
  local pointing, err
  pointing, err, code = self.overflow:offload(message, true)
  if not pointing then return nil, err, code end
  return self:plain_entry(pointing)
end

function Topic:plain_entry(message)
  local refusal = self:refusal(message)
  if refusal then return nil, ("topic %s: %s"):format(self.arn, refusal), "Usage" end
  if message.subject and not is_subject(message.subject) then
    return nil, ("SNS takes a subject of 1 to %d characters in one line"):format(
      limits.sns.subject),
      "InvalidSubject"
  end
  local bytes, problem, code = outgoing.measure(message.body, message, limits.sns)
  if not bytes then return nil, problem, code end
  return {
    Message = message.body, Subject = message.subject,
    MessageAttributes = attributes.encode(message.attributes),
    MessageGroupId = message.group or (self.fifo and "default") or nil,
    -- Without an id from the sender, one is generated: a call whose response was lost is repeated,
    -- and must not create a duplicate.
    MessageDeduplicationId = self.fifo and (message.deduplication or uuid()) or nil,
  }, bytes
end

function Topic:publish(entries)
  local result, err, code = self.client:PublishBatch {
    TopicArn = self.arn, PublishBatchRequestEntries = entries,
  }
  if not result then return nil, topic.explain(self.arn, err, code) end
  return outbox.answers("PublishBatch", result, #entries)
end

--- Publishes messages in batches.
---@param messages table[] as for a queue, but without delays
---@param told fun(position: integer, answer: table)? called with each result as soon as it is known
---@return ({ id: string }|{ message: string, code: string })[]? nil if none was sent
---@return string? err
---@return string? code
function Topic:send(messages, told)
  return outbox.send(messages, {
    largest = LARGEST,
    entry = function(message) return self:entry(message) end,
    call = function(entries) return self:publish(entries) end,
  }, told)
end

function Topic:close() -- luacheck: ignore 212
end

return topic
