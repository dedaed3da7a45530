--- date: parses dates to seconds since the epoch, for all of the program.
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

-- Days since 1970-01-01 in the Gregorian calendar; nil for an invalid date. The year starts in
-- March, so that the leap day is its last day.
local function days_of(year, month, day)
  local length = LENGTHS[month]
  if not length or day < 1 or day > length or (month == 2 and day == 29 and not is_leap(year)) then
    return nil
  end
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day
    - 719469
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
  local days = year and days_of(math.tointeger(year), math.tointeger(month), math.tointeger(day))
  local time = days and time_of(rest)
  if not time then return nil end
  local seconds = days * 86400 + time
  return math.tointeger(seconds) or seconds
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
