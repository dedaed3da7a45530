--- otlp.pairs: the lists `name=value,name=value` in OpenTelemetry's variables, with values that are
-- percent-encoded: headers and attributes of the resource.
-- https://opentelemetry.io/docs/specs/otel/protocol/exporter/

local w3c = require "watchbot.trace.w3c"

local pairs_of = {}

local function decoded(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

--- Reads a list.
---@param text string
---@return string[][]? list `{ { name, value } ... }` in its order; nil: it is not such a list
function pairs_of.read(text)
  local list = {}
  for part in (text .. ","):gmatch "([^,]*)," do
    local name, value = part:match "^([^=]*)=(.*)$"
    if name then
      name = decoded(w3c.trimmed(name))
      if name == "" then return nil end
      list[#list + 1] = { name, decoded(w3c.trimmed(value)) }
    elseif w3c.trimmed(part) ~= "" then
      return nil
    end
  end
  return list
end

return pairs_of
