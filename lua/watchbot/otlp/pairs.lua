--- otlp.pairs: the lists `name=value,name=value` in OpenTelemetry's variables, with values that are
-- percent-encoded: headers and attributes of the resource.
-- https://opentelemetry.io/docs/specs/otel/protocol/exporter/

local percent = require "watchbot.lib.percent"
local w3c = require "watchbot.trace.w3c"

local pairs_of = {}

--- Reads a list.
---@param text string
---@return string[][]? list `{ { name, value } ... }` in its order; nil: it is not such a list
function pairs_of.read(text)
  local list = {}
  for part in (text .. ","):gmatch "([^,]*)," do
    local name, value = part:match "^([^=]*)=(.*)$"
    if name then
      name = percent.decode(w3c.trimmed(name))
      if name == "" then return nil end
      list[#list + 1] = { name, percent.decode(w3c.trimmed(value)) }
    elseif w3c.trimmed(part) ~= "" then
      return nil
    end
  end
  return list
end

return pairs_of
