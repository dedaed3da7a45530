--- message.event: events of other services in a message's body: of S3 (directly, through SNS, or
-- through EventBridge), of EventBridge, and CloudEvents 1.0. Only looked for where the policy has
-- an `envelope`.
-- https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
-- https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
-- https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
-- https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md

local base64 = require "watchbot.lib.base64"
local json = require "watchbot.lib.json"
local list = require "watchbot.lib.list"
local percent = require "watchbot.lib.percent"

local event = {}

---@class watchbot.EventRecord
---@field name string? "ObjectCreated:Put"; the type of a CloudEvent
---@field source string? "aws:s3", "aws.s3", the source of a CloudEvent
---@field detail_type string? of EventBridge: "Object Created"
---@field bucket string?
---@field key string? decoded
---@field version_id string?
---@field time string?
---@field data any the record of S3, the detail of EventBridge, the data of a CloudEvent

---@class watchbot.Event: watchbot.EventRecord what all its records have in common
---@field kind "s3"|"eventbridge"|"cloudevents"
---@field records watchbot.EventRecord[]
---@field is_test boolean? S3's test of a notification, without an object

local FIELDS = { "name", "source", "detail_type", "bucket", "key", "version_id", "time" }

--- The variables of tasks, and the fields that they show.
event.VARIABLES = {
  Bucket = "bucket", Key = "key", VersionId = "version_id", EventName = "name", Source = "source",
  DetailType = "detail_type",
}

local function text(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function fields(value)
  return type(value) == "table" and not list.is(value) and value or {}
end

-- S3's own notifications encode keys as forms do, those through EventBridge do not.
local function decoded(key)
  key = text(key)
  return key and percent.decode_form(key)
end

local function of_object(record, bucket, object, version)
  record.bucket = text(fields(bucket).name)
  record.key = text(fields(object).key)
  record.version_id = text(fields(object)[version])
  return record
end

local readers = {}

function readers.s3_record(value)
  local s3 = fields(value.s3)
  if value.eventSource ~= "aws:s3" or not value.s3 then return nil end
  local record = of_object({
    name = text(value.eventName), source = "aws:s3", time = text(value.eventTime), data = value,
  }, s3.bucket, s3.object, "versionId")
  record.key = decoded(record.key)
  return record.bucket and record.key and record or nil
end

function readers.eventbridge(value)
  local detail = fields(value.detail)
  if not text(value["detail-type"]) or not text(value.source) or value.detail == nil then
    return nil
  end
  local record = {
    source = value.source, detail_type = value["detail-type"], time = text(value.time),
    name = text(detail.eventName), data = value.detail,
  }
  if value.source == "aws.s3" then
    of_object(record, detail.bucket, detail.object, "version-id")
  end
  return record
end

function readers.cloudevents(value)
  if value.specversion ~= "1.0" or not (text(value.id) and text(value.source) and text(value.type))
  then
    return nil
  end
  local encoded = text(value.data_base64)
  return {
    source = value.source, name = value.type, time = text(value.time),
    data = encoded and base64.decode(encoded) or value.data,
  }
end

-- All of a list, or nothing.
local function each(values, read)
  local records = {}
  for index, value in ipairs(list.is(values) and values or {}) do
    records[index] = read(fields(value))
    if not records[index] then return nil end
  end
  return #records > 0 and records or nil
end

local kinds = {}

-- A test is completed without a task: only what is nothing but one counts.
local function is_test(value)
  return value.Event == "s3:TestEvent" and value.Service == "Amazon S3"
    and text(value.Bucket) ~= nil and value.Records == nil
end

function kinds.s3(value)
  if is_test(value) then
    return { { name = "s3:TestEvent", source = "aws:s3", bucket = text(value.Bucket),
      time = text(value.Time), data = value } }, true
  end
  local records = each(value.Records, readers.s3_record)
  if records then return records end
  local record = readers.eventbridge(value)
  return record and record.source == "aws.s3" and record.bucket and { record } or nil
end

function kinds.eventbridge(value)
  local record = readers.eventbridge(value)
  return record and { record }
end

-- One event, or a batch of them.
function kinds.cloudevents(value)
  local record = readers.cloudevents(value)
  return record and { record } or each(value, readers.cloudevents)
end

local ORDER = { "s3", "eventbridge", "cloudevents" }

-- A variable says nothing of one record that is not true of the others.
local function common(records, found)
  for _, name in ipairs(FIELDS) do
    local value = records[1][name]
    for _, record in ipairs(records) do
      if record[name] ~= value then value = nil end
    end
    found[name] = value
  end
  if #records == 1 then found.data = records[1].data end
  return found
end

--- The event in a message's body.
---@param body string
---@param wanted "s3"|"eventbridge"|"cloudevents"|"auto"
---@return watchbot.Event? found nil: the body has none of this kind
function event.read(body, wanted)
  if not body:find "^%s*[{%[]" then return nil end
  local value = json.decode(body)
  if type(value) ~= "table" then return nil end
  for _, kind in ipairs(ORDER) do
    local records, test = nil, nil
    if wanted == kind or wanted == "auto" then records, test = kinds[kind](value) end
    if records then
      return common(records, { kind = kind, records = records, is_test = test })
    end
  end
end

--- Adds the variables of an event to those of a task, except those that the policy sets.
---@param found watchbot.Event
---@param variables table<string, string>
---@param env table<string, string> the policy's
function event.add(found, variables, env)
  for name, field in pairs(event.VARIABLES) do
    if env[name] == nil then variables[name] = found[field] end
  end
end

return event
