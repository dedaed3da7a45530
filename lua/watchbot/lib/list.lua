--- list: which tables are lists.

local json = require "watchbot.lib.json"

local list = {}

--- Whether a value is a table whose keys are 1 to n, without a hole. An empty table is one.
---@param value any
---@return boolean
function list.is(value)
  if type(value) ~= "table" then return false end
  local count = 0
  for key in pairs(value) do
    if math.type(key) ~= "integer" or key < 1 or key > #value then return false end
    count = count + 1
  end
  return count == #value
end

--- Whether a table is written as a list, in JSON and in what is like it. An empty table is written
--- as a map, unless it is marked as a list (`watchbot.aws.list`). Does not look for holes, nor for
--- names among the keys: the writers refuse those with the place.
---@param value table
---@return boolean
function list.written(value)
  return #value > 0 or json.is_list(value)
end

return list
