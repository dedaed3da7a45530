--- trace.xray: the trace header of AWS X-Ray, `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=
-- 53995c3f42cd8ad8;Sampled=1`. Its root has the 32 digits of a trace id of W3C.
-- https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader

local w3c = require "watchbot.trace.w3c"

-- Bytes of a header; those of AWS have fewer than 200.
local LONGEST = 1024

local xray = {}

---@class watchbot.XrayHeader
---@field trace_id string
---@field span_id string?
---@field sampled boolean? nil: not decided yet

-- The fields by name; nil where it is no list of `name=value`, or a name stands there twice.
local function fields_of(text)
  local fields = {}
  for part in (text .. ";"):gmatch "([^;]*);" do
    local name, value = part:match "^ *(%w+)=([!-:<-~]*) *$"
    if not name and part:find "[^ ]" or name and fields[name] then return nil end
    if name then fields[name] = value end
  end
  return fields
end

local SAMPLED = { ["0"] = false, ["1"] = true }

--- Reads a header. Fields of other names are not handed on.
---@param text any
---@return watchbot.XrayHeader? nil: invalid
function xray.read(text)
  if type(text) ~= "string" or #text > LONGEST then return nil end
  local fields = fields_of(text)
  local seconds, rest = (fields and fields.Root or ""):match "^1%-(%x+)%-(%x+)$"
  if not seconds or #seconds ~= 8 or not w3c.is_trace_id(seconds .. rest) then return nil end
  if fields.Parent and not w3c.is_span_id(fields.Parent) then return nil end
  local sampled = SAMPLED[fields.Sampled]
  if fields.Sampled and sampled == nil and fields.Sampled ~= "?" then return nil end
  return { trace_id = seconds .. rest, span_id = fields.Parent, sampled = sampled }
end

--- Writes a header.
---@param header watchbot.XrayHeader
---@return string
function xray.write(header)
  local parts = { ("Root=1-%s-%s"):format(header.trace_id:sub(1, 8), header.trace_id:sub(9)) }
  if header.span_id then parts[2] = "Parent=" .. header.span_id end
  if header.sampled ~= nil then parts[#parts + 1] = "Sampled=" .. (header.sampled and 1 or 0) end
  return table.concat(parts, ";")
end

--- A header of unknown origin as it may be handed on.
---@param text any
---@return string? header nil: invalid
function xray.checked(text)
  local header = xray.read(text)
  return header and xray.write(header)
end

return xray
