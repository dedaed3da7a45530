--- message.carriers: puts the trace of a program into the messages that it sends: as the attributes
-- `traceparent`, `tracestate` and `baggage`, and as AWSTraceHeader where the queue takes that.
-- A message is sent whether or not it has room for them: `baggage` is left out first.

local attributes = require "watchbot.message.attributes"
local envelope = require "watchbot.message.envelope"
local limits = require "watchbot.lib.limits"
local trace = require "watchbot.trace"

-- Attributes of a message. SNS takes more, but drops the message on its way into an SQS queue with
-- raw delivery; a message of a file may be moved to SQS.
local MOST = limits.sqs.attributes

local carriers = {}

local function size_of(name, value)
  return #name + #"String" + #value
end

-- Bytes that the message has without its carriers.
local function bytes_of(message)
  local body = message.subject and envelope.wrap(message.subject, message.body) or message.body
  return #body + attributes.bytes(message.attributes)
end

-- A message that has one of the attributes already is of the trace that its sender has named.
local function wanted(all, one)
  local names = {}
  for _, name in ipairs(trace.attributes) do
    local named = name ~= "baggage" and all.traceparent
    if one[name] and not all[name] and not named then names[#names + 1] = name end
  end
  return names
end

--- Adds the carriers of a trace to a message.
---@param message watchbot.Outgoing gets other attributes; the old ones are not changed
---@param one watchbot.Trace
---@param largest integer bytes of a message with its attributes
---@return string[]? left the attributes for which there was no room
function carriers.add(message, one, largest)
  local all, count, left = {}, 0, {}
  for name, attribute in pairs(message.attributes or {}) do
    all[name], count = attribute, count + 1
  end
  if not all.traceparent then message.trace = message.trace or one.xray end
  local bytes = bytes_of(message)
  for _, name in ipairs(wanted(all, one)) do
    local size = size_of(name, one[name])
    if count < MOST and bytes + size <= largest then
      all[name] = { type = "String", value = one[name] }
      count, bytes = count + 1, bytes + size
    else
      left[#left + 1] = name
    end
  end
  message.attributes = all
  return left[1] and left
end

--- Whether an attribute is a message's baggage, which makes room for what matters more.
---@param attribute { type: string, value: string }?
---@return boolean
function carriers.is_baggage(attribute)
  return attribute ~= nil and trace.of_message({ baggage = attribute }) ~= nil
end

return carriers
