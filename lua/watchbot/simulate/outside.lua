--- simulate.outside: what hooks reach outside of a simulation: the doubles that the policy's file
-- gives, and nothing else. A call without one ends the simulation: an invented answer would make
-- its numbers wrong.

local world = require "watchbot.testing.world"

local outside = {}

local function as_text(name, hook)
  return ("%s calls %s: a simulation makes no calls; return a double behind the policy: "
    .. "return policy, { [\"%s\"] = function(parameters) return ... end }"):format(
    hook and ("the hook '%s'"):format(hook) or "the policy", name, name)
end

---@class watchbot.OutsideOptions
---@field doubles table<string, any> answers, or functions of the parameters
---@field topic string? the policy's topic, where notifications go
---@field notified fun() a notification was published
---@field refused fun(err: string) a call has no double
---@field caller fun(): string? the hook that is running

--- A world that refuses.
---@param options watchbot.OutsideOptions
---@return watchbot.testing.World
function outside.new(options)
  local made = world.new { topic = options.topic, now = function() return 0 end,
    caller = options.caller }
  function made:ask(name, parameters) -- luacheck: ignore 212
    if name == "sns:Publish" and parameters.TopicArn == options.topic then
      options.notified()
      return { MessageId = "message" }
    end
    local double = options.doubles[name]
    if double == nil then
      local err = as_text(name, options.caller())
      options.refused(err)
      error(err, 0)
    end
    if type(double) == "function" then return double(parameters) end
    return double
  end
  return made
end

return outside
