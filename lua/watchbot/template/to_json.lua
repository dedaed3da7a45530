--- template.to_json: a template as JSON for people and their diffs: what fits in a line is on one, keys have a stable order.

local json = require "watchbot.aws.json"
local ordered = require "watchbot.template.ordered"

-- Columns of a line that holds more than one value.
local WIDTH = 110

local in_a_line

local function list_in_a_line(list, depth)
  local items = {}
  for index, item in ipairs(list) do items[index] = in_a_line(item, depth + 1) end
  return "[" .. table.concat(items, ", ") .. "]"
end

local function map_in_a_line(map, depth)
  local items = {}
  for index, key in ipairs(ordered.keys(map, depth)) do
    items[index] = ("%s: %s"):format(json.encode(key), in_a_line(map[key], depth + 1))
  end
  return #items > 0 and "{ " .. table.concat(items, ", ") .. " }" or "{}"
end

function in_a_line(value, depth)
  if type(value) ~= "table" then return json.encode(value) end
  return ordered.is_list(value) and list_in_a_line(value, depth) or map_in_a_line(value, depth)
end

local write

local function lines_of(opening, items, closing, indent)
  local inner = indent .. "  "
  return opening .. "\n" .. inner .. table.concat(items, ",\n" .. inner) .. "\n" .. indent .. closing
end

local function write_list(list, depth, indent)
  local items = {}
  for index, item in ipairs(list) do items[index] = write(item, depth + 1, indent .. "  ", 0) end
  return lines_of("[", items, "]", indent)
end

local function write_map(map, depth, indent)
  local items = {}
  for index, key in ipairs(ordered.keys(map, depth)) do
    local name = json.encode(key) .. ": "
    items[index] = name .. write(map[key], depth + 1, indent .. "  ", #name)
  end
  return lines_of("{", items, "}", indent)
end

-- The template itself and its sections are never on one line.
function write(value, depth, indent, used)
  local line = in_a_line(value, depth)
  if type(value) ~= "table" or next(value) == nil then return line end
  if depth > 1 and #indent + used + #line <= WIDTH then return line end
  return ordered.is_list(value) and write_list(value, depth, indent) or write_map(value, depth, indent)
end

--- Writes a template that `ordered.problem` finds no fault with.
---@param template table
---@return string
return function(template)
  return write(template, 0, "", 0) .. "\n"
end
