--- scripted_queue: the queue interface with scripted results, for specs of the code above it:
-- failures on demand, late responses and duplicates, which a real queue does not provide. It stores
-- no messages and has no visibility; spec/queue tests real queues.

local scheduler = require "watchbot.scheduler"

local scripted_queue = {}

local Queue = {}
Queue.__index = Queue

local function lists()
  local made = {}
  for _, name in ipairs { "receive", "delete", "delay", "extend", "bury" } do made[name] = {} end
  return made
end

--- The results of `answer` are used up call by call. After that everything succeeds, and receives
--- return nothing after their wait.
---@param fields table? over those that a queue has
function scripted_queue.new(fields)
  local queue = {
    name = "scripted", fifo = false, embedded = false, batch = 10, polls = 4, gather = 0, cut = 0,
    script = lists(), calls = lists(),
  }
  for name, value in pairs(fields or {}) do queue[name] = value end
  return setmetatable(queue, Queue)
end

--- Sets the results of the next calls of an operation.
---@param operation "receive"|"delete"|"delay"|"extend"|"bury"
---@param ... function|table|string a function of the call's arguments; the answer; or the code of a
--- failure
function Queue:answer(operation, ...)
  for _, answer in ipairs { ... } do table.insert(self.script[operation], answer) end
end

local function play(self, operation, default, ...)
  table.insert(self.calls[operation], { at = scheduler.now(), ... })
  local answer = table.remove(self.script[operation], 1)
  if answer == nil then answer = default end
  if type(answer) == "function" then return answer(...) end
  if type(answer) == "string" then return nil, "told to fail", answer end
  return answer
end

function Queue:delete(receipt) return play(self, "delete", true, receipt) end

function Queue:delay(receipt, seconds, uncount)
  return play(self, "delay", true, receipt, seconds, uncount)
end

function Queue:extend(receipt, seconds, within)
  return play(self, "extend", true, receipt, seconds, within)
end

function Queue:bury(receipt, message, reason)
  return play(self, "bury", true, receipt, message, reason)
end

function Queue:receive(max, wait, visibility)
  return play(self, "receive", function()
    scheduler.sleep(wait)
    return {}
  end, max, wait, visibility)
end

function Queue:counts() return self.told_counts or { visible = 0, delayed = 0, in_flight = 0 } end

--- The first argument of each call of an operation so far.
function Queue:asked(operation)
  local list = {}
  for index, call in ipairs(self.calls[operation]) do list[index] = call[1] end
  return list
end

function Queue:close() end -- luacheck: ignore 212

return scripted_queue
