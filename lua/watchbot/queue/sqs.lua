--- queue.sqs: the queue seam on Amazon SQS.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
-- Receives are long polls, everything else goes in batches of ten. A body that does not match its MD5 is not handed out.

local aws = require "watchbot.aws"
local digest = require "watchbot.core".aws
local envelope = require "watchbot.envelope"

-- Entries a batch, messages a receive: the most that SQS takes.
local BATCH = 10

-- Bytes of a message, and of a batch of them: 1 MiB.
local LARGEST = 1024 * 1024

-- Long polls at once; only while there are messages, see intake.
local POLLS = 16

-- Seconds that a poll under way may still take at a drain.
local CUT = 1.5

-- Seconds for each try of a delete or a return. SQS answers in a fraction of one; a connection on which nothing is heard any
-- more must not use up the lease.
local ANSWER = 10

-- Seconds for which SQS knows a ReceiveRequestAttemptId again.
local ATTEMPT_LIFE = 300

---@class watchbot.queue.Sqs
local Sqs = {}
Sqs.__index = Sqs

local sqs = {}

--- The codes of the JSON protocol, which older endpoints and the Query protocol give a prefix.
local function plain(code)
  return code and code:gsub("^AWS%.SimpleQueueService%.", "") or code
end

function Sqs:call(operation, parameters, options)
  parameters.QueueUrl = self.name
  local result, message, code = self.client[operation](self.client, parameters, options)
  return result, message, plain(code)
end

-- what a queue says of itself

local function denied(code)
  return code == "AccessDenied" or code == "AccessDeniedException"
end

local function not_allowed(self, action)
  return ("the credentials do not allow '%s' on %s: add the action to the role's policy"):format(action, self.name)
end

function Sqs:attributes()
  local result, message, code = self:call("GetQueueAttributes", { AttributeNames = { "All" } })
  if not result then return nil, message, code end
  return result.Attributes or {}
end

local function max_receives_of(attributes)
  return math.tointeger(tonumber((attributes.RedrivePolicy or ""):match '"maxReceiveCount"%s*:%s*"?(%d+)'))
end

--- Reads what the queue is like. Roles that ecs-watchbot made may not ask for it: that costs only what is said in `warning`.
function Sqs:describe()
  local attributes, message, code = self:attributes()
  if attributes then
    self.max_receives = max_receives_of(attributes)
    return true
  elseif denied(code) then
    self.warning = not_allowed(self, "sqs:GetQueueAttributes") .. "; until then --drain does not work and a notification "
      .. "cannot say which attempt was the last"
    return true
  elseif code == "NonExistentQueue" or code == "QueueDoesNotExist" then
    return nil, ("queue %s does not exist"):format(self.name), code
  end
  return nil, message, code
end

--- Whether what a watcher does all the time is allowed. SQS looks at the permission before it looks at the receipt handle,
--- so a handle that is none tells one from the other and touches no message.
function Sqs:check()
  for _, probe in ipairs {
    { action = "sqs:DeleteMessage", operation = "DeleteMessage", parameters = { ReceiptHandle = "none" } },
    { action = "sqs:ChangeMessageVisibility", operation = "ChangeMessageVisibility",
      parameters = { ReceiptHandle = "none", VisibilityTimeout = 0 } },
  } do
    local ok, _, code = self:call(probe.operation, probe.parameters)
    if not ok and denied(code) then return nil, not_allowed(self, probe.action), code end
  end
  return true
end

---@class watchbot.SqsOptions
---@field client table? an SQS client, instead of one of its own
---@field on_corrupt fun(id: string)? a message was received that does not match its MD5

