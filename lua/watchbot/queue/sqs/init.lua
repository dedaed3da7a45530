--- queue.sqs: the queue interface on Amazon SQS.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
-- Receives are long polls; everything else is sent in batches of ten. A message whose body does not
-- match its MD5 is not run.

local attributes = require "watchbot.message.attributes"
local aws = require "watchbot.aws"
local batcher = require "watchbot.queue.sqs.batcher"
local bury = require "watchbot.queue.sqs.bury"
local denied = require "watchbot.aws.denied"
local core = require "watchbot.core"
local envelope = require "watchbot.message.envelope"
local limits = require "watchbot.lib.limits"
local outbox = require "watchbot.queue.outbox"
local outgoing = require "watchbot.queue.outgoing"
local pauses = require "watchbot.queue.sqs.pauses"
local permissions = require "watchbot.queue.sqs.permissions"
local received = require "watchbot.queue.sqs.received"
local redrive = require "watchbot.queue.sqs.redrive"
local scheduler = require "watchbot.scheduler"
local xray = require "watchbot.trace.xray"

-- Entries in a batch, and messages of a receive: SQS's limit.
local BATCH = limits.sqs.batch

-- Bytes of a message and of a batch: 1 MiB.
local LARGEST = limits.sqs.message

-- Concurrent long polls; only while there are messages, see intake.
local POLLS = 16

-- Seconds of the longest poll.
local LONGEST_WAIT = limits.sqs.wait

-- Seconds that a running poll may still take when draining.
local CUT = 1.5

-- Seconds that a delete or a return waits for others, by default.
local LINGER = 0.05

-- Timeout in seconds of each attempt of a delete or a return. SQS responds in a fraction of a
-- second; a dead connection must not use up the lease.
local ANSWER = 10

-- Seconds for which SQS remembers a ReceiveRequestAttemptId.
local ATTEMPT_LIFE = 300

---@class watchbot.queue.Sqs
---@field takes_trace boolean a message may have the trace header of AWS X-Ray
local Sqs = { takes_trace = true }
Sqs.__index = Sqs

Sqs.__name = "watchbot.queue.sqs"

local sqs = {}

--- Error codes of the JSON protocol; older endpoints and the Query protocol add a prefix.
local function plain(code)
  return code and code:gsub("^AWS%.SimpleQueueService%.", "") or code
end

-- Attributes of the queue.

--- The `err, code` of a failed call; a missing permission is reported with its IAM action, and
--- always with the same code.
function Sqs:explain(operation, err, code)
  if denied.is(code) then
    return denied.message("sqs:" .. operation:gsub("Batch$", ""), self.name, err)
  elseif code == "NonExistentQueue" or code == "QueueDoesNotExist" then
    return ("queue %s does not exist"):format(self.name), code
  end
  return err, code
end

function Sqs:call(operation, parameters, options)
  parameters.QueueUrl = self.name
  local result, err, code, began = self.client[operation](self.client, parameters, options)
  if result then return result, nil, nil, began end
  return nil, self:explain(operation, err, plain(code))
end

function Sqs:attributes()
  local result, err, code = self:call("GetQueueAttributes", { AttributeNames = { "All" } })
  if not result then return nil, err, code end
  return type(result.Attributes) == "table" and result.Attributes or {}
end

--- See queue/sqs/permissions.lua.
Sqs.permissions = permissions.list

--- Whether the queue exists and a watcher has the permissions that it needs all the time; the
--- permission to receive only shows in a receive. Reads `max_receives`. A role may lack the
--- permission for that: then `warning` has the consequences.
---@return true? ok
---@return string? err
---@return string? code "NotAllowed"
function Sqs:check()
  local found, err, code = self:attributes()
  if found then
    self.arn = found.QueueArn
    self.max_receives = select(2, redrive.read(found))
  elseif code == "NotAllowed" then
    self.warning = err .. "; without it --drain does not work and a notification cannot say "
      .. "which attempt is the last"
  else
    return nil, err, code
  end
  return permissions.check(self)
end

---@class watchbot.SqsOptions
---@field client table? an SQS client, instead of a new one
---@field visibility number? visibility timeout in seconds, unless `receive` sets one; default: the
--- queue's
---@field on_corrupt fun(id: string)? called if a received message does not match its MD5

