--- template.normal: a template's values as CloudFormation would compute them, as far as they are
-- known in advance: equal values have the same form, however they were written. Text with an
-- unknown part becomes a join of pieces.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html

local cf = require "watchbot.template.cf"
local list = require "watchbot.lib.list"

local normal = {}

--- Represents AWS::NoValue.
normal.NOTHING = setmetatable({}, { __name = "nothing" })

local value_of

local function append(pieces, more)
  if type(more) == "string" and type(pieces[#pieces]) == "string" then
    pieces[#pieces] = pieces[#pieces] .. more
  elseif more ~= "" then
    pieces[#pieces + 1] = more
  end
end

--- The pieces of a text: strings, and intrinsics between them.
---@param value any a normal value
---@return any[]
function normal.pieces(value)
  if type(value) == "table" and value.pieces then return value.pieces end
  return value == "" and {} or { value }
end

local function text_of(values)
  local pieces = {}
  for _, value in ipairs(values) do
    for _, piece in ipairs(normal.pieces(value)) do append(pieces, piece) end
  end
  if #pieces == 0 then return "" end
  return #pieces == 1 and pieces[1] or { pieces = pieces }
end

local functions = {}

function functions.Ref(id)
  return id == "AWS::NoValue" and normal.NOTHING or { Ref = id }
end

functions["Fn::GetAtt"] = function(arguments)
  if type(arguments) == "table" then arguments = table.concat(arguments, ".") end
  return { ["Fn::GetAtt"] = tostring(arguments) }
end

functions["Fn::Join"] = function(arguments, template)
  local items = value_of(arguments[2], template)
  if type(items) ~= "table" or items.known == nil then
    return { ["Fn::Join"] = { arguments[1], items } }
  end
  local values = {}
  for index, item in ipairs(items) do
    if index > 1 then values[#values + 1] = arguments[1] end
    values[#values + 1] = item
  end
  return text_of(values)
end

local function variable(name, variables, template)
  if variables[name] ~= nil then return value_of(variables[name], template) end
  if name:sub(1, 1) == "!" then return "${" .. name:sub(2) .. "}" end
  if name:find(".", 1, true) then return functions["Fn::GetAtt"](name) end
  return functions.Ref(name)
end

functions["Fn::Sub"] = function(arguments, template)
  local text, variables = arguments, {}
  if type(arguments) == "table" then text, variables = arguments[1], arguments[2] or {} end
  local values, at = {}, 1
  for before, name, after in text:gmatch "()%${([^}]*)}()" do
    values[#values + 1] = text:sub(at, before - 1)
    values[#values + 1] = variable(name, variables, template)
    at = after
  end
  values[#values + 1] = text:sub(at)
  return text_of(values)
end

-- Conditions: true, false, or nil if unknown.

local truths = {}

local function truth(condition, template)
  local name, arguments = next(condition)
  return truths[name] and truths[name](arguments, template)
end

function truths.Condition(id, template)
  local condition = template.Conditions and template.Conditions[id]
  if type(condition) == "table" then return truth(condition, template) end
end

truths["Fn::Equals"] = function(arguments, template)
  local first, second = value_of(arguments[1], template), value_of(arguments[2], template)
  if type(first) == "string" and type(second) == "string" then return first == second end
end

truths["Fn::Not"] = function(arguments, template)
  local holds = truth(arguments[1], template)
  if holds ~= nil then return not holds end
end

-- A value that is `decisive` decides; otherwise all values must be known.
local function of_all(decisive)
  return function(arguments, template)
    local unknown = false
    for _, condition in ipairs(arguments) do
      local holds = truth(condition, template)
      if holds == decisive then return decisive end
      unknown = unknown or holds == nil
    end
    if not unknown then return not decisive end
  end
end

truths["Fn::And"], truths["Fn::Or"] = of_all(false), of_all(true)

functions["Fn::If"] = function(arguments, template)
  local holds = truths.Condition(arguments[1], template)
  if holds ~= nil then return value_of(arguments[holds and 2 or 3], template) end
  return { choices = { value_of(arguments[2], template), value_of(arguments[3], template) } }
end

functions["Fn::Select"] = function(arguments, template)
  local index, items = tonumber(arguments[1]), value_of(arguments[2], template)
  local item = index and type(items) == "table" and items.known and items[index + 1]
  return item or { ["Fn::Select"] = { tostring(arguments[1]), items } }
end

-- Lists are marked, which distinguishes a known list from an intrinsic.
local function list_of(value, template)
  local items = { known = true }
  for _, item in ipairs(value) do
    local made = value_of(item, template)
    if made ~= normal.NOTHING then items[#items + 1] = made end
  end
  return items
end

local function map_of(value, template)
  local map = {}
  for name, item in pairs(value) do
    local made = value_of(item, template)
    if made ~= normal.NOTHING then map[name] = made end
  end
  return map
end

-- CloudFormation converts numbers and booleans to text and back, as a property requires.
function value_of(value, template)
  if math.type(value) == "float" and math.tointeger(value) then value = math.tointeger(value) end
  if type(value) ~= "table" then return tostring(value) end
  if cf.is(value) then
    local name, arguments = next(value)
    if functions[name] then return functions[name](arguments, template) end
    return map_of(value, template)
  end
  if list.written(value) then return list_of(value, template) end
  return map_of(value, template)
end

--- Whether a condition holds; nil if unknown.
---@param id string
---@param template table
---@return boolean?
function normal.holds(id, template) return truths.Condition(id, template) end

--- The normal form of a value.
---@param value any
---@param template table whose conditions count
---@return any
function normal.of(value, template)
  if value == nil then return normal.NOTHING end
  return value_of(value, template)
end

return normal
