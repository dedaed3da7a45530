--- template.pieces: text that is joined from pieces, some of which are intrinsics; also JSON text,
-- which passes values to the watcher in the container's environment.

local cf = require "watchbot.template.cf"
local json = require "watchbot.lib.json"
local sorted = require "watchbot.lib.sorted"

local pieces = {}

-- A piece as part of the text of Fn::Sub; nil if it cannot be one.
local function in_sub(piece)
  if not cf.is(piece) then return (tostring(piece):gsub("%${", "${!")) end
  local attribute, text = piece["Fn::GetAtt"], piece["Fn::Sub"]
  if piece.Ref then return "${" .. piece.Ref .. "}" end
  if attribute then
    return type(attribute) == "table" and ("${%s.%s}"):format(attribute[1], attribute[2]) or nil
  end
  return type(text) == "string" and text or nil
end

-- Text, one Fn::Sub, or Fn::Join, which works for everything.
local function joined(list)
  local texts, plain = {}, true
  for index, piece in ipairs(list) do
    plain = plain and not cf.is(piece)
    texts[index] = in_sub(piece) or false
    if not texts[index] then return #list == 1 and list[1] or cf.join("", list) end
  end
  if plain then return table.concat(list) end
  return #list == 1 and list[1] or cf.sub(table.concat(texts))
end

--- The pieces joined: text if all are plain, otherwise an intrinsic.
---@param ... any
---@return any
function pieces.concat(...)
  return joined { ... }
end

--- The items of a list joined with a separator; the list may be an intrinsic itself.
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

--- For `json`: a value without quotes: a number that an intrinsic returns.
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
  into[#into + 1] = "{"
  for index, key in ipairs(sorted.keys(value)) do
    into[#into + 1] = (index > 1 and "," or "") .. json.encode(key) .. ":"
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
    into[#into + 1] = json.encode(value)
  elseif #value > 0 then
    write_list(value, into)
  else
    write_table(value, into)
  end
end

--- A value as JSON text. The value of an intrinsic must not need escapes: names, ARNs and ids do
--- not.
---@param value any
---@return any
function pieces.json(value)
  local parts = {}
  write(value, parts)
  return joined(parts)
end

return pieces
