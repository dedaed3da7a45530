--- date: parses dates to seconds since the epoch, and formats them, for all of the program.
-- ISO 8601 in the forms of AWS, events and users of the CLI, and the form of HTTP (RFC 9110,
-- 5.6.7).

local date = {}

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10,
  Nov = 11, Dec = 12,
}

local LENGTHS = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_leap(year)
  return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

--- Days since 1970-01-01 in the Gregorian calendar. The year starts in March, so that the leap day
--- is its last day.
---@param year integer
---@param month integer 1 to 12
---@param day integer
---@return integer? days nil: there is no such day
function date.days(year, month, day)
  local length = LENGTHS[month]
  if not length or day < 1 or day > length or (month == 2 and day == 29 and not is_leap(year)) then
    return nil
  end
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day
    - 719469
end

--- The day of a number of days since 1970-01-01: the reverse of `date.days`.
---@param days integer
---@return integer year
---@return integer month
---@return integer day
function date.civil(days)
  local since = days + 719468 -- since 0000-03-01
  local era, of_era = since // 146097, since % 146097 -- of 400 years
  local year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
  local of_year = of_era - (365 * year + year // 4 - year // 100)
  local month = (5 * of_year + 2) // 153 -- 0 is March
  local day = of_year - (153 * month + 2) // 5 + 1
  if month >= 10 then return era * 400 + year + 1, month - 9, day end
  return era * 400 + year, month + 3, day
end

-- "", "Z", "+01:00" or "-0130" in seconds.
local function offset_of(zone)
  if zone == "" or zone == "Z" then return 0 end
  local sign, hours, minutes = zone:match "^([+-])(%d%d):?(%d%d)$"
  return sign and math.tointeger(sign .. "1")
    * (math.tointeger(hours) * 3600 + math.tointeger(minutes) * 60)
end

-- "T10:30", " 10:30:00.250" and a time zone, in seconds of the day; or nothing.
local function time_of(text)
  if text == "" then return 0 end
  local hour, minute, rest = text:match "^[T ](%d%d):(%d%d)(.*)$"
  if not hour then return nil end
  local second, zone = rest:match "^:(%d%d%.?%d*)(.*)$"
  local offset = offset_of(zone or rest)
  local of_day = math.tointeger(hour) * 3600 + math.tointeger(minute) * 60 + (tonumber(second) or 0)
  if not offset or of_day > 86400 or math.tointeger(minute) > 59 then return nil end
  return of_day - offset
end

--- Parses a date in ISO 8601: "2016-07-28T00:12:37.000Z", with an offset, without seconds, or only
--- a day; UTC without an offset.
---@param text string
---@return number? seconds since the epoch; an integer if there is no fraction
function date.iso(text)
  local year, month, day, rest = text:match "^(%d%d%d%d)-(%d%d)-(%d%d)(.*)$"
  local days = year and date.days(math.tointeger(year), math.tointeger(month), math.tointeger(day))
  local time = days and time_of(rest)
  if not time then return nil end
  local seconds = days * 86400 + time
  return math.tointeger(seconds) or seconds
end

--- A moment in ISO 8601, "2016-07-28T00:12:37Z".
---@param seconds integer since the epoch
---@return string
function date.utc(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds) --[[@as string]]
end

--- Parses an HTTP date, "Thu, 28 Jul 2016 00:12:37 GMT".
---@param text string?
---@return integer? seconds since the epoch
function date.http(text)
  local day, month, year, time =
    (text or ""):match "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d:%d%d:%d%d) GMT$"
  if not day or not MONTHS[month] then return nil end
  return date.iso(("%s-%02d-%sT%s"):format(year, MONTHS[month], day, time))
end

return date
