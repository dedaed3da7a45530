--- runner.resident.event: the event of a Lambda function: that of an SQS trigger, of an SNS
-- trigger, or the body itself.
-- https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html

local call = require "watchbot.policy.call"
local core = require "watchbot.core"
local envelope = require "watchbot.message.envelope"
local json = require "watchbot.lib.json"
local received = require("watchbot.message.job").received
local scheduler = require "watchbot.scheduler"
local xray = require "watchbot.trace.xray"

local event = {}

local NONE = {}

-- The ARN of a queue: an SQS queue's own; for a file, one of the same form.
---@class watchbot.EventSource
---@field arn string
---@field region string

local function text(value)
  return value ~= nil and tostring(value) or nil
end

-- AWS always sends empty lists here.
local function attribute(one)
  local binary = one.type:find "^Binary" ~= nil
  return {
    stringValue = not binary and one.value or nil, binaryValue = binary and one.value or nil,
    stringListValues = json.list {}, binaryListValues = json.list {}, dataType = one.type,
  }
end

local function attributes(message)
  local all = {}
  for name, one in pairs(message.attributes or {}) do all[name] = attribute(one) end
  return all
end

local function system(message)
  return {
    ApproximateReceiveCount = text(message.receives),
    SentTimestamp = text(message.sent),
    SenderId = message.sender,
    ApproximateFirstReceiveTimestamp = text(message.first_received or message.sent),
    SequenceNumber = message.sequence,
    MessageGroupId = message.group,
    MessageDeduplicationId = message.deduplication,
    AWSTraceHeader = xray.checked(message.trace),
    DeadLetterQueueSourceArn = message.source,
  }
end

-- Of messages without message attributes, without a table for each record. It is a record's
-- JSON as above.
local function plain_record(message, source)
  local body = message.body
  return json.members("messageId", message.id, "receiptHandle", text(message.receipt),
    "body", body, "attributes", system(message), "messageAttributes", NONE,
    "md5OfBody", core.aws.md5(body), "eventSource", "aws:sqs", "eventSourceARN", source.arn,
    "awsRegion", source.region)
end

-- Whether it has no text but its body, which was seen to be UTF-8.
local function is_plain(message)
  return next(message.attributes or NONE) == nil and message.group == nil
    and message.deduplication == nil and message.subject == nil
end

---@param message table as `queue:receive` returns it
---@param source watchbot.EventSource
---@return table record
function event.record(message, source)
  -- A file stores subjects; SQS has them in an envelope.
  local body = message.subject and envelope.wrap(message.subject, message.body) or message.body
  return {
    messageId = message.id, receiptHandle = text(message.receipt), body = body,
    attributes = system(message), messageAttributes = attributes(message),
    md5OfBody = core.aws.md5(body),
    eventSource = "aws:sqs", eventSourceARN = source.arn, awsRegion = source.region,
  }
end

local function sqs(jobs, source)
  local records = {}
  for index, job in ipairs(jobs) do
    local message, err, code = received(job), nil, nil
    if is_plain(message) then
      records[index] = plain_record(message, source)
    else
      records[index], err, code = json.encode(event.record(message, source))
    end
    if not records[index] then return nil, err, code end
  end
  return '{"Records":[' .. table.concat(records, ",") .. "]}"
end

-- The event of an SNS envelope, with SNS's names for Lambda ("Url", not "URL"); a message without
-- an envelope is treated as if it had come through SNS.
local function sns_record(job, source)
  local told = envelope.members(received(job).body) or {}
  local all = {}
  for name, one in pairs(job.attributes) do all[name] = { Type = one.type, Value = one.value } end
  return {
    EventVersion = "1.0", EventSource = "aws:sns",
    EventSubscriptionArn = told.TopicArn or source.arn,
    Sns = {
      Type = "Notification", MessageId = told.MessageId or job.id,
      TopicArn = told.TopicArn or source.arn, Subject = job.subject or json.null,
      Message = job.message,
      Timestamp = told.Timestamp or scheduler.iso_date(job.sent or scheduler.time()),
      SignatureVersion = told.SignatureVersion, Signature = told.Signature,
      SigningCertUrl = told.SigningCertURL, UnsubscribeUrl = told.UnsubscribeURL,
      MessageAttributes = all,
    },
  }
end

local function sns(jobs, source)
  local records = json.list {}
  for index, job in ipairs(jobs) do records[index] = sns_record(job, source) end
  return { Records = records }
end

--- The event of some jobs, as JSON.
---@param kind "sqs"|"sns"|"body"|fun(jobs: watchbot.Job[]): string|table
---@param jobs watchbot.Job[]
---@param source watchbot.EventSource
---@return string? text
---@return string? err
---@return string? code "InvalidText": a message is not UTF-8, so JSON cannot represent it
function event.of(kind, jobs, source)
  if kind == "body" then return jobs[1].message end
  if kind == "sqs" then return sqs(jobs, source) end
  if kind == "sns" then return json.encode(sns(jobs, source)) end
  local ok, made = call.make("event", kind, jobs[1].id, jobs)
  if not ok then return nil, made, "CommandFailed" end
  if type(made) == "string" then return made end
  if type(made) == "table" then return json.encode(made) end
  local err = "the policy's function 'event' returned a %s, not text or a table"
  return nil, err:format(type(made)), "CommandFailed"
end

return event
