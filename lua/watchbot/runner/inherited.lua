--- runner.inherited: the environment variables that a program inherits from the watcher.

local variable_names = require("watchbot.message.job").variable_names

--- The variables that the policy lets a program inherit. A watcher that is itself a task of another
--- watcher has a message in its environment, which must not reach its own tasks.
---@param host table<string, string> the watcher's environment
---@param policy watchbot.Policy
---@return table<string, string>
local function inherited(host, policy)
  local all = {}
  for name, value in pairs(host) do
    if policy:inherits(name) then all[name] = value end
  end
  for _, name in ipairs(variable_names) do all[name] = nil end
  return all
end

return inherited
