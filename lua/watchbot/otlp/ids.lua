--- otlp.ids: ids of traces and spans, which nothing else in the fleet may have: from the random
-- bytes of the system, by a hash.

local core = require "watchbot.core".aws

local ids = {}

local seed, drawn, pool = nil, 0, ""

local function digits(count)
  if #pool < count then
    seed = seed or core.uuid() .. core.uuid()
    drawn = drawn + 1
    pool = core.sha256(("%s %d"):format(seed, drawn))
  end
  local taken = pool:sub(1, count)
  pool = pool:sub(count + 1)
  return taken
end

--- A new id of a trace. It begins with the time, as AWS X-Ray has it; the rest is random.
---@param milliseconds integer since the epoch
---@return string 32 digits of hex
function ids.trace(milliseconds)
  return ("%08x%s"):format(milliseconds // 1000 & 0xffffffff, digits(24))
end

--- A new id of a span.
---@return string 16 digits of hex
function ids.span()
  local id = digits(16)
  -- An id of zeros is invalid.
  return id:find "[^0]" and id or ids.span()
end

return ids
