--- template.cf: CloudFormation's intrinsic functions, as calls that make the tables which stand for them in a template.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html

local cf = {}

---@alias watchbot.cf.Value any what CloudFormation takes for a value: a constant, or one of these tables

--- Of a parameter its value, of a resource its name or ARN (its documentation says which), of a pseudo parameter what it says.
---@param id string a logical id, or `AWS::StackName` and the like
---@return table
function cf.ref(id) return { Ref = id } end

---@param id string
---@param attribute string
---@return table
function cf.getatt(id, attribute) return { ["Fn::GetAtt"] = { id, attribute } } end

---@param text string with `${Id}`, `${Id.Attribute}` or `${Name}` of `variables`
---@param variables table<string, watchbot.cf.Value>?
---@return table
function cf.sub(text, variables) return { ["Fn::Sub"] = variables and { text, variables } or text } end

---@param separator string
---@param parts watchbot.cf.Value[]|table
---@return table
function cf.join(separator, parts) return { ["Fn::Join"] = { separator, parts } } end

---@param separator string
---@param text watchbot.cf.Value
---@return table
function cf.split(separator, text) return { ["Fn::Split"] = { separator, text } } end

---@param index integer from 0
---@param list watchbot.cf.Value
---@return table
function cf.select(index, list) return { ["Fn::Select"] = { index, list } } end

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
function cf.find_in_map(map, first, second) return { ["Fn::FindInMap"] = { map, first, second } } end

---@param region watchbot.cf.Value?
---@return table
function cf.get_azs(region) return { ["Fn::GetAZs"] = region or "" } end

--- One of two values, by a condition of the template.
---@param condition string its logical id
---@param yes watchbot.cf.Value
---@param no watchbot.cf.Value
---@return table
function cf.if_(condition, yes, no) return { ["Fn::If"] = { condition, yes, no } } end

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

--- Whether a value is one of these tables: one whose only key is the name of a function.
---@param value any
---@return boolean
function cf.is(value)
  if type(value) ~= "table" then return false end
  local key = next(value)
  if type(key) ~= "string" or next(value, key) ~= nil then return false end
  return key == "Ref" or key == "Condition" or key:match "^Fn::" ~= nil
end

return cf
