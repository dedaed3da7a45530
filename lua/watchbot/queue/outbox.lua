--- outbox: sends many messages to a service that takes ten a call, and so many bytes.
-- What the service would refuse is refused here, each message for itself: there it could be the end of its whole batch.

local attributes = require "watchbot.message.attributes"
local limits = require "watchbot.lib.limits"

-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html, and PublishBatch of SNS
local BATCH = limits.sqs.batch

local outbox = {}

--- Whether the service takes this body: how many bytes it counts, or why not.
---@param body string
---@param more table<string, { type: string, value: string }>? message attributes
---@param largest integer bytes
---@return integer? bytes
---@return string? message
---@return string? code
function outbox.measure(body, more, largest)
  local bytes = #body + attributes.bytes(more)
  if body == "" then return nil, "the message is empty, which AWS does not take", "EmptyMessage" end
  if bytes > largest then
    return nil, ("the message has %d bytes with its attributes, more than the %d that AWS takes"):format(bytes, largest),
      "MessageTooLong"
  elseif not utf8.len(body) or body:find "[%z\1-\8\11\12\14-\31]" then
    return nil, "the message is not text: AWS takes UTF-8 without control characters; encode it, as base64 for example",
      "InvalidMessageContents"
  end
  return bytes
end

local Batch = {}
Batch.__index = Batch

local function new_batch()
  return setmetatable({ entries = {}, positions = {}, bytes = 0 }, Batch)
end

function Batch:add(entry, bytes, position)
  local index = #self.entries + 1
  entry.Id = tostring(index)
  self.entries[index], self.positions[index], self.bytes = entry, position, self.bytes + bytes
end

-- Puts the answers of the entries where those of their messages belong.
function Batch:answer(answers, given)
  for index, position in ipairs(self.positions) do
    local answer = given[index]
    answers[position] = answer.code and answer or { id = answer.MessageId }
  end
end

-- => batches ; what is refused has its answer already
local function pack(messages, largest, make_entry, answers)
  local batches, batch = {}, nil
  for position, message in ipairs(messages) do
    local entry, bytes, code = make_entry(message)
    if not entry then
      answers[position] = { message = bytes, code = code }
    else
      if not batch or #batch.entries == BATCH or batch.bytes + bytes > largest then
        batch = new_batch()
        batches[#batches + 1] = batch
      end
      batch:add(entry, bytes, position)
    end
  end
  return batches
end

---@class watchbot.OutboxOptions
---@field largest integer bytes of a batch
---@field entry fun(message: table): table?, integer|string, string? the entry and its bytes, or why there is none
---@field call fun(entries: table[]): table[]?, string?, string? an answer for each: with MessageId, or { message, code }

--- Sends messages; each gets its own answer. After a call that fails as a whole no other one is made.
---@param messages table[]
---@param options watchbot.OutboxOptions
---@return ({ id: string }|{ message: string, code: string })[]? nil when nothing at all was sent
---@return string? message
---@return string? code
function outbox.send(messages, options)
  local answers, failure = {}, nil
  for index, batch in ipairs(pack(messages, options.largest, options.entry, answers)) do
    local given, message, code
    if not failure then given, message, code = options.call(batch.entries) end
    if given then
      batch:answer(answers, given)
    else
      if index == 1 then return nil, message, code end
      failure = failure or { message = message, code = code }
      for _, position in ipairs(batch.positions) do answers[position] = failure end
    end
  end
  return answers
end

--- The answers of a batch operation in the order of its entries, whose ids are "1", "2"...
---@param operation string "SendMessageBatch"
---@param result { Successful: table[]?, Failed: table[]? } of which an empty list may be ""
---@param count integer entries
---@return table[] what is in `Successful`, or { message, code }
function outbox.answers(operation, result, count)
  local answers = {}
  local function each(list, use)
    for _, item in ipairs(type(list) == "table" and list or {}) do
      answers[math.tointeger(tonumber(item.Id)) or 0] = use(item)
    end
  end
  each(result.Successful, function(done) return done end)
  each(result.Failed, function(failed)
    return { message = ("%s: %s"):format(operation, failed.Message or failed.Code), code = failed.Code or "Unknown" }
  end)
  for index = 1, count do
    answers[index] = answers[index] or { message = operation .. ": no answer for this message", code = "NoAnswer" }
  end
  return answers
end

return outbox
