--- template.cf: CloudFormation's intrinsic functions, as calls that return the tables a template
-- has for them. A missing name is refused here: `{ Ref = nil }` would be an empty table, and the
-- mistake would go unnoticed.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html

local json = require "watchbot.lib.json"

local cf = {}

-- Raises an error at the caller's position.
local function refuse(whose, expected, value)
  error(("cf.%s: expected %s, got %s"):format(whose, expected,
    type(value) == "string" and "''" or type(value)), 3)
end

local function is_name(value) return type(value) == "string" and value ~= "" end

-- A list that is written as a list even if it is empty; or a function that returns one.
local function list_of(value)
  if type(value) ~= "table" then return nil end
  if cf.is(value) then return value end
  return (next(value) == nil or #value > 0) and json.list(value) or nil
end

---@alias watchbot.cf.Value any a value that CloudFormation accepts: a constant, or one of these
--- tables

--- The value of a parameter; the name or ARN of a resource (its documentation says which); the
--- value of a pseudo parameter.
---@param id string a logical id, or `AWS::StackName` and the like
---@return table
function cf.ref(id)
  if not is_name(id) then refuse("ref", "the name of a resource or parameter", id) end
  return { Ref = id }
end

---@param id string
---@param attribute string
---@return table
function cf.getatt(id, attribute)
  if not is_name(id) then refuse("getatt", "the name of a resource", id) end
  if not is_name(attribute) then refuse("getatt", "the name of an attribute", attribute) end
  return { ["Fn::GetAtt"] = { id, attribute } }
end

---@param text string with `${Id}`, `${Id.Attribute}` or `${Name}` of `variables`
---@param variables table<string, watchbot.cf.Value>?
---@return table
function cf.sub(text, variables)
  if not is_name(text) then refuse("sub", "text", text) end
  return { ["Fn::Sub"] = variables and { text, variables } or text }
end

---@param separator string
---@param parts watchbot.cf.Value[]|table
---@return table
function cf.join(separator, parts)
  if type(separator) ~= "string" then
    refuse("join", "a separator, then a list", separator)
  end
  local list = list_of(parts)
  if not list then refuse("join", "a list", parts) end
  return { ["Fn::Join"] = { separator, list } }
end

---@param separator string
---@param text watchbot.cf.Value
---@return table
function cf.split(separator, text)
  if not is_name(text) and not cf.is(text) then
    refuse("split", "a separator, then text", text)
  end
  return { ["Fn::Split"] = { separator, text } }
end

---@param index integer from 0
---@param list watchbot.cf.Value[]|table
---@return table
function cf.select(index, list)
  local items = list_of(list)
  if not items then refuse("select", "an index from 0, then a list", list) end
  return { ["Fn::Select"] = { index, items } }
end

---@param text watchbot.cf.Value
---@return table
function cf.base64(text) return { ["Fn::Base64"] = text } end

---@param name watchbot.cf.Value
---@return table
function cf.import_value(name) return { ["Fn::ImportValue"] = name } end

---@param map string
---@param first watchbot.cf.Value
---@param second watchbot.cf.Value
---@return table
function cf.find_in_map(map, first, second)
  return { ["Fn::FindInMap"] = { map, first, second } }
end

---@param region watchbot.cf.Value?
---@return table
function cf.get_azs(region) return { ["Fn::GetAZs"] = region or "" } end

--- One of two values, by a condition of the template.
---@param condition string its logical id
---@param yes watchbot.cf.Value
---@param no watchbot.cf.Value
---@return table
function cf.if_(condition, yes, no)
  if not is_name(condition) then refuse("if_", "the name of a condition", condition) end
  if yes == nil or no == nil then
    refuse("if_", "two values ({ Ref = 'AWS::NoValue' } leaves one out)", nil)
  end
  return { ["Fn::If"] = { condition, yes, no } }
end

---@return table
function cf.equals(left, right) return { ["Fn::Equals"] = { left, right } } end

---@return table
function cf.not_(condition) return { ["Fn::Not"] = { condition } } end

---@return table
function cf.and_(...) return { ["Fn::And"] = { ... } } end

---@return table
function cf.or_(...) return { ["Fn::Or"] = { ... } } end

---@param id string
---@return table
function cf.condition(id) return { Condition = id } end

--- Whether a value is an intrinsic: a table whose only key is the name of a function.
---@param value any
---@return boolean
function cf.is(value)
  if type(value) ~= "table" then return false end
  local key = next(value)
  if type(key) ~= "string" or next(value, key) ~= nil then return false end
  return key == "Ref" or key == "Condition" or key:match "^Fn::" ~= nil
end

return cf
