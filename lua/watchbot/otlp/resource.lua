--- otlp.resource: what exports: the attributes of the environment, and those of this program.
-- https://opentelemetry.io/docs/specs/semconv/resource/

local core = require "watchbot.core".aws
local encode = require "watchbot.otlp.encode"
local version = require "watchbot.version"

--- The attributes of a resource.
---@param given string[][] `{ { name, value } ... }`, which take precedence
---@return table[]?
return function(given)
  local flat, known = {}, {}
  for _, one in ipairs(given) do
    flat[#flat + 1], flat[#flat + 2], known[one[1]] = one[1], one[2], true
  end
  local ours = {
    "service.version", version, "service.instance.id", core.uuid(),
    "telemetry.sdk.name", "watchbot", "telemetry.sdk.language", "lua", "telemetry.sdk.version",
    version,
  }
  for index = 1, #ours, 2 do
    if not known[ours[index]] then table.move(ours, index, index + 1, #flat + 1, flat) end
  end
  return encode.attributes(table.unpack(flat))
end
