--- lib.hands: the same work on each item of a list, several at a time.

local scheduler = require "watchbot.scheduler"

--- Calls `work` for each item, at most `count` calls at once. Waits in a task until all have
--- returned; raises an error if one of them has.
---@param items any[]
---@param count integer
---@param work fun(item: any, index: integer): ...
---@return table[] results the results of each call, packed
local function hands(items, count, work)
  local results, tasks, index, problem = {}, {}, 0, nil
  local function hand()
    while index < #items and not problem do
      index = index + 1
      local mine = index
      local result = table.pack(pcall(work, items[mine], mine))
      if not result[1] then problem = { err = result[2] } end
      results[mine] = table.pack(table.unpack(result, 2, result.n))
    end
  end
  for number = 1, math.min(count, #items) do tasks[number] = scheduler.spawn(hand) end
  for _, task in ipairs(tasks) do task:join() end
  if problem then error(problem.err, 0) end
  return results
end

return hands
