--- cli.moment: a moment as people write it in an option: how long ago ("90s", "15m", "6h", "2d"),
-- or a date in ISO 8601, of UTC unless it says otherwise.

local date = require "watchbot.lib.date"

local moment = {}

local units = { s = 1, m = 60, h = 3600, d = 86400 }

-- What is before 1970 is all that there is; a number may also be too large for an integer.
local function since_1970(milliseconds)
  return math.max(0, math.floor(milliseconds))
end

--- Reads a moment.
---@param text string
---@param now integer milliseconds since 1970
---@return integer? milliseconds since 1970
---@return string? problem "expected ..., got 'yesterday'"
function moment.parse(text, now)
  local count, unit = text:match "^(%d+%.?%d*)([smhd])$"
  if count then return since_1970(now - count * units[unit] * 1000) end
  local seconds = date.iso(text)
  if seconds then return since_1970(seconds * 1000) end
  return nil, ("expected how long ago (90s, 15m, 6h, 2d) or a date (2026-11-25, "
    .. "2026-11-25T10:30:00Z), got '%s'"):format(text)
end

return moment
