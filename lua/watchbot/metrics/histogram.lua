--- metrics.histogram: how often a number of seconds fell between which bounds. Sits on
-- watchbot.core.histogram (src/lhistogram.c), for it is used several times in the life of a job.

local core = require "watchbot.core".histogram

---@class watchbot.Histogram
local Histogram = {}
Histogram.__index = Histogram

local histogram = {}

---@param bounds number[] rising; above the last of them there is one more count
---@return watchbot.Histogram
function histogram.new(bounds)
  local upper = table.move(bounds, 1, #bounds, 1, {})
  upper[#upper + 1] = math.huge
  return setmetatable({ handle = core.new(bounds), bounds = upper }, Histogram)
end

--- Observes several durations at once: what it returns takes a time of boottime for each
--- histogram, which gets the seconds until the next of them, the last until now. A time that is no
--- number leaves out what it begins or ends; so does one that is later than the next.
---@param ... watchbot.Histogram
---@return fun(...: number|false|nil)
function histogram.spans(...)
  local handles = { ... }
  for index, one in ipairs(handles) do handles[index] = one.handle end
  return core.spans(table.unpack(handles))
end

--- The time now, as scheduler.boottime has it, at less cost.
---@type fun(): number
histogram.clock = core.clock

--- A function that notes the time of its call, as `clock`, in a field of the table that it gets:
--- cheaper than one of Lua's. The second function returns how often that was.
---@type fun(name: string): fun(entry: table, ...: any), fun(): integer
histogram.stamp = core.stamp

---@param seconds number at least 0
function Histogram:observe(seconds)
  self.handle:observe(seconds)
end

--- Its current values, in the form of a snapshot.
---@return { bounds: number[], counts: integer[], sum: number, count: integer }
function Histogram:read()
  local counts = { self.handle:read() }
  local sum, count = table.remove(counts, 1), 0
  for _, one in ipairs(counts) do count = count + one end
  return { bounds = self.bounds, counts = counts, sum = sum, count = count }
end

return histogram
