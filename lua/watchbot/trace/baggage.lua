--- trace.baggage: the header `baggage`, as the grammar of W3C has it.
-- https://www.w3.org/TR/baggage/. It is taken apart and written again without its blanks.

local trimmed = require("watchbot.trace.w3c").trimmed

-- The most that must be passed on.
local MOST_MEMBERS, LONGEST = 64, 8192

-- A token of RFC 7230, and the octets of a value.
local TOKEN = "^[%w!#$%%&'*+.^_`|~-]+$"
local OCTETS = "^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b%]\x5e-\x7e]*$"

-- `key=value`, or of a property `key` alone, without blanks; nil if it is invalid.
local function pair(text, may_be_bare)
  local key, value = text:match "^([^=]*)=(.*)$"
  if not key then return may_be_bare and trimmed(text):match(TOKEN) or nil end
  key, value = trimmed(key), trimmed(value)
  if not key:find(TOKEN) or not value:find(OCTETS) then return nil end
  return key .. "=" .. value
end

local function member_of(text)
  local parts = {}
  for part in (text .. ";"):gmatch "([^;]*);" do
    local one = pair(part, #parts > 0)
    if not one then return nil end
    parts[#parts + 1] = one
  end
  return table.concat(parts, ";")
end

local baggage = {}

--- Reads baggage, and writes it without blanks.
---@param text any
---@return string? baggage nil: invalid, or empty
function baggage.read(text)
  if type(text) ~= "string" or #text > LONGEST then return nil end
  local members = {}
  for part in (text .. ","):gmatch "([^,]*)," do
    local member = member_of(part)
    if not member or #members == MOST_MEMBERS then return nil end
    members[#members + 1] = member
  end
  return table.concat(members, ",")
end

return baggage
