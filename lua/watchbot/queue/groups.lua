--- queue.groups: what a message group means on a queue, and where a policy's limits hold, in words.

local groups = {}

local AN_ORDER = "an order: one message of a group at a time"

--- The words for a queue.
---@param url string?
---@return string? meaning nil: unknown queue
---@return string? reach where limits hold
function groups.of(url)
  if type(url) ~= "string" then return nil end
  if url:find "^sqlite:" then return AN_ORDER, "over all watchers of the file" end
  local reach = "for each watcher alone: several watchers run as many times more"
  if url:find "%.fifo/*%s*$" then return AN_ORDER, reach end
  return "tenants of a fair queue, without an order (send --group)", reach
end

return groups
