--- duration: reads how long something takes as people write it, "90s", "15m", "6h", "2d", for all
-- of the program. What a duration may be where it is used, its reader's caller checks.

local duration = {
  --- Seconds: the longest that a time from now may be. A later one may not fit into the columns and
  --- dates in which it is kept.
  CENTURY = 100 * 365 * 86400,
}

-- Seconds of each unit.
local UNITS = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400 }

--- Reads a number and its unit.
---@param text string
---@return number? seconds an integer where it is whole; nil: it is not a duration
---@return string? unit "" where none is given: the number are seconds
function duration.read(text)
  local number, unit = text:match "^(%d*%.?%d*)(%l*)$"
  local count, factor = tonumber(number), unit == "" and 1 or UNITS[unit]
  if not count or not factor then return nil end
  local seconds = count * (factor + 0.0) -- a product of integers would wrap around
  return math.tointeger(seconds) or seconds, unit
end

return duration
