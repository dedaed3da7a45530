--- testing.line: messages by the time at which they are visible, then by their number. Nearly all
-- come in that order: those that are visible at once, and those that were received, for the same
-- visibility timeout each. They stand in one line each, in constant time; the rest is in a heap.

local fifo = require "watchbot.lib.fifo"
local heap = require "watchbot.lib.heap"

---@class watchbot.testing.Line
local Line = {}
Line.__index = Line

local line = {}

---@return watchbot.testing.Line
function line.new()
  return setmetatable({ ready = fifo.new(), in_flight = fifo.new(), rest = heap.new() }, Line)
end

local function precedes(one, other)
  return one.at < other.at or one.at == other.at and one.number < other.number
end

--- Enters a message; an entry from before, with another `turn`, counts no more.
---@param item table with `visible_at`, `number` and `turn`
---@param lane "ready"|"in_flight"|nil where it probably comes last
function Line:enter(item, lane)
  local entry = { at = item.visible_at, number = item.number, item = item, turn = item.turn }
  local queue = lane and self[lane]
  local last = queue and queue[queue.last]
  if queue and (not last or precedes(last, entry)) then return queue:push(entry) end
  self.rest:push(entry.at, entry.number, entry)
end

-- The first of a line that counts.
local function head(queue)
  local entry = queue[queue.first]
  while entry and entry.turn ~= entry.item.turn do
    queue:pop()
    entry = queue[queue.first]
  end
  return entry
end

local function top(rest)
  local _, entry = rest:first()
  while entry and entry.turn ~= entry.item.turn do
    rest:pop()
    _, entry = rest:first()
  end
  return entry
end

--- The message that is visible first, now or later.
---@return table? item nil: there is none
function Line:first()
  local first, second, third = head(self.ready), head(self.in_flight), top(self.rest)
  if second and (not first or precedes(second, first)) then first = second end
  if third and (not first or precedes(third, first)) then first = third end
  return first and first.item
end

return line
