--- template.to_json: a template as JSON that is easy to read and diff: what fits on a line is on
-- one line, and keys have a stable order.

local json = require "watchbot.lib.json"
local limits = require "watchbot.lib.limits"
local list = require "watchbot.lib.list"
local ordered = require "watchbot.template.ordered"

-- Columns of a line with more than one value.
local WIDTH = 110

-- A template that CloudFormation would not take in a call is indented less.
local INLINE = limits.cloudformation.body

local in_a_line

-- The text between the brackets; nil as soon as it is too long, so that long values are not built
-- again and again.
local function items_in_a_line(keys, value, depth, room)
  local items = {}
  for index, key in ipairs(keys) do
    local name = type(key) == "string" and json.encode(key) .. ": " or ""
    local item = in_a_line(value[key], depth + 1, room - #name)
    if not item then return nil end
    items[index] = name .. item
    room = room - #items[index] - #", "
  end
  return table.concat(items, ", ")
end

local function positions(items)
  local keys = {}
  for index = 1, #items do keys[index] = index end
  return keys
end

local function table_in_a_line(value, depth, room)
  local listed = list.written(value)
  if next(value) == nil then return listed and "[]" or "{}" end
  local items = items_in_a_line(listed and positions(value) or ordered.keys(value, depth),
    value, depth, room)
  if not items then return nil end
  return listed and "[" .. items .. "]" or "{ " .. items .. " }"
end

-- The value on one line of at most `room` bytes, or nil.
function in_a_line(value, depth, room)
  if room < 0 then return nil end
  local line
  if type(value) == "table" then
    line = table_in_a_line(value, depth, room)
  else
    line = json.encode(value)
  end
  return line and #line <= room and line or nil
end

local write

local function lines_of(opening, items, closing, indent, step)
  local inner = indent .. step
  return opening .. "\n" .. inner .. table.concat(items, ",\n" .. inner) .. "\n" .. indent
    .. closing
end

local function write_list(items, depth, indent, step)
  local texts = {}
  for index, item in ipairs(items) do
    texts[index] = write(item, depth + 1, indent .. step, step, 0)
  end
  return lines_of("[", texts, "]", indent, step)
end

local function write_map(map, depth, indent, step)
  local items = {}
  for index, key in ipairs(ordered.keys(map, depth)) do
    local name = json.encode(key) .. ": "
    items[index] = name .. write(map[key], depth + 1, indent .. step, step, #name)
  end
  return lines_of("{", items, "}", indent, step)
end

-- The template and its sections are never on one line; text always is.
function write(value, depth, indent, step, used)
  if type(value) ~= "table" or next(value) == nil then return in_a_line(value, depth, math.huge) end
  local line = depth > 1 and in_a_line(value, depth, WIDTH - #indent - used)
  if line then return line end
  local write_table = list.written(value) and write_list or write_map
  return write_table(value, depth, indent, step)
end

--- Writes a template in which `ordered.problem` finds no problem.
---@param template table
---@return string
return function(template)
  local text
  for _, step in ipairs { "  ", " ", "" } do
    text = write(template, 0, "", step, 0) .. "\n"
    if #text <= INLINE then break end
  end
  return text
end
