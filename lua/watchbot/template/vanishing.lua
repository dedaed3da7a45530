--- template.vanishing: whether an update removes a resource that both templates have, because its
-- condition changed or depends on something else. The values of parameters are not known here, so
-- the answer is often "maybe".

local alike = require "watchbot.template.alike"
local normal = require "watchbot.template.normal"

local function definition(template, id) return (template.Conditions or {})[id] end

--- Whether the update removes the resource.
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
