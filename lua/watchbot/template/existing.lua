--- template.existing: what another stack has made, and this template only uses: by ARN, which may
-- be an intrinsic. From its pieces come the names and the URLs that other places need; what has to
-- be set on it, because this template must not, is in the metadata of the service (for --check).
-- https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html

local access = require "watchbot.template.access"
local cf = require "watchbot.template.cf"
local pieces = require "watchbot.template.pieces"
local stable = require "watchbot.template.stable"

local existing = {}

-- The place of the resource's name in an ARN, counted from 0.
local PLACE = { sqs = 5, sns = 5, logs = 6 }

--- Where the notes are in the metadata of a resource.
existing.NOTES = "watchbot:existing"

local function piece(arn, index)
  if cf.is(arn) then return cf.select(index, cf.split(":", arn)) end
  local at = 0
  for text in (arn .. ":"):gmatch "([^:]*):" do
    if at == index then return text end
    at = at + 1
  end
end

--- The name in an ARN.
---@param arn any
---@param service "sqs"|"sns"|"logs"
---@return any
function existing.name(arn, service)
  return piece(arn, PLACE[service])
end

--- The URL of a queue.
---@param arn any
---@return any
function existing.queue_url(arn)
  return pieces.concat("https://sqs.", piece(arn, 3), ".", cf.ref "AWS::URLSuffix", "/",
    piece(arn, 4), "/", piece(arn, 5))
end

--- The ARN of the streams of a log group, as policies need it. CloudFormation's own attribute has
--- ":*" at its end, other places do not.
---@param arn any
---@return any
function existing.streams(arn)
  if not cf.is(arn) then return (arn:gsub(":%*$", "")) .. ":*" end
  return cf.sub("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${Name}:*",
    { Name = existing.name(arn, "logs") })
end

-- notes

local notes = {}

function notes.queue(options, refs)
  local redrive = {
    deadLetterTargetArn = refs.deadLetterQueueArn, maxReceiveCount = options.deadletterThreshold,
  }
  local sends = access.allow("TopicSends", "sns", "sqs:SendMessage", refs.queueArn, refs.topic)
  return {
    "the queue's RedrivePolicy has to name its dead-letter queue: " .. stable(redrive),
    "the queue's policy has to let the topic send: " .. stable(sends),
  }
end

function notes.deadLetterQueue(options, refs)
  local list = {
    "the dead-letter queue has to keep messages for longer than the queue, 14 days if possible",
  }
  if not options.queue then
    list[2] = "a RedriveAllowPolicy of the dead-letter queue, if it has one, has to name the "
      .. "queue: " .. stable { redrivePermission = "byQueue", sourceQueueArns = { refs.queueArn } }
  end
  return list
end

function notes.topic(options, refs)
  if not options.queue then return {} end
  local subscription = {
    Protocol = "sqs", Endpoint = refs.queueArn,
    RawMessageDelivery = options.rawMessageDelivery ~= false or nil,
  }
  return { "the topic has to have a subscription of the queue: " .. stable(subscription) }
end

function notes.table()
  return { "the table has to have the partition key 'id', a string, and no sort key" }
end

function notes.overflow(options)
  if options.overflow == true then return {} end
  return { "the bucket should delete objects after the retention of both queues, and a day; and "
    .. "block public access" }
end

--- Adds what has to be set on existing things to the metadata of the service.
---@param template table
---@param options watchbot.template.Options
---@param refs watchbot.template.Refs
function existing.note(template, options, refs)
  local list = {}
  for _, name in ipairs { "queue", "deadLetterQueue", "topic", "table", "overflow" } do
    for _, note in ipairs(options[name] and notes[name](options, refs) or {}) do
      list[#list + 1] = note
    end
  end
  local service = template.Resources[refs.id "Service"]
  if service and #list > 0 then service.Metadata = { [existing.NOTES] = list } end
end

return existing
