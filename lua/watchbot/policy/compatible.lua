--- policy.compatible: whether a watcher that runs can continue with another policy.

local queues = require "watchbot.policy.queues"

-- What a watcher reads only at its start.
local FIXED = {
  "queue", "log", "max_receives", "retention", "volumes", "task_events", "metrics",
  "console", "console_hosts", "once_table",
}

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  return table.concat(a, "\0") == table.concat(b, "\0")
end

local function urls_of(policy)
  local urls = {}
  for index, entry in ipairs(queues.entries(policy.queues or {})) do urls[index] = entry.queue end
  table.sort(urls)
  return urls
end

--- Does not look at what each queue has in place of the policy's fields.
---@param old watchbot.Policy
---@param new_policy watchbot.Policy
---@param kind fun(policy: watchbot.Policy): string
---@return string? problem
return function(old, new_policy, kind)
  for _, name in ipairs(FIXED) do
    if not same(old[name], new_policy[name]) then
      return ("'%s' cannot change in a watcher that runs; start it again"):format(name)
    end
  end
  if not same(urls_of(old), urls_of(new_policy)) then
    return "the URLs in 'queues' cannot change in a watcher that runs; start it again"
  end
  if not old.queues and kind(old) ~= kind(new_policy) then
    return "'command', 'handler', 'task', 'lambda', 'serve' and 'resident' cannot take each "
      .. "other's place in a watcher that runs; start it again"
  end
end
