--- message.saved: a whole message as one line of JSON that preserves every byte.
-- Valid UTF-8 is written unchanged; other text is base64 under the same name with the suffix
-- "_base64". Besides the message, a line has its origin (id, times, receives, reason): that is
-- information for people, and is not sent again.

local base64 = require "watchbot.lib.base64"
local json = require "watchbot.lib.json"
local scheduler = require "watchbot.scheduler"

local saved_message = {}

local ENCODED = "_base64"

-- The highest priority, as in queue.sqlite.ranking.
local HIGHEST = 100

local TEXTS = { "body", "subject", "group", "deduplication", "trace" }

local function put(object, name, bytes)
  if not bytes then return end
  if utf8.len(bytes) then
    object[name] = bytes
  else
    object[name .. ENCODED] = base64.encode(bytes)
  end
end

-- => bytes | nil [problem]
local function take(object, name)
  local bytes, encoded = object[name], object[name .. ENCODED]
  if encoded ~= nil then
    bytes = type(encoded) == "string" and base64.decode(encoded)
    if not bytes then return nil, ("'%s' is not base64"):format(name .. ENCODED) end
  elseif bytes ~= nil and type(bytes) ~= "string" then
    return nil, ("'%s' is not text"):format(name)
  end
  return bytes
end

-- A name that is not UTF-8 cannot be a key; such attributes are separate, under their encoded
-- names.
local function put_attributes(object, attributes)
  for name, attribute in pairs(attributes or {}) do
    local plain = utf8.len(name) ~= nil
    local field = plain and "attributes" or "attributes" .. ENCODED
    local entry = {}
    put(entry, "type", attribute.type)
    put(entry, "value", attribute.value)
    object[field] = object[field] or {}
    object[field][plain and name or base64.encode(name)] = entry
  end
end

local function take_attribute(attributes, name, entry)
  if not name then return nil, "an attribute's name is not base64" end
  if type(entry) ~= "table" then
    return nil, ("attribute '%s' has no type or value"):format(tostring(name))
  end
  local kind, problem = take(entry, "type")
  local value, second = take(entry, "value")
  if not (name and kind and value) then
    return nil, ("attribute '%s': %s"):format(tostring(name),
      problem or second or "type or value is missing")
  end
  attributes[name] = { type = kind, value = value }
  return true
end

local function take_attributes(object)
  local attributes = {}
  for suffix, decode in pairs { [""] = tostring, [ENCODED] = base64.decode } do
    local entries = object["attributes" .. suffix] or {}
    if type(entries) ~= "table" then return nil, "'attributes' is not an object" end
    for name, entry in pairs(entries) do
      if type(name) ~= "string" then return nil, "'attributes' is not an object" end
      local ok, problem = take_attribute(attributes, decode(name), entry)
      if not ok then return nil, problem end
    end
  end
  return attributes
end

local function date(milliseconds)
  return milliseconds and scheduler.iso_date(milliseconds)
end

--- One line, without a newline.
---@param message table a message or a dead letter
---@return string
function saved_message.encode(message)
  local object = {
    id = message.id, receives = message.receives, sent = date(message.sent),
    first_received = date(message.first_received),
    died = date(message.died),
  }
  for _, name in ipairs(TEXTS) do put(object, name, message[name]) end
  put(object, "reason", message.reason)
  object.priority = message.priority ~= 0 and math.tointeger(message.priority) or nil
  put_attributes(object, message.attributes)
  return json.encode(object)
end

local function take_priority(object)
  local priority = object.priority
  if priority == nil then return nil end
  local whole = type(priority) == "number" and math.tointeger(priority)
  if whole and math.abs(whole) <= HIGHEST then return whole end
  return nil, ("'priority' is not a whole number from -%d to %d"):format(HIGHEST, HIGHEST)
end

--- The message of a line, to be sent.
---@param line string
---@return table? message { id, body, subject, attributes, group, deduplication, priority }
---@return string? problem
function saved_message.decode(line)
  local object, problem = json.decode(line, true)
  if type(object) ~= "table" then
    return nil, "not a JSON object" .. (problem and (": %s"):format(problem) or "")
  end
  local message = {}
  for _, name in ipairs(TEXTS) do
    message[name], problem = take(object, name)
    if problem then return nil, problem end
  end
  for _, name in ipairs { "group", "deduplication" } do
    if message[name] == "" then return nil, ("'%s' is empty"):format(name) end
  end
  message.priority, problem = take_priority(object)
  if problem then return nil, problem end
  message.id = type(object.id) == "string" and object.id or nil
  if not message.body then return nil, "it has no 'body'" end
  message.attributes, problem = take_attributes(object)
  if not message.attributes then return nil, problem end
  return message
end

return saved_message