--- Opens the queue at a URL. Waits in a task.
---@param url string
---@param options watchbot.SqsOptions
---@return watchbot.queue.Sqs?
---@return string? message
---@return string? code
function sqs.open(url, options)
  local client, problem, problem_code = options.client, nil, nil
  if not client then client, problem, problem_code = aws("sqs", { place = url }) end
  if not client then return nil, problem, problem_code end
  local fifo = url:match "%.fifo$" ~= nil
  local self = setmetatable({
    name = url, client = client, fifo = fifo, embedded = false, batch = fifo and 1 or BATCH, settle_batch = BATCH,
    polls = POLLS, gather = 0.1, linger = 0.05, cut = CUT, lost_attempts = {}, on_corrupt = options.on_corrupt,
  }, Sqs)
  local ok, message, code = self:describe()
  if not ok then return nil, message, code end
  return self
end

-- receiving

local function integer(text)
  return math.tointeger(tonumber(text))
end

local function attributes_of(message)
  local attributes = {}
  for name, attribute in pairs(message.MessageAttributes or {}) do
    attributes[name] = { type = attribute.DataType, value = attribute.StringValue or attribute.BinaryValue }
  end
  return attributes
end

local function message_of(message)
  local system = message.Attributes or {}
  return {
    id = message.MessageId, receipt = message.ReceiptHandle, body = message.Body, attributes = attributes_of(message),
    receives = integer(system.ApproximateReceiveCount) or 1, sent = integer(system.SentTimestamp),
    first_received = integer(system.ApproximateFirstReceiveTimestamp), group = system.MessageGroupId,
    deduplication = system.MessageDeduplicationId, sequence = system.SequenceNumber,
  }
end

-- A message without a body that matches its MD5 is not run; it comes back by its visibility.
local function is_sound(message)
  return type(message.Body) == "string" and type(message.MessageId) == "string" and type(message.ReceiptHandle) == "string"
    and (not message.MD5OfBody or message.MD5OfBody == digest.md5(message.Body))
end

--- The answer of a FIFO receive may have been lost with messages in it: asking again with its id brings the same ones, instead
--- of a group that stands still until they are visible again.
function Sqs:attempt()
  local now = os.time()
  for index, attempt in ipairs(self.lost_attempts) do
    table.remove(self.lost_attempts, index)
    if now - attempt.time < ATTEMPT_LIFE then return attempt end
  end
  return { id = digest.uuid(), time = now }
end

