--- heap: items in the order of a number each of them has, in logarithmic time. Items with the same
-- number come out in any order.

---@class watchbot.Heap
local Heap = {}
Heap.__index = Heap

local heap = {}

---@return watchbot.Heap
function heap.new()
  return setmetatable({ keys = {}, values = {}, size = 0 }, Heap)
end

--- Adds a value.
---@param key number
---@param value any
function Heap:push(key, value)
  local keys, values, at = self.keys, self.values, self.size + 1
  self.size = at
  while at > 1 do
    local above = at // 2
    if keys[above] <= key then break end
    keys[at], values[at] = keys[above], values[above]
    at = above
  end
  keys[at], values[at] = key, value
end

--- The smallest number and its value.
---@return number? key nil: the heap is empty
---@return any value
function Heap:first()
  return self.keys[1], self.values[1]
end

-- Puts a value at the top, and lets it sink to its place.
local function sink(self, key, value)
  local keys, values, size, at = self.keys, self.values, self.size, 1
  while true do
    local below = at * 2
    if below > size then break end
    if below < size and keys[below + 1] < keys[below] then below = below + 1 end
    if key <= keys[below] then break end
    keys[at], values[at] = keys[below], values[below]
    at = below
  end
  keys[at], values[at] = key, value
end

--- Takes the smallest number and its value.
---@return number? key nil: the heap is empty
---@return any value
function Heap:pop()
  local keys, values, size = self.keys, self.values, self.size
  if size == 0 then return nil end
  local key, value = keys[1], values[1]
  local last_key, last = keys[size], values[size]
  keys[size], values[size] = nil, nil
  self.size = size - 1
  if size > 1 then sink(self, last_key, last) end
  return key, value
end

return heap
