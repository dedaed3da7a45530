--- template.dynamic: dynamic references, `{{resolve:ssm:/name}}` in text, which CloudFormation
-- replaces when it creates the stack. Inside the program they are calls, like other values that are
-- not known before; in the template they are text again.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html

local cf = require "watchbot.template.cf"

local dynamic = {}

-- A table with each member changed.
local function changed(value, change)
  local result = {}
  for name, member in pairs(value) do result[name] = change(member) end
  return setmetatable(result, getmetatable(value))
end

--- An option's value, with references as calls.
---@param value any
---@return any
function dynamic.called(value)
  if type(value) == "string" and value:find("{{resolve:", 1, true) then
    return cf.sub((value:gsub("%${", "${!")))
  elseif type(value) ~= "table" or cf.is(value) then
    return value
  end
  return changed(value, dynamic.called)
end

--- Part of a template; calls that hold only references become text.
---@param value any
---@return any
function dynamic.text(value)
  if type(value) ~= "table" then return value end
  local text = cf.is(value) and value["Fn::Sub"]
  if type(text) == "string" and text:find("{{resolve:", 1, true) and not text:find("${", 1, true)
  then
    return text
  end
  return changed(value, dynamic.text)
end

return dynamic