---@param max integer
---@param wait number seconds, at most 20
---@param visibility number seconds
---@return table[]? messages
---@return string? message
---@return string? code
function Sqs:receive(max, wait, visibility)
  local attempt = self.fifo and self:attempt() or nil
  wait = math.floor(math.max(0, math.min(wait, 20)))
  local result, message, code = self:call("ReceiveMessage", {
    MaxNumberOfMessages = math.max(1, math.min(max, self.batch)), WaitTimeSeconds = wait,
    VisibilityTimeout = math.ceil(visibility), MessageSystemAttributeNames = { "All" }, AttributeNames = { "All" },
    MessageAttributeNames = { "All" }, ReceiveRequestAttemptId = attempt and attempt.id,
  })
  if not result then
    if attempt then table.insert(self.lost_attempts, attempt) end
    if denied(code) then message = not_allowed(self, "sqs:ReceiveMessage") end
    return nil, message, code
  end
  local messages = {}
  for _, received in ipairs(result.Messages or {}) do
    if is_sound(received) then
      messages[#messages + 1] = message_of(received)
    elseif self.on_corrupt then
      self.on_corrupt(tostring(received.MessageId))
    end
  end
  return messages
end

-- settling and sending

--- Sends a batch; the answers in the order of the entries: true or what is in `Successful`, or { message, code }.
function Sqs:batch_call(operation, entries, options)
  for index, entry in ipairs(entries) do entry.Id = tostring(index) end
  local result, message, code = self:call(operation, { Entries = entries }, options)
  if not result then return nil, message, code end
  local answers = {}
  for _, done in ipairs(result.Successful or {}) do answers[integer(done.Id) or 0] = done end
  for _, failed in ipairs(result.Failed or {}) do
    answers[integer(failed.Id) or 0] = {
      message = ("%s: %s"):format(operation, failed.Message or failed.Code), code = plain(failed.Code) or "Unknown",
    }
  end
  for index = 1, #entries do
    answers[index] = answers[index] or { message = operation .. ": no answer for this message", code = "NoAnswer" }
  end
  return answers
end

local function settled(answers, message, code)
  if not answers then return nil, message, code end
  for index, answer in ipairs(answers) do
    if not answer.code then answers[index] = true end
  end
  return answers
end

---@param receipts string[] at most ten
---@return (true|{ message: string, code: string })[]?
---@return string? message
---@return string? code
function Sqs:delete(receipts)
  local entries = {}
  for index, receipt in ipairs(receipts) do entries[index] = { ReceiptHandle = receipt } end
  return settled(self:batch_call("DeleteMessageBatch", entries, { timeout = ANSWER }))
end

---@param delays { receipt: string, seconds: number }[] at most ten
---@param within number? seconds after which the answer is worth nothing any more; there is time for a second try in it
---@return (true|{ message: string, code: string })[]?
---@return string? message
---@return string? code
function Sqs:delay(delays, within)
  local entries = {}
  for index, delay in ipairs(delays) do
    entries[index] = { ReceiptHandle = delay.receipt, VisibilityTimeout = math.ceil(delay.seconds) }
  end
  local options = { timeout = within and within / 2 or ANSWER, within = within }
  return settled(self:batch_call("ChangeMessageVisibilityBatch", entries, options))
end

local function message_attributes(attributes)
  if not attributes or next(attributes) == nil then return nil end
  local all = {}
  for name, attribute in pairs(attributes) do
    all[name] = { DataType = attribute.type, StringValue = attribute.value }
  end
  return all
end

local function entry_of(self, message)
  return {
    MessageBody = message.subject and envelope.wrap(message.subject, message.body) or message.body,
    DelaySeconds = message.delay and not self.fifo and math.ceil(message.delay) or nil,
    MessageAttributes = message_attributes(message.attributes),
    MessageGroupId = message.group or (self.fifo and "default") or nil,
    -- Without an id of the sender's, one of ours: a send whose answer was lost is repeated, and must not be doubled.
    MessageDeduplicationId = self.fifo and (message.deduplication or digest.uuid()) or nil,
  }
end

--- Sends messages, in batches that SQS takes. A subject travels in an envelope like that of SNS.
---@param messages table[]
---@return ({ id: string }|{ message: string, code: string })[]?
---@return string? message
---@return string? code
function Sqs:send(messages)
  local answers, entries, bytes = {}, {}, 0
  local function flush()
    if #entries == 0 then return true end
    local batch, message, code = self:batch_call("SendMessageBatch", entries)
    if not batch then return nil, message, code end
    for _, answer in ipairs(batch) do answers[#answers + 1] = answer.code and answer or { id = answer.MessageId } end
    entries, bytes = {}, 0
    return true
  end
  for _, message in ipairs(messages) do
    local entry = entry_of(self, message)
    local size = #entry.MessageBody
    if #entries == BATCH or bytes + size > LARGEST then
      local ok, problem, code = flush()
      if not ok then return nil, problem, code end
    end
    entries[#entries + 1], bytes = entry, bytes + size
  end
  local ok, message, code = flush()
  if not ok then return nil, message, code end
  return answers
end

--- How many messages there are, approximately.
---@return { visible: integer, delayed: integer, in_flight: integer }?
---@return string? message
---@return string? code
function Sqs:counts()
  local attributes, message, code = self:attributes()
  if not attributes then return nil, message, code end
  return {
    visible = integer(attributes.ApproximateNumberOfMessages) or 0,
    delayed = integer(attributes.ApproximateNumberOfMessagesDelayed) or 0,
    in_flight = integer(attributes.ApproximateNumberOfMessagesNotVisible) or 0,
  }
end

--- How many requests went to SQS, tries that were repeated included.
---@return integer
function Sqs:api_calls()
  return self.client.requests
end

function Sqs:close() -- luacheck: ignore 212
end

return sqs
