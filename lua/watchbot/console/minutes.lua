--- console.minutes: the last hour of a queue, a number for each minute. A minute in which nothing
-- was counted is unknown, not 0: the console may be younger than an hour.

local KEPT = 60

---@class watchbot.ConsoleMinute
---@field minute integer since the epoch
---@field [string] number? by name; nil: unknown

local Minutes = {}
Minutes.__index = Minutes

local minutes = { KEPT = KEPT }

function minutes.new()
  return setmetatable({ by_minute = {} }, Minutes)
end

local function minute_of(milliseconds) return milliseconds // 60000 end

function Minutes:at(minute)
  local found = self.by_minute[minute]
  if not found then
    found = { minute = minute }
    self.by_minute[minute] = found
    for old in pairs(self.by_minute) do
      if old <= minute - KEPT then self.by_minute[old] = nil end
    end
  end
  return found
end

--- Counts more of something; 0 makes the minute known.
---@param name string
---@param count number
---@param milliseconds integer when
function Minutes:add(name, count, milliseconds)
  local found = self:at(minute_of(milliseconds))
  found[name] = (found[name] or 0) + count
end

--- Replaces the last hour of a name.
---@param name string
---@param counts table<integer, number> by minute
---@param milliseconds integer now
---@param since integer? milliseconds: what is older is unknown
function Minutes:replace(name, counts, milliseconds, since)
  local newest = minute_of(milliseconds)
  for minute = newest - KEPT + 1, newest do
    local known = not since or minute >= minute_of(since)
    self:at(minute)[name] = known and (counts[minute] or 0) or nil
  end
end

--- The last hour, oldest first.
---@param milliseconds integer now
---@return watchbot.ConsoleMinute[] sixty
function Minutes:list(milliseconds)
  local newest, list = minute_of(milliseconds), {}
  for index = 1, KEPT do
    local minute = newest - KEPT + index
    list[index] = self.by_minute[minute] or { minute = minute }
  end
  return list
end

return minutes
