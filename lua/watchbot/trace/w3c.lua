--- trace.w3c: the headers `traceparent` and `tracestate`, as the grammar of W3C has them.
-- https://www.w3.org/TR/trace-context-1/. What comes from outside is taken apart and written again,
-- never handed on as it came.

local w3c = {}

-- Bits of the flags that are known: sampled, and (level 2) that the trace id is random.
w3c.SAMPLED = 1
local KNOWN_FLAGS = 3

-- The most of a `tracestate`.
local MOST_MEMBERS, LONGEST_STATE = 32, 512

-- Characters of a key and of a value of a `tracestate`.
local LONGEST_KEY, LONGEST_TENANT, LONGEST_SYSTEM, LONGEST_VALUE = 256, 241, 14, 256

local NO_TRACE, NO_SPAN = ("0"):rep(32), ("0"):rep(16)

local HEX = "[0-9a-f]"
local TRACE_ID, SPAN_ID = "^" .. HEX:rep(32) .. "$", "^" .. HEX:rep(16) .. "$"
local PARENT = "^(" .. HEX:rep(2) .. ")%-(" .. HEX:rep(32) .. ")%-(" .. HEX:rep(16) .. ")%-("
  .. HEX:rep(2) .. ")(.*)$"

--- Whether a text is the id of a trace: 32 digits of lower-case hex, not all of them zero.
---@param id string
---@return boolean
function w3c.is_trace_id(id)
  return id:find(TRACE_ID) ~= nil and id ~= NO_TRACE
end

--- Whether a text is the id of a span: 16 digits of lower-case hex, not all of them zero.
---@param id string
---@return boolean
function w3c.is_span_id(id)
  return id:find(SPAN_ID) ~= nil and id ~= NO_SPAN
end

---@class watchbot.TraceParent
---@field trace_id string 32 digits of hex
---@field span_id string 16 digits of hex
---@field flags integer 1: sampled

--- Reads a `traceparent`. A later version than 00 is read as one, as far as that goes.
---@param text any
---@return watchbot.TraceParent? nil: invalid
function w3c.parent(text)
  if type(text) ~= "string" then return nil end
  local version, trace_id, span_id, flags, rest = text:match(PARENT)
  if not version or version == "ff" then return nil end
  if rest ~= "" and (version == "00" or rest:sub(1, 1) ~= "-") then return nil end
  if trace_id == NO_TRACE or span_id == NO_SPAN then return nil end
  return { trace_id = trace_id, span_id = span_id, flags = tonumber(flags, 16) & KNOWN_FLAGS }
end

--- Writes a `traceparent` of version 00.
---@param parent watchbot.TraceParent
---@return string
function w3c.write(parent)
  return ("00-%s-%s-%02x"):format(parent.trace_id, parent.span_id, parent.flags)
end

local function is_key(key)
  local tenant, system = key:match "^([a-z0-9][a-z0-9_*/-]*)@([a-z][a-z0-9_*/-]*)$"
  if tenant then return #tenant <= LONGEST_TENANT and #system <= LONGEST_SYSTEM end
  return #key <= LONGEST_KEY and key:find "^[a-z][a-z0-9_*/-]*$" ~= nil
end

-- Printable ASCII without ',' and '=', with no blank at the end.
local function is_value(value)
  return #value <= LONGEST_VALUE and value:find "^[\x20-\x2b\x2d-\x3c\x3e-\x7e]*$" ~= nil
    and value:find "[^\x20]$" ~= nil
end

-- What may be around the members of a list. Linear, however many blanks there are.
local BLANKS = "^[ \t]*(.*)$"

--- A text without the blanks and tabs around it.
---@param text string
---@return string
function w3c.trimmed(text)
  return text:match(BLANKS):reverse():match(BLANKS):reverse()
end

--- Reads a `tracestate`, and writes it without the blanks around its members.
---@param text any
---@return string? state nil: invalid, or empty
function w3c.state(text)
  if type(text) ~= "string" or #text > LONGEST_STATE then return nil end
  local members, known = {}, {}
  for member in (text .. ","):gmatch "([^,]*)," do
    member = w3c.trimmed(member)
    if member ~= "" then
      local key, value = member:match "^([^=]*)=(.*)$"
      if not key or not is_key(key) or not is_value(value) or known[key] then return nil end
      known[key] = true
      members[#members + 1] = member
    end
  end
  if #members == 0 or #members > MOST_MEMBERS then return nil end
  return table.concat(members, ",")
end

return w3c
