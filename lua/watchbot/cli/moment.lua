--- cli.moment: a moment as people write it in an option: how long ago ("90s", "15m", "6h", "2d"), or a date in ISO 8601, of UTC
-- unless it says otherwise.

local moment = {}

local units = { s = 1, m = 60, h = 3600, d = 86400 }

-- Days since 1970-01-01 in the Gregorian calendar; months count from March, so that the leap day is the last of its year.
local function days_of(year, month, day)
  local shifted = (month + 9) % 12
  year = month <= 2 and year - 1 or year
  local of_years = year * 365 + year // 4 - year // 100 + year // 400
  return of_years + (shifted * 306 + 5) // 10 + day - 1 - 719468
end

local function zone_of(text)
  if text == "" or text == "Z" then return 0 end
  local sign, hours, minutes = text:match "^([+-])(%d%d):?(%d%d)$"
  if not sign then return nil end
  local seconds = hours * 3600 + minutes * 60
  return sign == "+" and seconds or -seconds
end

local function date_of(text)
  local year, month, day, rest = text:match "^(%d%d%d%d)-(%d%d)-(%d%d)(.*)$"
  if not year or tonumber(month) < 1 or tonumber(month) > 12 or tonumber(day) < 1 or tonumber(day) > 31 then return nil end
  local hour, minute, more = rest:match "^[T ](%d%d):(%d%d)(.*)$"
  if not hour and rest ~= "" then return nil end
  local second, zone = (more or ""):match "^:(%d%d%.?%d*)(.*)$"
  local offset = zone_of(zone or more or "")
  if not offset then return nil end
  local of_day = (tonumber(hour) or 0) * 3600 + (tonumber(minute) or 0) * 60 + (tonumber(second) or 0)
  if of_day > 86400 then return nil end
  local seconds = days_of(tonumber(year), tonumber(month), tonumber(day)) * 86400 + of_day - offset
  return math.floor(seconds * 1000)
end

--- Reads a moment.
---@param text string
---@param now integer milliseconds since 1970
---@return integer? milliseconds since 1970
---@return string? problem "expected ..., got 'yesterday'"
function moment.parse(text, now)
  local count, unit = text:match "^(%d+%.?%d*)([smhd])$"
  if count then return math.floor(now - count * units[unit] * 1000) end
  local date = date_of(text)
  if date then return date end
  return nil, ("expected how long ago (90s, 15m, 6h, 2d) or a date (2026-11-25, 2026-11-25T10:30:00Z), got '%s'"):format(text)
end

return moment
