--- simulate.series: what happened when, in a number of intervals that is bounded however long it
-- takes: when there are too many, two and two are made one.

local own = require "watchbot.lib.own"

-- Intervals at most, and seconds of one at the beginning.
local MOST, FIRST = 240, 1

---@class watchbot.Series.Interval
---@field at number seconds from the start
---@field depth integer messages in the queue at its end, those in flight included
---@field running integer tasks at its end

---@class watchbot.SimulatedSeries
---@field seconds number of an interval
local Series = {}
Series.__index = Series

local series = {}

---@return watchbot.SimulatedSeries
function series.new()
  return own({ seconds = FIRST, list = {} }, Series)
end

local function joined(one, other)
  if not other then return one end
  for name, count in pairs(other) do
    if name ~= "at" and name ~= "depth" and name ~= "running" then
      one[name] = (one[name] or 0) + count
    end
  end
  one.depth, one.running = other.depth, other.running
  return one
end

function Series:halve()
  local list = {}
  for index = 1, #self.list, 2 do
    list[#list + 1] = joined(self.list[index], self.list[index + 1])
  end
  self.list, self.seconds = list, self.seconds * 2
end

-- The interval of a time; those before it in which nothing happened are like the one before.
function Series:interval(now)
  while now >= MOST * self.seconds do self:halve() end
  local wanted = now // self.seconds + 1 | 0
  for index = #self.list + 1, wanted do
    local before = self.list[index - 1]
    self.list[index] = {
      at = (index - 1) * self.seconds, depth = before and before.depth or 0,
      running = before and before.running or 0,
    }
  end
  return self.list[wanted]
end

--- Counts an event.
---@param now number seconds from the start
---@param what string
---@param depth integer
---@param running integer
function Series:add(now, what, depth, running)
  local one = self:interval(now)
  one[what] = (one[what] or 0) + 1
  one.depth, one.running = depth, running
end

return series
