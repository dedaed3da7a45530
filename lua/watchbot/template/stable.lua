--- template.stable: JSON with its members in the order of their names, on one line: the same table
-- is the same text each time.
-- For text inside a template: a dashboard's body, and what a hash is made of.

local json = require "watchbot.lib.json"
local ordered = require "watchbot.template.ordered"

-- Below whatever has its own order.
local DEEP = math.huge

---@param value any
---@return string
local function stable(value)
  if type(value) ~= "table" then return json.encode(value) end
  local parts = {}
  if ordered.is_list(value) then
    for index, item in ipairs(value) do parts[index] = stable(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for index, name in ipairs(ordered.keys(value, DEEP)) do
    parts[index] = json.encode(name) .. ":" .. stable(value[name])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

return stable
