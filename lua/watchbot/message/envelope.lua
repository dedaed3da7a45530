--- envelope: the JSON in which SNS delivers a message to SQS, and in which `watchbot send` sends a
-- subject. https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html

local json = require "watchbot.lib.json"

-- Most bodies begin with neither.
local BRACE, BLANK = 123, 32

local byte = string.byte

local envelope = {}

-- A topic that does not exist: an envelope is recognized by its shape, not by its sender.
local TOPIC = "arn:aws:sns:::watchbot-send"

local function attributes_of(opened)
  local attributes = {}
  if type(opened.MessageAttributes) ~= "table" then return attributes end
  for name, attribute in pairs(opened.MessageAttributes) do
    if type(name) == "string" and type(attribute) == "table"
      and type(attribute.Value) == "string" then
      local kind = type(attribute.Type) == "string" and attribute.Type or "String"
      attributes[name] = { type = kind, value = attribute.Value }
    end
  end
  return attributes
end

--- All members of an envelope; nil when the body is not an envelope. It is recognized by
--- its shape, not by a Subject, which is absent if the publisher gave none.
---@param body string
---@return table<string, any>?
function envelope.members(body)
  if not (body:find '^%s*{' and body:find('"TopicArn"', 1, true)) then return nil end
  local opened = json.decode(body, true)
  if type(opened) ~= "table" or opened.Type ~= "Notification" then return nil end
  if type(opened.TopicArn) ~= "string" or type(opened.Message) ~= "string" then return nil end
  return opened
end

--- The content of an envelope; nil if the body is not an envelope.
---@param body string
---@return { subject: string?, message: string, attributes: table<string, table> }? opened
--- attributes: { type, value } by name
function envelope.open(body)
  local first = byte(body)
  if first ~= BRACE and (first or BRACE) > BLANK then return nil end
  local opened = envelope.members(body)
  if not opened then return nil end
  return {
    subject = type(opened.Subject) == "string" and opened.Subject or nil, message = opened.Message,
    attributes = attributes_of(opened),
  }
end

--- A body with a subject, for queues without subjects.
---@param subject string
---@param message string
---@return string
function envelope.wrap(subject, message)
  return json.encode({ Type = "Notification", TopicArn = TOPIC, Subject = subject,
    Message = message }, "bytes")
end

return envelope
