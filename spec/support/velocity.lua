--- velocity: evaluates the mapping templates of API Gateway, as far as the webhook uses Velocity:
-- #set, #if, references with members and methods, text in single and double quotes, +, ==, !=, >,
-- ||. An undefined reference is printed unchanged, except with `$!`; a #set to an undefined value
-- changes nothing. https://velocity.apache.org/engine/1.7/user-guide.html AWS's part: see the URL
-- in template/webhook.lua.

local velocity = {}

-- The text of a table, which cannot be parsed again.
local JAVA = "{java=object}"

local methods = {
  startsWith = function(text, what) return text:sub(1, #what) == what end,
  length = function(text) return utf8.len(text) end,
  substring = function(text, from, to) return text:sub(from + 1, to) end,
  replaceAll = function(text, class, with)
    return (text:gsub(class:gsub("^%[(.*)%]$", "[%1]"), with))
  end,
}

---@class velocity.Reader
local Reader = {}
Reader.__index = Reader

function Reader:take(pattern)
  local from, to, first = self.text:find("^" .. pattern, self.at)
  if not from then return nil end
  self.at = to + 1
  return first or self.text:sub(from, to)
end

function Reader:need(pattern)
  return self:take(pattern) or error(("at '%s': expected %s"):format(self.text:sub(self.at,
    self.at + 40), pattern))
end

local expression

local function arguments(reader)
  local list = {}
  if not reader:take "%(" then return nil end
  while not reader:take "%s*%)" do
    list[#list + 1] = { expression(reader) }
    reader:take "%s*,"
  end
  for index, one in ipairs(list) do list[index] = one[1] end
  return list
end

local function member(reader, value, name)
  local given = arguments(reader)
  if given and type(value) == "table" then return value[name](table.unpack(given)) end
  if given then
    return type(value) == "string" and methods[name](value, table.unpack(given)) or nil
  end
  if type(value) == "table" then return value[name] end
end

-- => value, its text where it is nothing
local function reference(reader)
  local from = reader.at
  reader:need "%$"
  local quiet, braced = reader:take "!", reader:take "{"
  local value = reader.variables[reader:need "[%a_][%w_]*"]
  while reader.text:find("^%.%a", reader.at) do
    reader:need "%."
    value = member(reader, value, reader:need "%a%w*")
  end
  if braced then reader:need "}" end
  return value, quiet and "" or reader.text:sub(from, reader.at - 1)
end

local function shown(value, instead)
  if value == nil then return instead end
  return type(value) == "table" and JAVA or tostring(value)
end

local function interpolated(text, variables)
  local reader, parts = setmetatable({ text = text, at = 1, variables = variables }, Reader), {}
  while reader.at <= #text do
    parts[#parts + 1] = reader:take "[^$]+" or shown(reference(reader))
  end
  return table.concat(parts)
end

local function operand(reader)
  reader:take "%s+"
  local single, double = reader:take "'([^']*)'", nil
  if not single then double = reader:take '"([^"]*)"' end
  if double then return interpolated(double, reader.variables) end
  return single or tonumber(reader:take "%d+") or (reference(reader))
end

local operators = {
  ["+"] = function(a, b) return a + b end, [">"] = function(a, b) return a > b end,
  ["=="] = function(a, b) return a == b end, ["!="] = function(a, b) return a ~= b end,
}

local function comparison(reader)
  local left = operand(reader)
  local operator = reader:take "%s*([=!]=)" or reader:take "%s*([+>])"
  if not operator then return left end
  return operators[operator](left, operand(reader))
end

function expression(reader)
  local value = comparison(reader)
  while reader:take "%s*||" do
    local other = comparison(reader)
    value = value or other
  end
  return value
end

local block

local function set(reader)
  local name = reader:need "%s*%$([%w_]+)%s*="
  local value = expression(reader)
  reader:need "%s*%)"
  if value ~= nil then reader.variables[name] = value end
end

-- To the #end of this block, without a look at what is in it.
local function skip(reader)
  local depth = 0
  while depth > 0 or not reader.text:find("^#end", reader.at) do
    if reader:take "#if" then depth = depth + 1
    elseif reader:take "#end" then depth = depth - 1
    else reader:need "." end
  end
end

local directives = {
  { "#set%(", set },
  { "#if%(", function(reader)
    local holds = expression(reader)
    reader:need "%s*%)"
    if holds then block(reader) else skip(reader) end
    reader:need "#end"
  end },
}

local function directive(reader)
  for _, one in ipairs(directives) do
    if reader:take(one[1]) then return one[2](reader) or true end
  end
end

-- Up to #end, or the end.
function block(reader)
  while reader.at <= #reader.text and not reader.text:find("^#end", reader.at) do
    if not directive(reader) then
      reader.out[#reader.out + 1] = reader:take "[^#$]+" or shown(reference(reader))
    end
  end
end

--- Evaluates a template.
---@param text string
---@param variables table<string, any> input, util, context
---@return string
function velocity.evaluate(text, variables)
  local reader = setmetatable({ text = text, at = 1, variables = variables, out = {} }, Reader)
  block(reader)
  assert(reader.at > #text, "an #end too many")
  return table.concat(reader.out)
end

return velocity
