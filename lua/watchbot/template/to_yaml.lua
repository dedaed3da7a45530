--- template.to_yaml: a template as YAML in block style, with the long names of functions. Writes
-- text without quotes only if every reader of YAML 1.1 or 1.2 reads it as the same text; "no",
-- "012", "1e3", "12:30", "=" and dates need quotes.
-- https://yaml.org/type/bool.html and its neighbours

local json = require "watchbot.lib.json"
local list = require "watchbot.lib.list"
local ordered = require "watchbot.template.ordered"

local words = {}
for word in ("y n yes no true false on off null"):gmatch "%a+" do words[word] = true end

-- Starts with a letter and has no character with a meaning in YAML: a colon has one before a space
-- or at the end.
local function is_plain(text)
  return text:match "^%a[%w_./@+:%-]*$" and not text:match ":$" and not words[text:lower()]
end

-- JSON's quotes are valid in YAML except for characters that YAML treats as a line break or
-- refuses: DEL, U+0080 to U+009F, U+2028, U+2029, U+FEFF.
local function quoted(text)
  local function escape(character) return ("\\u%04x"):format(utf8.codepoint(character)) end
  return (json.encode(text):gsub("\127", escape):gsub("\xC2[\x80-\x9F]", escape)
    :gsub("\xE2\x80[\xA8\xA9]", escape):gsub("\u{FEFF}", escape))
end

-- Text of several lines is written in block style, if that does not change it.
local function can_be_block(text)
  return text:match "^[%g][%g \n]*\n" and not text:find "\n\n+$" and not text:find "[^%g \n]"
    and not text:find " \n"
end

local function block(text, indent)
  local lines = text:gsub("\n$", "")
  return (text:match "\n$" and "|" or "|-") .. "\n" .. indent .. "  "
    .. lines:gsub("\n", "\n" .. indent .. "  ")
end

-- In YAML 1.1 a number with an exponent needs a decimal point.
local function number(value)
  local text = json.encode(value)
  return text:find("e", 1, true) and not text:find(".", 1, true) and (text:gsub("e", ".0e")) or text
end

local function is_nested(value)
  return type(value) == "table" and next(value) ~= nil
end

local function scalar(value, indent)
  if type(value) == "table" then return list.written(value) and "[]" or "{}" end
  if type(value) == "number" then return number(value) end
  if type(value) ~= "string" then return json.encode(value) end
  if is_plain(value) then return value end
  return can_be_block(value) and block(value, indent) or quoted(value)
end

local write

local function write_list(items, depth, indent, lines)
  for _, item in ipairs(items) do
    if is_nested(item) then
      local inner = {}
      write(item, depth + 1, indent .. "  ", inner)
      inner[1] = indent .. "- " .. inner[1]:sub(#indent + 3)
      table.move(inner, 1, #inner, #lines + 1, lines)
    else
      lines[#lines + 1] = indent .. "- " .. scalar(item, indent)
    end
  end
end

local function write_map(map, depth, indent, lines)
  for _, key in ipairs(ordered.keys(map, depth)) do
    local value, name = map[key], indent .. (is_plain(key) and key or quoted(key)) .. ":"
    if is_nested(value) then
      lines[#lines + 1] = name
      write(value, depth + 1, indent .. "  ", lines)
    else
      lines[#lines + 1] = name .. " " .. scalar(value, indent)
    end
  end
end

function write(value, depth, indent, lines)
  if list.written(value) then return write_list(value, depth, indent, lines) end
  return write_map(value, depth, indent, lines)
end

--- Writes a template in which `ordered.problem` finds no problem.
---@param template table
---@return string
return function(template)
  if not is_nested(template) then return "{}\n" end
  local lines = {}
  write(template, 0, "", lines)
  return table.concat(lines, "\n") .. "\n"
end
