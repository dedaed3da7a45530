--- sorted: the keys of a table in a stable order.

local sorted = {}

local function by_text(a, b) return tostring(a) < tostring(b) end

--- The keys of a map, ordered by their text.
---@param map table
---@return any[]
function sorted.keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, by_text)
  return keys
end

return sorted
