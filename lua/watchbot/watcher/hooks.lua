--- hooks: calls the hooks of a policy, which are a user's code: whatever they throw is logged with its traceback and stops
-- nothing.

---@class watchbot.HookCaller
---@field policy table whose hooks are called; may be replaced by another
local Hooks = {}
Hooks.__index = Hooks

local hooks = {}

---@param policy table
---@param journal watchbot.Journal
---@return watchbot.HookCaller
function hooks.new(policy, journal)
  return setmetatable({ policy = policy, journal = journal }, Hooks)
end

local function heard(self, name, ok, ...)
  if not ok then self:complain((...), name) end
  return ok, ...
end

--- Calls a hook.
---@param name string
---@param ... any
---@return boolean ok false when it has thrown
---@return any ... what it returned
function Hooks:call(name, ...)
  return heard(self, name, xpcall(self.policy[name], debug.traceback, self.policy, ...))
end

--- Logs what went wrong, and tells the policy's `failed`.
---@param err any
---@param where string
function Hooks:complain(err, where)
  self.journal:error(nil, "error", tostring(err), "where", where)
  local ok, second = pcall(self.policy.failed, self.policy, err, where)
  if not ok then self.journal:error(nil, "error", tostring(second), "where", "failed") end
end

return hooks
