--- heap: values in the order of two numbers that each of them has, in logarithmic time: the second
-- decides between equal ones.

---@class watchbot.Heap
local Heap = {}
Heap.__index = Heap

local heap = {}

---@return watchbot.Heap
function heap.new()
  return setmetatable({ keys = {}, orders = {}, values = {}, size = 0 }, Heap)
end

local function put(self, at, key, order, value)
  self.keys[at], self.orders[at], self.values[at] = key, order, value
end

local function move(self, from, to)
  put(self, to, self.keys[from], self.orders[from], self.values[from])
end

-- Whether the entry at a place comes before another pair of numbers.
local function precedes(self, at, key, order)
  local own = self.keys[at]
  return own < key or own == key and self.orders[at] <= order
end

--- Adds a value.
---@param key number
---@param order number
---@param value any
function Heap:push(key, order, value)
  local at = self.size + 1
  self.size = at
  while at > 1 and not precedes(self, at // 2, key, order) do
    move(self, at // 2, at)
    at = at // 2
  end
  put(self, at, key, order, value)
end

--- The first value.
---@return number? key nil: the heap is empty
---@return any value
function Heap:first()
  return self.keys[1], self.values[1]
end

-- Puts a value at the top, and lets it sink to its place.
local function sink(self, key, order, value)
  local size, at = self.size, 1
  while at * 2 <= size do
    local below = at * 2
    if below < size and precedes(self, below + 1, self.keys[below], self.orders[below]) then
      below = below + 1
    end
    if not precedes(self, below, key, order) then break end
    move(self, below, at)
    at = below
  end
  put(self, at, key, order, value)
end

--- Takes the first value.
---@return number? key nil: the heap is empty
---@return any value
function Heap:pop()
  local size = self.size
  if size == 0 then return nil end
  local key, value = self.keys[1], self.values[1]
  local last_key, last_order, last = self.keys[size], self.orders[size], self.values[size]
  put(self, size, nil, nil, nil)
  self.size = size - 1
  if size > 1 then sink(self, last_key, last_order, last) end
  return key, value
end

return heap
