--- watcher.protect: the scale-in protection of a watcher that is the main program of an ECS task.

local policy = require "watchbot.policy"

-- Tasks on other machines continue without the watcher: protection would only delay deployments.
local function is_wanted(current)
  if not current.protect or not os.getenv "ECS_AGENT_URI" then return false end
  for _, one in ipairs(policy.of_queues(current) or { { policy = current } }) do
    if policy.kind(one.policy) ~= "ecs" then return true end
  end
  return false
end

--- The protection, if the policy wants it and ECS runs the watcher.
---@param owner watchbot.Watcher|watchbot.Several
---@param current watchbot.Policy
---@param changed fun() jobs may start, or messages be received
---@return watchbot.Protection?
return function(owner, current, changed)
  if not is_wanted(current) then return nil end
  return require "watchbot.watcher.protection".new(owner.journal, {
    deployment = require "watchbot.watcher.deployment".new(),
    limit = function() return owner.hooks.policy.protect_for end,
    retire = function(reason) owner:retire(reason) end,
    supervise = function(...) return owner:supervise("protection", ...) end,
    changed = changed,
  })
end
