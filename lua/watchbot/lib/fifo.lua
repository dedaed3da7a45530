--- fifo: a queue in memory: taken from the front, added at either end, in constant time.

---@class watchbot.Fifo
local Fifo = {}
Fifo.__index = Fifo

local fifo = {}

---@return watchbot.Fifo
function fifo.new()
  return setmetatable({ first = 1, last = 0 }, Fifo)
end

---@return integer
function Fifo:count()
  return self.last - self.first + 1
end

function Fifo:push(value)
  self.last = self.last + 1
  self[self.last] = value
end

function Fifo:push_front(value)
  self.first = self.first - 1
  self[self.first] = value
end

---@return any value nil if it is empty
function Fifo:pop()
  local value = self[self.first]
  if value == nil then return nil end
  self[self.first] = nil
  self.first = self.first + 1
  return value
end

return fifo
