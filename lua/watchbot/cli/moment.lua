--- cli.moment: moments and durations as people write them in options: how long ago ("90s", "15m",
-- "6h", "2d"), or a date in ISO 8601, of UTC unless it says otherwise.

local date = require "watchbot.lib.date"
local duration = require "watchbot.lib.duration"

local moment = {}

-- What is before 1970 is all that there is; a number may also be too large for an integer.
local function since_1970(milliseconds)
  return math.max(0, math.floor(milliseconds))
end

--- Reads how long something takes: "90s", "15m", "1h", "2d", or seconds.
---@param text string
---@return number? seconds above 0
---@return string? problem "expected ..., got 'long'"
function moment.duration(text)
  local seconds = duration.read(text)
  if seconds and seconds > 0 and seconds < duration.CENTURY then return seconds end
  return nil, ("expected a duration above 0 (90s, 15m, 1h, 2d), got '%s'"):format(text)
end

--- Reads a moment.
---@param text string
---@param now integer milliseconds since 1970
---@return integer? milliseconds since 1970
---@return string? problem "expected ..., got 'yesterday'"
function moment.parse(text, now)
  local seconds, unit = duration.read(text)
  if seconds and unit ~= "" then return since_1970(now - seconds * 1000) end
  seconds = date.iso(text)
  if seconds then return since_1970(seconds * 1000) end
  return nil, ("expected how long ago (90s, 15m, 6h, 2d) or a date (2026-11-25, "
    .. "2026-11-25T10:30:00Z), got '%s'"):format(text)
end

return moment
