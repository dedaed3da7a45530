--- template.statement: a statement of an IAM policy, and a list of them, as the values of options.
-- IAM would report an invalid statement only while the stack is created.
-- https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html

local cf = require "watchbot.template.cf"
local kinds = require "watchbot.template.kinds"
local limits = require "watchbot.lib.limits"
local list = require "watchbot.lib.list"
local suggest = require "watchbot.lib.suggest"

-- One value or a list of them, none of them empty.
local function one_or_more(item, expected)
  return kinds.either(expected, item, kinds.list(item, expected))
end

local action = one_or_more(kinds.matching("'*' or SERVICE:ACTION", "^%*$", nil,
  "^[%w-]+:[%w*?]+$"), "an action like 's3:GetObject', or a list")

local resource = one_or_more(kinds.matching("'*' or an ARN", "^%*$", nil,
  "^arn:aws[%l-]*:[^:]+:[^:]*:[^:]*:.+$"), "an ARN or '*', or a list")

-- https://docs.aws.amazon.com/IAM/latest/UserGuide/
-- reference_policies_elements_condition_operators.html
local OPERATORS = {
  "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
  "StringLike", "StringNotLike", "NumericEquals", "NumericNotEquals", "NumericLessThan",
  "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals",
  "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
  "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals",
  "ArnLike", "ArnNotEquals", "ArnNotLike", "Null",
}

local is_operator = {}
for _, name in ipairs(OPERATORS) do is_operator[name:lower()] = true end

local operator = { expected = "an operator of conditions, like 'StringEquals'",
  check = function(name)
    local base = name:lower():gsub("^forallvalues:", ""):gsub("^foranyvalue:", "")
    if is_operator[base] then return true end
    if base ~= "nullifexists" and is_operator[base:match "^(.*)ifexists$"] then return true end
    return false, ("unknown operator '%s' of a condition%s"):format(name,
      suggest.hint(name:gsub("^For%a+:", ""), OPERATORS))
  end }

local compared = { expected = "text, a number, true or false", check = function(value)
  local kind = type(value)
  return kind == "string" or kind == "number" or kind == "boolean"
end }

local condition = kinds.map(kinds.map(one_or_more(compared, "text, or a list of texts"),
  "a table of condition keys to values"), "a table of operators", operator)

local elements = kinds.record({
  Sid = kinds.matching("letters and digits", "^%w*$"),
  Effect = kinds.one_of("Allow", "Deny"),
  Action = action, NotAction = action, Resource = resource, NotResource = resource,
  Condition = condition,
}, "a statement like { Effect = 'Allow', Action = { 's3:GetObject' }, Resource = ARN }")

-- Each statement has one of the two.
local choices = { { "Action", "NotAction" }, { "Resource", "NotResource" } }

local function missing(value)
  if value.Effect == nil then return "'Effect' is missing: 'Allow' or 'Deny'", "Effect" end
  for _, choice in ipairs(choices) do
    local first, second = value[choice[1]], value[choice[2]]
    if first == nil and second == nil then
      return ("'%s' is missing"):format(choice[1]), choice[1]
    elseif first ~= nil and second ~= nil then
      return ("'%s' and '%s' exclude each other"):format(choice[1], choice[2]), choice[2]
    end
  end
end

---@type watchbot.template.Kind
local statement = { expected = elements.expected, check = function(value)
  if type(value) == "table" and not cf.is(value) and value.Principal ~= nil then
    return false, "a role's policy has no 'Principal': it is about the role", "Principal"
  end
  local ok, detail, member = elements.check(value)
  if not ok then return ok, detail, member end
  local err, name = missing(value)
  return not err, err, name
end }

-- The characters that statements have at least: the values of intrinsics are not known. IAM does
-- not count white space.
local function size_of(value)
  if cf.is(value) then return 0 end
  if type(value) ~= "table" then return #tostring(value) + (type(value) == "string" and 2 or 0) end
  local size, is_list = 1, list.is(value)
  for key, member in pairs(value) do
    size = size + (is_list and 1 or #key + #'"":,') + size_of(member)
  end
  return size + 1
end

local statements = kinds.list(statement, "a list of IAM statements", true)

local function repeated_id(value)
  local seen = {}
  for _, one in ipairs(value) do
    local id = not cf.is(one) and type(one.Sid) == "string" and one.Sid ~= "" and one.Sid
    if id and seen[id] then return ("two statements have the Sid '%s'"):format(id), id end
    if id then seen[id] = true end
  end
end

---@type watchbot.template.Kind
statement.list = { expected = statements.expected, check = function(value)
  local ok, detail, member = statements.check(value)
  if not ok then return ok, detail, member end
  local err, name = repeated_id(value)
  if err then return false, err, name end
  local size = size_of(value)
  if size <= limits.iam.inline then return true end
  return false, ("the statements have %d characters or more, and the policies within a role at "
    .. "most %d: name fewer resources, with '*' in place of what differs"):format(size,
      limits.iam.inline)
end }

return statement
