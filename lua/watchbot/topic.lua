--- topic: an SNS topic as something to send to, with the `send` of the queue seam.
-- https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html

local aws = require "watchbot.aws"
local digest = require "watchbot.core".aws

-- Entries a batch, and bytes of all of them together.
local BATCH, LARGEST = 10, 256 * 1024

---@class watchbot.Topic
local Topic = {}
Topic.__index = Topic

local topic = {}

--- A client for the region that a topic's ARN names.
---@param arn string
---@return table? client
---@return string? message
---@return string? code "Usage" when it is no topic's ARN
function topic.client(arn)
  if not arn:match "^arn:[^:]+:sns:[^:]+:[^:]+:.+$" then
    return nil, ("'%s' is no topic: expected arn:aws:sns:REGION:ACCOUNT:NAME"):format(arn), "Usage"
  end
  return aws("sns", { place = arn })
end

---@param arn string
---@return watchbot.Topic?
---@return string? message
---@return string? code
function topic.open(arn)
  local client, message, code = topic.client(arn)
  if not client then return nil, message, code end
  return setmetatable({ arn = arn, client = client, fifo = arn:match "%.fifo$" ~= nil }, Topic)
end

local function attributes_of(message)
  if not message.attributes or next(message.attributes) == nil then return nil end
  local all = {}
  for name, attribute in pairs(message.attributes) do
    all[name] = { DataType = attribute.type, StringValue = attribute.value }
  end
  return all
end

function Topic:entry(message, index)
  return {
    Id = tostring(index), Message = message.body, Subject = message.subject, MessageAttributes = attributes_of(message),
    MessageGroupId = message.group or (self.fifo and "default") or nil,
    -- Without an id of the sender's, one of ours: a call whose answer was lost is repeated, and must not be doubled.
    MessageDeduplicationId = self.fifo and (message.deduplication or digest.uuid()) or nil,
  }
end

function Topic:publish(entries, answers)
  local result, message, code = self.client:PublishBatch { TopicArn = self.arn, PublishBatchRequestEntries = entries }
  if not result then return nil, message, code end
  local by_id = {}
  for _, done in ipairs(result.Successful or {}) do by_id[done.Id] = { id = done.MessageId } end
  for _, failed in ipairs(result.Failed or {}) do
    by_id[failed.Id] = { message = "PublishBatch: " .. (failed.Message or failed.Code), code = failed.Code }
  end
  for _, entry in ipairs(entries) do
    answers[#answers + 1] = by_id[entry.Id] or { message = "PublishBatch: no answer for this message", code = "NoAnswer" }
  end
  return true
end

--- Publishes messages, in batches that SNS takes.
---@param messages table[] as for a queue; a topic knows no delay
---@return ({ id: string }|{ message: string, code: string })[]?
---@return string? message
---@return string? code
function Topic:send(messages)
  local answers, entries, bytes = {}, {}, 0
  for index, message in ipairs(messages) do
    if message.delay then return nil, "a topic cannot delay a message; send it to the queue", "Usage" end
    if #entries == BATCH or (#entries > 0 and bytes + #message.body > LARGEST) then
      local ok, problem, code = self:publish(entries, answers)
      if not ok then return nil, problem, code end
      entries, bytes = {}, 0
    end
    entries[#entries + 1], bytes = self:entry(message, index), bytes + #message.body
  end
  if #entries > 0 then
    local ok, problem, code = self:publish(entries, answers)
    if not ok then return nil, problem, code end
  end
  return answers
end

function Topic:close() -- luacheck: ignore 212
end

return topic
