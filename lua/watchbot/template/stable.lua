--- template.stable: JSON with sorted members on one line: the same table always gives the same
-- text.
-- For text inside a template: the body of a dashboard, and the input of a hash.

local json = require "watchbot.lib.json"
local list = require "watchbot.lib.list"
local ordered = require "watchbot.template.ordered"

-- Used below values that define their own order.
local DEEP = math.huge

---@param value any
---@return string
local function stable(value)
  if type(value) ~= "table" then return json.encode(value) end
  local parts = {}
  if list.written(value) then
    for index, item in ipairs(value) do parts[index] = stable(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for index, name in ipairs(ordered.keys(value, DEEP)) do
    parts[index] = json.encode(name) .. ":" .. stable(value[name])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

return stable
