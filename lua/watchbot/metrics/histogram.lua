--- metrics.histogram: how often a number of seconds fell between which bounds. What a job costs
-- here is part of what it costs at all, so an observation is a few additions.

local own = require "watchbot.lib.own"

---@class watchbot.Histogram
---@field bounds number[] upper bounds, inclusive, rising; the last is math.huge
---@field counts integer[] observations above the bound before, and not above this one
---@field sum number of all that was observed
local Histogram = {}
Histogram.__index = Histogram

local histogram = {}

---@param bounds number[] rising, without math.huge
---@return watchbot.Histogram
function histogram.new(bounds)
  local self = own({ bounds = {}, counts = {}, sum = 0 }, Histogram)
  for index, bound in ipairs(bounds) do self.bounds[index], self.counts[index] = bound, 0 end
  self.bounds[#bounds + 1], self.counts[#bounds + 1] = math.huge, 0
  return self
end

---@param value number at least 0
function Histogram:observe(value)
  local bounds, counts, index = self.bounds, self.counts, 1
  while value > bounds[index] do index = index + 1 end
  counts[index] = counts[index] + 1
  self.sum = self.sum + value
end

--- What it is now, as a snapshot has it.
---@return { bounds: number[], counts: integer[], sum: number, count: integer }
function Histogram:read()
  local copy = { bounds = self.bounds, counts = {}, sum = self.sum, count = 0 }
  for index, count in ipairs(self.counts) do
    copy.counts[index], copy.count = count, copy.count + count
  end
  return copy
end

return histogram
