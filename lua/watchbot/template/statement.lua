--- template.statement: one statement of an IAM policy, as the value of an option. IAM would report
-- an invalid statement only while the stack is created.
-- https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html

local cf = require "watchbot.template.cf"
local kinds = require "watchbot.template.kinds"

-- One value or a list of them, none of them empty.
local function one_or_more(item, expected)
  local list = kinds.list(item, expected)
  return kinds.either(expected, item, list)
end

local action = one_or_more(kinds.matching("'*' or SERVICE:ACTION", "^%*$", nil,
  "^[%w-]+:[%w*?]+$"), "an action like 's3:GetObject', or a list")

local resource = one_or_more(kinds.matching("'*' or an ARN", "^%*$", nil,
  "^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$"), "an ARN or '*', or a list")

local elements = kinds.record({
  Sid = kinds.matching("letters and digits", "^%w*$"),
  Effect = kinds.one_of("Allow", "Deny"),
  Action = action, NotAction = action, Resource = resource, NotResource = resource,
  Condition = kinds.table,
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
return { expected = elements.expected, check = function(value)
  if type(value) == "table" and not cf.is(value) and value.Principal ~= nil then
    return false, "a role's policy has no 'Principal': it is about the role", "Principal"
  end
  local ok, detail, member = elements.check(value)
  if not ok then return ok, detail, member end
  local err, name = missing(value)
  return not err, err, name
end }