--- Opens the queue at a URL. Makes no request: `check`, or the first call, reports errors.
---@param url string
---@param options watchbot.SqsOptions
---@return watchbot.queue.Sqs?
---@return string? err
---@return string? code
function sqs.open(url, options)
  local client, problem, problem_code = options.client, nil, nil
  if not client then
    client, problem, problem_code = aws("sqs", { place = url, warn = options.warn })
  end
  if not client then return nil, problem, problem_code end
  local fifo = url:match "%.fifo$" ~= nil
  local self = setmetatable({
    name = url, client = client, fifo = fifo, embedded = false, batch = fifo and 1 or BATCH,
    polls = POLLS, gather = 0.1, cut = CUT, visibility = options.visibility, lost_attempts = {},
    on_corrupt = options.on_corrupt, overflow = options.overflow,
  }, Sqs)
  self:make_batches(options.linger or LINGER)
  return self
end

-- receiving

local function integer(text)
  return math.tointeger(tonumber(text))
end

--- How many messages a receive of a FIFO queue may bring: 1, unless the watcher keeps the order of
--- each group.
---@param count integer
function Sqs:share(count)
  if self.fifo then self.batch = math.min(count, BATCH) end
end

--- The answer of a FIFO receive may have been lost with messages in it: asking again with its id
--- brings the same ones, instead of a group that stands still until they are visible again.
function Sqs:attempt()
  local now = scheduler.now()
  while self.lost_attempts[1] do
    local attempt = table.remove(self.lost_attempts, 1)
    if now - attempt.time < ATTEMPT_LIFE then return attempt end
  end
  return { id = core.aws.uuid(), time = now }
end

---@param max integer
---@param wait number seconds, at most 20; fractions are ignored
---@param visibility number? seconds
---@return table[]? messages
---@return string? err
---@return string? code "NotAllowed"
function Sqs:receive(max, wait, visibility)
  local attempt = self.fifo and self:attempt() or nil
  visibility = visibility or self.visibility
  wait = math.floor(math.max(0, math.min(wait, LONGEST_WAIT)))
  local result, err, code, began = self:call("ReceiveMessage", {
    MaxNumberOfMessages = math.max(1, math.min(max, self.batch)),
    WaitTimeSeconds = wait,
    VisibilityTimeout = visibility and math.ceil(visibility),
    -- Older endpoints know the second name.
    MessageSystemAttributeNames = { "All" }, AttributeNames = { "All" },
    MessageAttributeNames = { "All" },
    ReceiveRequestAttemptId = attempt and attempt.id,
  })
  if result then
    local leased = began and began + wait or nil
    return received.messages(result.Messages, self.client.warn, self.on_corrupt, leased)
  end
  if attempt then table.insert(self.lost_attempts, attempt) end
  return nil, err, code
end

-- settling and sending

