--- specs.shown: a value as text for the message of a failed assertion.

local sorted = require "watchbot.lib.sorted"
local text = require "watchbot.lib.text"

-- Bytes of a text, and depth of tables, that are shown.
local LONGEST, DEEPEST = 500, 4

local function write(value, depth)
  if type(value) == "string" then return ("'%s'"):format(text.line(text.cut(value, LONGEST))) end
  if type(value) ~= "table" then return tostring(value) end
  if depth > DEEPEST then return "{ ... }" end
  local parts, seen = {}, {}
  for index, item in ipairs(value) do
    parts[index], seen[index] = write(item, depth + 1), true
  end
  local names = {}
  for key in pairs(value) do
    if not seen[key] then names[tostring(key)] = key end
  end
  for _, name in ipairs(sorted.keys(names)) do
    parts[#parts + 1] = ("%s = %s"):format(name, write(value[names[name]], depth + 1))
  end
  return #parts > 0 and ("{ %s }"):format(table.concat(parts, ", ")) or "{}"
end

---@param value any
---@return string
return function(value) return write(value, 1) end
