--- queue.outgoing: checks messages against the rules of SQS and SNS before they are sent: one
-- message that they refuse could fail the nine others of its batch.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html

local base64 = require "watchbot.lib.base64"
local attributes = require "watchbot.message.attributes"
local limits = require "watchbot.lib.limits"

local LONGEST_NAME, LONGEST_ID = limits.sqs.label, limits.sqs.id

-- offloaded: codes of bodies that AWS does not take, but takes as a pointer to S3.
local outgoing = { offloaded = { MessageTooLong = true, InvalidMessageContents = true } }

--- Whether AWS accepts all characters of a text: tab, newline, carriage return, and everything that
--- is not a control character, a lone surrogate, U+FFFE or U+FFFF.
---@param text string
---@return boolean
function outgoing.is_text(text)
  return utf8.len(text) ~= nil and not text:find "[%z\1-\8\11\12\14-\31]"
    and not text:find "\239\191[\190\191]"
end

local function refuse(code, words, ...)
  return nil, words:format(...), code
end

-- AWS reserves names that start like its own.
local function is_name(name)
  return #name <= LONGEST_NAME and name:find "^[%w_.-]+$" ~= nil and not name:find "^%."
    and not name:find "%.%." and not name:find "%.$" and not name:lower():find "^aws%."
    and not name:lower():find "^amazon%."
end

local function is_type(kind)
  return #kind <= LONGEST_NAME and outgoing.is_text(kind)
    and (kind:find "^String%f[.%z]" or kind:find "^Number%f[.%z]" or kind:find "^Binary%f[.%z]")
    ~= nil
end

local function check_value(name, attribute)
  local kind, value = attribute.type, attribute.value
  if value == "" then
    return refuse("InvalidAttribute", "attribute '%s' is empty, which AWS does not take", name)
  elseif kind:find "^Binary" then
    if base64.decode(value) then return true end
    return refuse("InvalidAttribute", "attribute '%s' is not base64", name)
  elseif not outgoing.is_text(value) then
    return refuse("InvalidAttribute", "attribute '%s' is not text: AWS takes UTF-8 without control "
      .. "characters; encode it, as base64 for example", name)
  elseif kind:find "^Number" and not tonumber(value) then
    return refuse("InvalidAttribute", "attribute '%s' is not a number: '%s'", name,
      value:sub(1, 50))
  end
  return true
end

local function shown(name)
  return outgoing.is_text(name) and name:sub(1, 50) or ("%q"):format(name):sub(2, 51)
end

local function check_attributes(all, most)
  local count = 0
  for name, attribute in pairs(all or {}) do
    count = count + 1
    if not is_name(name) then
      return refuse("InvalidAttribute", "'%s' cannot be the name of an attribute on AWS: up to %d "
        .. "letters, digits, '_', '-' and single '.'", shown(name), LONGEST_NAME)
    elseif not is_type(attribute.type) then
      return refuse("InvalidAttribute", "attribute '%s' has the type '%s': AWS knows String, "
        .. "Number and Binary", name, shown(attribute.type))
    end
    local ok, err, code = check_value(name, attribute)
    if not ok then return nil, err, code end
  end
  if count <= most then return true end
  return refuse("InvalidAttribute", "the message has %d attributes, more than the %d that AWS "
    .. "takes", count, most)
end

local function check_id(what, id)
  if id == nil or (#id <= LONGEST_ID and id:find "^[\33-\126]+$") then return true end
  return refuse("InvalidId", "the %s '%s' is not one that AWS takes: 1 to %d letters, digits and "
    .. "punctuation", what, shown(id), LONGEST_ID)
end

--- Whether the service accepts this message: its size in bytes, or the error.
---@param body string as sent
---@param message watchbot.Outgoing
---@param most { message: integer, attributes: integer? } the service's
---@return integer? bytes
---@return string? err
---@return string? code
function outgoing.measure(body, message, most)
  local bytes = #body + attributes.bytes(message.attributes)
  if body == "" then
    return refuse("EmptyMessage", "the message is empty, which AWS does not take")
  elseif bytes > most.message then
    return refuse("MessageTooLong", "the message has %d bytes with its attributes, more than the "
      .. "%d that AWS takes", bytes, most.message)
  elseif not outgoing.is_text(body) then
    return refuse("InvalidMessageContents", "the message is not text: AWS takes UTF-8 without "
      .. "control characters; encode it, as base64 for example")
  end
  local ok, err, code = check_attributes(message.attributes, most.attributes or math.huge)
  if ok then ok, err, code = check_id("group", message.group) end
  if ok then ok, err, code = check_id("deduplication id", message.deduplication) end
  if not ok then return nil, err, code end
  return bytes
end

return outgoing
