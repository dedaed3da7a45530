--- template.vanishing: whether an update removes a resource that both templates have, since its
-- condition is another one, or another thing decides it. A parameter's value is not known here, so
-- often the answer is that it may be.

local alike = require "watchbot.template.alike"
local normal = require "watchbot.template.normal"

local function definition(template, id) return (template.Conditions or {})[id] end

--- Whether the resource goes.
---@param pair watchbot.template.Pair
---@param before table the resource
---@param after table
---@return boolean|"maybe"
return function(pair, before, after)
  local was, is = before.Condition, after.Condition
  if is == nil or (was ~= nil and normal.holds(was, pair.before) == false) then return false end
  local holds = normal.holds(is, pair.after)
  if holds ~= nil then return not holds end
  local same = was ~= nil and alike(definition(pair.before, was), definition(pair.after, is),
    pair.before, pair.after) == "same"
  return not same and "maybe"
end
