--- message.burial: the record of a message that was buried: moved to the dead-letter queue of SQS
-- at once, by a send. SQS assigns it another id and time, so attributes keep the original ones,
-- with the reason. A message that SQS itself has moved keeps its id and time, and SQS names its
-- source; such attributes in it were set by its sender.

local attributes = require "watchbot.message.attributes"
local carriers = require "watchbot.message.carriers"
local limits = require "watchbot.lib.limits"
local text = require "watchbot.lib.text"

-- SQS's limits for a message: the number of attributes, and bytes in total.
local MOST_ATTRIBUTES, LARGEST = limits.sqs.attributes, limits.sqs.message

-- Maximum bytes of a reason.
local LONGEST_REASON = 1024

local REASON, ID, SENT = "watchbot_reason", "watchbot_message_id", "watchbot_sent"
local QUEUE, DEDUPLICATION = "watchbot_queue", attributes.DEDUPLICATION

local burial = {}

local ours = { [REASON] = true, [ID] = true, [SENT] = true, [QUEUE] = true }

--- A copy of the attributes without those that a burial adds.
---@param all table<string, { type: string, value: string }>?
---@return table<string, { type: string, value: string }>
function burial.strip(all)
  local kept = {}
  for name, attribute in pairs(all or {}) do
    if not ours[name] then kept[name] = attribute end
  end
  return kept
end

-- A text that SQS accepts as the value of an attribute.
local function shown(reason)
  local line = text.cut(text.line(reason or ""), LONGEST_REASON):gsub("\239\191[\190\191]", "?")
  return line ~= "" and line or nil
end

local function count(all)
  local number = 0
  for _ in pairs(all) do number = number + 1 end
  return number
end

-- Ordered by importance, in case there is no space for all.
local function wanted(message, reason, queue)
  return {
    { REASON, "String", shown(reason) }, { ID, "String", message.id },
    { SENT, "Number", message.sent and ("%d"):format(message.sent) },
    { QUEUE, "String", queue }, { DEDUPLICATION, "String", message.deduplication },
  }
end

local function size_of(mark)
  return #mark[1] + #mark[2] + #mark[3]
end

-- Whether all marks fit in addition to the message's own attributes.
local function has_room(all, body, marks)
  local number, bytes = count(all), #body + attributes.bytes(all)
  for _, mark in ipairs(marks) do
    if mark[3] and not all[mark[1]] then number, bytes = number + 1, bytes + size_of(mark) end
  end
  return number <= MOST_ATTRIBUTES and bytes <= LARGEST
end

-- Adds the marks for which there is room; the others are named in `left`.
local function add(all, body, marks, left)
  local number, bytes = count(all), #body + attributes.bytes(all)
  for _, mark in ipairs(marks) do
    local name, kind, value = mark[1], mark[2], mark[3]
    local size = value and size_of(mark)
    if size and not all[name] and number < MOST_ATTRIBUTES and bytes + size <= LARGEST then
      all[name] = { type = kind, value = value }
      number, bytes = number + 1, bytes + size
    elseif value and not all[name] then
      left[#left + 1] = name
    end
  end
end

--- The attributes with which a message is buried. Where there is no room for what a burial adds,
--- the message's baggage makes room.
---@param message watchbot.Message as it was received
---@param reason string?
---@param queue string URL of the queue that it was received from
---@return table<string, { type: string, value: string }>
---@return string? note which attributes had no room
function burial.mark(message, reason, queue)
  local all, left = burial.strip(message.attributes), {}
  local marks = wanted(message, reason, queue)
  if not has_room(all, message.body, marks) and carriers.is_baggage(all.baggage) then
    all.baggage, left[1] = nil, "baggage"
  end
  add(all, message.body, marks, left)
  if #left == 0 then return all end
  return all, ("the dead letter goes without %s: SQS takes %d attributes and %d bytes"):format(
    table.concat(left, ", "), MOST_ATTRIBUTES, LARGEST)
end

local function value_of(all, name)
  return all[name] and all[name].value or nil
end

--- A letter as it was before its burial: with its own id and time, and the reason; `key` is its id
--- in the dead-letter queue. A letter that was not buried is returned unchanged.
---@param letter table received from a dead-letter queue
---@return table letter
function burial.open(letter)
  local all = letter.attributes
  if letter.source or not (all[REASON] or all[ID]) then return letter end
  local opened = {}
  for name, value in pairs(letter) do opened[name] = value end
  opened.key, opened.died, opened.attributes = letter.id, letter.sent, burial.strip(all)
  opened.reason, opened.home = value_of(all, REASON), value_of(all, QUEUE)
  opened.id = value_of(all, ID) or letter.id
  opened.sent = math.tointeger(tonumber(value_of(all, SENT))) or letter.sent
  opened.deduplication = value_of(all, DEDUPLICATION)
  return opened
end

return burial