--- The results in the order of the entries: the entry in `Successful`, or { err, code }.
function Sqs:batch_call(operation, entries, options)
  local result, err, code = self:call(operation, { Entries = entries }, options)
  if not result then return nil, err, code end
  local answers = outbox.answers(operation, result, #entries)
  for _, answer in ipairs(answers) do answer.code = plain(answer.code) end
  return answers
end

--- For operations of which only failures matter.
function Sqs:settle(operation, entries, options)
  for index, entry in ipairs(entries) do entry.Id = tostring(index) end
  local answers, err, code = self:batch_call(operation, entries, options)
  if not answers then return nil, err, code end
  for index, answer in ipairs(answers) do
    if not answer.code then answers[index] = true end
  end
  return answers
end

-- Extensions of one turn share a call, too, but do not wait for others: they have little time.
function Sqs:make_batches(linger)
  local function change(entries, options)
    return self:settle("ChangeMessageVisibilityBatch", entries, options)
  end
  self.deletes = batcher.new(function(entries)
    return self:settle("DeleteMessageBatch", entries, { timeout = ANSWER })
  end, BATCH, linger)
  self.returns = batcher.new(function(entries)
    return change(entries, { timeout = ANSWER })
  end, BATCH, linger)
  self.extensions = batcher.new(function(entries)
    local within = entries[1].within
    for _, entry in ipairs(entries) do entry.within = nil end
    return change(entries, { timeout = within and within / 2 or ANSWER, within = within })
  end, BATCH, 0)
end

--- Deletes a message. Waits in a task; several tasks share a request.
---@param receipt string
---@return true? ok
---@return string? err
---@return string? code
function Sqs:delete(receipt)
  return self.deletes:submit { ReceiptHandle = receipt }
end

--- Makes a message visible again after `seconds`. SQS cannot reduce the receive count.
---@param receipt string
---@param seconds number
---@return true? ok
---@return string? err
---@return string? code
function Sqs:delay(receipt, seconds)
  return self.returns:submit { ReceiptHandle = receipt, VisibilityTimeout = math.ceil(seconds) }
end

--- Extends the visibility timeout of a message in flight.
---@param receipt string
---@param seconds number
---@param within number? seconds after which the result is useless; leaves time for a second attempt
---@return true? ok
---@return string? err
---@return string? code
function Sqs:extend(receipt, seconds, within)
  return self.extensions:submit {
    ReceiptHandle = receipt, VisibilityTimeout = math.ceil(seconds), within = within,
  }
end

--- Moves a message to the dead-letter queue at once: `bury(receipt, message, reason)`.
Sqs.bury = bury

--- Pauses the queue by a tag of it: `pause(seconds)`, `resume()`, `pauses()`.
Sqs.pause, Sqs.resume, Sqs.pauses = pauses.pause, pauses.resume, pauses.list

--- Another queue of the same account, through the same client.
---@param url string
---@return watchbot.queue.Sqs
function Sqs:sibling(url)
  return sqs.open(url, { client = self.client })
end

function Sqs:refusal(message)
  if message.priority then return "SQS has no priorities; an embedded queue does" end
  if message.delay and self.fifo then return "a FIFO queue delays no single message" end
  if message.delay and not (message.delay >= 0 and message.delay <= limits.sqs.delay) then
    return ("a delay may have 0 to %d s, not %g"):format(limits.sqs.delay, message.delay)
  end
  if message.deduplication and not self.fifo then
    return "only FIFO queues know a deduplication id"
  end
end

-- It counts neither among the attributes nor among the bytes of a message.
local function trace_of(message)
  local header = xray.checked(message.trace)
  return header and { AWSTraceHeader = { DataType = "String", StringValue = header } } or nil
end

function Sqs:entry(message)
  local entry, bytes, code = self:plain_entry(message)
  if entry or not self.overflow or not outgoing.offloaded[code] then return entry, bytes, code end
  local pointing, err
  pointing, err, code = self.overflow:offload(message)
  if not pointing then return nil, err, code end
  return self:plain_entry(pointing)
end

function Sqs:plain_entry(message)
  local body = message.subject and envelope.wrap(message.subject, message.body) or message.body
  local refusal = self:refusal(message)
  if refusal then return nil, ("queue %s: %s"):format(self.name, refusal), "Usage" end
  local bytes, problem, code = outgoing.measure(body, message, limits.sqs)
  if not bytes then return nil, problem, code end
  return {
    MessageBody = body, DelaySeconds = message.delay and math.ceil(message.delay),
    MessageAttributes = attributes.encode(message.attributes),
    MessageSystemAttributes = trace_of(message),
    MessageGroupId = message.group or (self.fifo and "default") or nil,
    -- Without an id from the sender, one is generated: a send whose response was lost is repeated,
    -- and must not create a duplicate.
    MessageDeduplicationId = self.fifo and (message.deduplication or core.aws.uuid()) or nil,
  }, bytes
end

--- Sends messages in batches. A subject is sent in an envelope like that of SNS.
---@param messages table[]
---@param told fun(position: integer, answer: table)? called with each result as soon as it is known
---@return ({ id: string }|{ message: string, code: string, unsent: true? })[]? nil: none was sent
---@return string? err
---@return string? code
function Sqs:send(messages, told)
  return outbox.send(messages, {
    largest = LARGEST,
    entry = function(message) return self:entry(message) end,
    call = function(entries) return self:batch_call("SendMessageBatch", entries) end,
  }, told)
end

--- The approximate number of messages.
---@return { visible: integer, delayed: integer, in_flight: integer }?
---@return string? err
---@return string? code
---@return table? attributes of which they are
function Sqs:counts()
  local found, err, code = self:attributes()
  if not found then return nil, err, code end
  local visible = integer(found.ApproximateNumberOfMessages)
  -- A missing number must not count as 0: `--drain` would end too early.
  if not visible then
    return nil, ("queue %s: the answer has no number of messages"):format(self.name), "BadAnswer"
  end
  return {
    visible = visible,
    delayed = integer(found.ApproximateNumberOfMessagesDelayed) or 0,
    in_flight = integer(found.ApproximateNumberOfMessagesNotVisible) or 0,
  }, nil, nil, found
end

--- The number of requests to SQS, including retries.
---@return integer
function Sqs:api_calls()
  return self.client.requests
end

--- Nothing to close: the connections belong to the process.
function Sqs:close() -- luacheck: ignore 212
end

Sqs.__close = Sqs.close

return sqs
