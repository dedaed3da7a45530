--- schedule.rule: the rule that a time zone follows after the last change that its file lists: a TZ
-- string of POSIX ("CET-1CEST,M3.5.0,M10.5.0/3") with the hours of RFC 9636, 3.3.1.

local date = require "watchbot.lib.date"
local own = require "watchbot.lib.own"

local DAY = 86400

---@class watchbot.ZoneRule
---@field standard integer seconds to add to UTC
---@field summer integer? the same while daylight saving time lasts
---@field from table? the day and time at which that begins
---@field to table? and ends
local Rule = {}
Rule.__index = Rule

local rule = {}

-- "2", "-2:30", "+167:00:00" in seconds.
local function seconds_of(text)
  local sign, hours, minutes, seconds = text:match "^([+-]?)(%d+):?(%d*):?(%d*)$"
  if not sign then return nil end
  local total = tonumber(hours) * 3600 + (tonumber(minutes) or 0) * 60 + (tonumber(seconds) or 0)
  return math.tointeger(sign == "-" and -total or total)
end

-- "M10.5.0/3", "J60", "59/2": the day of a year and the time of that day, two hours after midnight
-- unless it says otherwise.
local function change_of(text)
  local day, time = text:match "^([^/]+)/?(.*)$"
  local at = time == "" and 7200 or seconds_of(time or "")
  if not at then return nil end
  local month, week, weekday = day:match "^M(%d+)%.([1-5])%.([0-6])$"
  if month then
    return { month = math.tointeger(month), week = math.tointeger(week),
      weekday = math.tointeger(weekday), at = at }
  end
  local leapless, number = day:match "^(J?)(%d+)$"
  return number and { day = math.tointeger(number), leapless = leapless == "J", at = at }
end

-- The name of a zone, "CET" or "<+03>", and what follows.
local function after_name(text)
  return text:match "^<[%w+-]+>(.*)$" or text:match "^%a%a%a+(.*)$"
end

--- Reads a rule.
---@param text string
---@return watchbot.ZoneRule?
function rule.parse(text)
  local standard, rest = (after_name(text) or ""):match "^([+-]?%d[%d:]*)(.*)$"
  if not standard then return nil end
  local west = seconds_of(standard)
  if rest == "" then return west and own({ standard = -west }, Rule) end
  local offset, from, to = (after_name(rest) or ""):match "^([+-]?[%d:]*),([^,]+),([^,]+)$"
  if not offset then return nil end
  local summer = offset == "" and west - 3600 or seconds_of(offset)
  from, to = change_of(from), change_of(to)
  if not west or not summer or not from or not to then return nil end
  return own({ standard = -west, summer = -summer, from = from, to = to }, Rule)
end

-- The day of a change in a year, in days since the epoch.
local function day_of(change, year)
  if change.leapless then -- 1 to 365: February 29 is not counted
    local first = date.days(year, 1, 1)
    local leap = change.day >= 60 and date.days(year, 2, 29) and 1 or 0
    return first + change.day - 1 + leap
  elseif change.day then
    return date.days(year, 1, 1) + change.day
  end
  local first = date.days(year, change.month, 1)
  local day = first + (change.weekday - (first + 4)) % 7 + (change.week - 1) * 7
  local next_month = change.month == 12 and date.days(year + 1, 1, 1)
    or date.days(year, change.month + 1, 1)
  while day >= next_month do day = day - 7 end
  return day
end

--- Seconds to add to UTC at a moment.
---@param at integer seconds since the epoch
---@return integer
function Rule:offset(at)
  if not self.summer then return self.standard end
  local year = date.civil((at + self.standard) // DAY)
  local from = day_of(self.from, year) * DAY + self.from.at - self.standard
  local to = day_of(self.to, year) * DAY + self.to.at - self.summer
  local lasts
  if from < to then lasts = at >= from and at < to else lasts = at >= from or at < to end
  return lasts and self.summer or self.standard
end

return rule
