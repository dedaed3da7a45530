--- sorted: the keys of a table in an order that is the same each time.

local sorted = {}

local function by_text(a, b) return tostring(a) < tostring(b) end

--- The keys of a map, in the order of their texts.
---@param map table
---@return any[]
function sorted.keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, by_text)
  return keys
end

return sorted
