--- template.pieces: text that is made of pieces, some of which are intrinsics; also JSON text, for what a container's
-- environment hands to the watcher.

local cf = require "watchbot.template.cf"
local core = require "watchbot.core"

local pieces = {}

-- Plain neighbours become one piece.
local function joined(list)
  local result = {}
  for _, piece in ipairs(list) do
    if cf.is(piece) or cf.is(result[#result] or {}) or #result == 0 then
      result[#result + 1] = cf.is(piece) and piece or tostring(piece)
    else
      result[#result] = result[#result] .. tostring(piece)
    end
  end
  if #result == 0 then return "" end
  return #result == 1 and result[1] or cf.join("", result)
end

--- The pieces one after the other: text where all are plain, else an intrinsic.
---@param ... any
---@return any
function pieces.concat(...)
  return joined { ... }
end

--- The items of a list with something between them; the list may be an intrinsic itself.
---@param separator string
---@param list any
---@return any
function pieces.list(separator, list)
  if cf.is(list) then return cf.join(separator, list) end
  local parts = {}
  for index, item in ipairs(list) do
    if index > 1 then parts[#parts + 1] = separator end
    parts[#parts + 1] = item
  end
  return joined(parts)
end

local Raw = {}

--- For `json`: what is not put into quotes, a number that an intrinsic stands for.
---@param ... any
---@return table
function pieces.raw(...)
  return setmetatable({ ... }, Raw)
end

--- For `json`: a list of text, which may be an intrinsic itself.
---@param list any
---@return table
function pieces.texts(list)
  return cf.is(list) and pieces.raw('["', cf.join('","', list), '"]') or list
end

local write

local function write_table(value, into)
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  into[#into + 1] = "{"
  for index, key in ipairs(keys) do
    into[#into + 1] = (index > 1 and "," or "") .. core.json.encode(key) .. ":"
    write(value[key], into)
  end
  into[#into + 1] = "}"
end

local function write_list(value, into)
  into[#into + 1] = "["
  for index, item in ipairs(value) do
    if index > 1 then into[#into + 1] = "," end
    write(item, into)
  end
  into[#into + 1] = "]"
end

function write(value, into)
  if getmetatable(value) == Raw then
    table.move(value, 1, #value, #into + 1, into)
  elseif cf.is(value) then
    table.move({ '"', value, '"' }, 1, 3, #into + 1, into)
  elseif type(value) ~= "table" then
    into[#into + 1] = core.json.encode(value)
  elseif #value > 0 then
    write_list(value, into)
  else
    write_table(value, into)
  end
end

--- A value as JSON text. What an intrinsic stands for must need no escape: names, ARNs and ids do not.
---@param value any
---@return any
function pieces.json(value)
  local parts = {}
  write(value, parts)
  return joined(parts)
end

return pieces
