--- queue.outbox: sends many messages to a service that accepts ten in a call, with a limit of
-- bytes. Each message has its own result. Entries that fail because of the service are sent again;
-- if a call is refused because of its content, each of its messages is tried alone.

local limits = require "watchbot.lib.limits"
local scheduler = require "watchbot.scheduler"

-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html,
-- and PublishBatch of SNS
local BATCH = limits.sqs.batch

-- How often an entry that fails because of the service is sent, and the seconds before the second
-- attempt; each further pause is twice as long.
local TRIES, PAUSE = 5, 0.1

-- Codes of calls that SQS and SNS refuse because of their content.
local content = {
  InvalidMessageContents = true, InvalidAttributeName = true, InvalidAttributeValue = true,
  InvalidParameterValue = true, InvalidParameter = true, InvalidParameterCombination = true,
  ParameterValueInvalid = true, MissingParameter = true, SerializationException = true,
  ValidationException = true, ValidationError = true, UnsupportedOperation = true,
  BatchRequestTooLong = true, MalformedInput = true, MessageTooLong = true,
}

local outbox = {}

---@class watchbot.OutboxOptions
---@field largest integer bytes of a batch
---@field entry fun(message: table): table?, integer|string, string? the entry and its bytes, or why
--- it cannot be sent
---@field call fun(entries: table[]): table[]?, string?, string? a result for each: with MessageId,
--- or { message, code, retry: boolean? }

local Outbox = {}
Outbox.__index = Outbox

local function new_batch()
  return { entries = {}, positions = {}, bytes = 0 }
end

local function add(batch, entry, bytes, position)
  local index = #batch.entries + 1
  batch.entries[index], batch.positions[index] = entry, position
  batch.bytes = batch.bytes + bytes
end

function Outbox:answer(position, answer)
  self.answers[position] = answer
  if self.told then self.told(position, answer) end
end

-- The entries of a batch for which `keep` returns true, as a new batch.
local function part(batch, keep)
  local smaller = new_batch()
  for index, entry in ipairs(batch.entries) do
    if keep(index) then add(smaller, entry, 0, batch.positions[index]) end
  end
  return smaller
end

local function text(value)
  return type(value) == "string" and value ~= "" and value or nil
end

-- The message may have been sent: it is not sent again, nor is it known.
local NO_ID = { message = "the answer has no id of the message", code = "BadAnswer" }

function Outbox:call(batch)
  for index, entry in ipairs(batch.entries) do entry.Id = tostring(index) end
  return self.options.call(batch.entries)
end

-- A call that was refused because of its content: a single message can cause that.
function Outbox:each_alone(batch)
  for index = 1, #batch.entries do
    local ok, err, code = self:deliver(part(batch, function(other) return other == index end))
    if not ok then return nil, err, code end
  end
  return true
end

-- Records final results; entries that failed because of the service form another batch.
function Outbox:take(batch, given, last)
  for index, position in ipairs(batch.positions) do
    local answer = given[index]
    if not answer.code and not text(answer.MessageId) then
      self:answer(position, NO_ID)
    elseif not answer.code then
      self:answer(position, { id = answer.MessageId })
    elseif last or not answer.retry then
      self:answer(position, { message = answer.message, code = answer.code })
    end
  end
  return part(batch, function(index) return given[index].code and given[index].retry end)
end

--- Sends a batch until each message has its result; nil if the service cannot be reached.
function Outbox:deliver(batch)
  for try = 1, TRIES do
    local given, err, code = self:call(batch)
    if not given and content[code] and #batch.entries > 1 then return self:each_alone(batch) end
    if not given and content[code] then
      self:answer(batch.positions[1], { message = err, code = code })
      return true
    end
    if not given then return nil, err, code end
    batch = self:take(batch, given, try == TRIES)
    if #batch.entries == 0 or try == TRIES then return true end
    scheduler.sleep(PAUSE * 2 ^ (try - 1) * (0.5 + math.random() / 2))
  end
end

-- => a function that returns the next batch, nil at the end; refused messages get their results at
-- once
function Outbox:batches(messages)
  local position, options = 0, self.options
  local entry, bytes
  return function()
    local batch = new_batch()
    while position < #messages or entry do
      if not entry then
        position = position + 1
        local code
        entry, bytes, code = options.entry(messages[position])
        if not entry then self:answer(position, { message = bytes, code = code }) end
      end
      local full = #batch.entries == BATCH or batch.bytes + (entry and bytes or 0) > options.largest
      if full and #batch.entries > 0 then break end
      if entry then add(batch, entry, bytes, position) end
      entry = nil
    end
    return #batch.entries > 0 and batch or nil
  end
end

--- Sends messages; each gets its own result, batch by batch. After a call that fails as a whole,
--- and not because of its content, no further call is made: unsent messages get that error and
--- `unsent`.
---@param messages table[]
---@param options watchbot.OutboxOptions
---@param told fun(position: integer, answer: table)? called with each result as soon as it is known
---@return ({ id: string }|{ message: string, code: string, unsent: true? })[]? nil if the first
--- call has failed
---@return string? err
---@return string? code
function outbox.send(messages, options, told)
  local self = setmetatable({ options = options, answers = {}, told = told }, Outbox)
  local sent, failure = false, nil
  for batch in self:batches(messages) do
    local ok, err, code = self:deliver(batch)
    if not ok and not sent and next(self.answers) == nil then return nil, err, code end
    if not ok then
      failure = { message = err, code = code, unsent = true }
      break
    end
    sent = true
  end
  for position = 1, failure and #messages or 0 do
    if not self.answers[position] then self:answer(position, failure) end
  end
  return self.answers
end

-- The ids that we have given are "1", "2"...; an endpoint may answer with anything.
local function position_of(item)
  local id = type(item) == "table" and item.Id
  return id and tostring(id):find "^%d+$" and math.tointeger(tonumber(id)) or nil
end

-- An entry of `Failed` as a result.
local function failed_entry(operation, failed)
  local code = text(failed.Code)
  return {
    message = ("%s: %s"):format(operation,
      text(failed.Message) or code or "refused without a reason"),
    code = code or "Unknown", retry = tostring(failed.SenderFault) ~= "true",
  }
end

--- The results of a batch operation in the order of its entries, whose ids are "1", "2"...
---@param operation string "SendMessageBatch"
---@param result { Successful: table[]?, Failed: table[]? } an empty list may be ""
---@param count integer entries
---@return table[] the entry of `Successful`, or { message, code, retry }
function outbox.answers(operation, result, count)
  local answers = {}
  local function each(list, use)
    for _, item in ipairs(type(list) == "table" and list or {}) do
      local position = position_of(item)
      if position then answers[position] = use(item) end
    end
  end
  each(result.Successful, function(done) return done end)
  each(result.Failed, function(failed) return failed_entry(operation, failed) end)
  for index = 1, count do
    answers[index] = answers[index]
      or { message = operation .. ": no answer for this message", code = "NoAnswer", retry = true }
  end
  return answers
end

return outbox
