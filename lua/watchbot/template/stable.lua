--- template.stable: JSON with its members in the order of their names, on one line: the same table is the same text each time.
-- For text inside a template: a dashboard's body, and what a hash is made of.

local encode = require "cjson".encode

local function is_list(value)
  return #value > 0
end

--- A table without items is an object.
---@param value any
---@return string
local function stable(value)
  if type(value) ~= "table" then return encode(value) end
  local parts = {}
  if is_list(value) then
    for index, item in ipairs(value) do parts[index] = stable(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for name, member in pairs(value) do parts[#parts + 1] = encode(name) .. ":" .. stable(member) end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

return stable
