--- schedule.cron: expressions of five fields, "0 3 * * 1-5", as crontab(5) has them, with `L` and
-- `#` of npm's cron-parser and of Amazon EventBridge Scheduler.

local date = require "watchbot.lib.date"
local own = require "watchbot.lib.own"

local DAY = 86400

-- Days that are searched: a February with five Sundays may be forty years away, around 2100.
local FARTHEST = 41 * 366

local MONTHS = {
  "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
}
local WEEKDAYS = { "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT" }

local function numbered(names, first)
  local numbers = {}
  for index, name in ipairs(names) do numbers[name] = index - 1 + first end
  return numbers
end

-- The most that a day of the week may be is 7, another name of Sunday.
local fields = {
  { name = "minutes", what = "minute", least = 0, most = 59 },
  { name = "hours", what = "hour", least = 0, most = 23 },
  { name = "days", what = "day of the month", least = 1, most = 31, any = "?" },
  { name = "months", what = "month", least = 1, most = 12, names = numbered(MONTHS, 1) },
  { name = "weekdays", what = "day of the week", least = 0, most = 7, any = "?",
    names = numbered(WEEKDAYS, 0) },
}

local NICKNAMES = {
  ["@yearly"] = "0 0 1 1 *", ["@annually"] = "0 0 1 1 *", ["@monthly"] = "0 0 1 * *",
  ["@weekly"] = "0 0 * * 0", ["@daily"] = "0 0 * * *", ["@midnight"] = "0 0 * * *",
  ["@hourly"] = "0 * * * *",
}

---@class watchbot.Cron
---@field text string
---@field minutes integer[] ascending
---@field hours integer[] ascending
---@field days table<integer, true>
---@field months table<integer, true>
---@field weekdays table<integer, true> 0: Sunday
---@field last_day boolean the last day of the month, too
---@field last_weekdays table<integer, true> these days in the last week of the month
---@field nth table<integer, table<integer, true>> these days of the week in these weeks
---@field any_day boolean the day of the month is "*" or "?"
---@field any_weekday boolean the day of the week is "*" or "?"
local Cron = {}
Cron.__index = Cron

local cron = {}

local function number_of(field, text)
  local number = field.names and field.names[text:upper()]
    or text:find "^%d+$" and math.tointeger(tonumber(text))
  if number and number >= field.least and number <= field.most then return number end
  return nil, ("the %s is a number from %d to %d%s, not '%s'"):format(field.what, field.least,
    field.most, field.names and " or a name like " .. (field.what == "month" and "JAN" or "MON")
      or "", text)
end

-- Whether a field of days restricts nothing. "0-6" restricts, though all days are in it: crontab(5)
-- and other programs look at the text.
local function is_any(field, text)
  return text == "*" or text == field.any
end

-- "*", "5", "1-5" => first, last, whether it is a range
local function range_of(field, text)
  if is_any(field, text) then
    return field.least, field.most == 7 and 6 or field.most, true
  end
  local from, to = text:match "^(%w+)%-(%w+)$"
  local first, err = number_of(field, from or text)
  if not first then return nil, err end
  if not from then return first, first, false end
  local last
  last, err = number_of(field, to)
  if not last then return nil, err end
  if field.most == 7 and last == 0 and first > 0 then last = 7 end
  if last < first then
    return nil, ("the %s '%s' ends before it begins"):format(field.what, text)
  end
  return first, last, true
end

local function step_of(field, text)
  if not text then return 1 end
  local step = text:find "^%d+$" and math.tointeger(tonumber(text))
  if step and step > 0 then return step end
  return nil, ("the step of the %s is a number above 0, not '%s'"):format(field.what, text)
end

-- A part of a list: "5", "1-5", "*/10", "10/20" (from 10 on).
local function add_part(field, text, set)
  local range, slash = text:match "^([^/]+)/(.*)$"
  local first, last, is_range = range_of(field, range or text)
  if not first then return nil, last end
  local step, err = step_of(field, slash)
  if not step then return nil, err end
  if slash and not is_range then last = field.most == 7 and 6 or field.most end
  for number = first, last, step do set[field.most == 7 and number % 7 or number] = true end
  return true
end

-- What only days have: "L" (the last day of the month), "5L" (the last Friday), "5#2" (the second).
local function add_special(self, field, text)
  if field.name == "days" and text:upper() == "L" then
    self.last_day = true
    return true
  end
  if field.name ~= "weekdays" then return false end
  local day, last = text:match "^(%w+)([Ll])$"
  local nth, week = text:match "^(%w+)#(.*)$"
  if not (day or nth) or not number_of(field, day or nth) then return false end
  local number = number_of(field, day or nth) % 7
  if last then
    self.last_weekdays[number] = true
    return true
  end
  if not week:find "^[1-5]$" then
    return nil, ("the week after '#' is a number from 1 to 5, not '%s'"):format(week)
  end
  self.nth[number] = self.nth[number] or {}
  self.nth[number][math.tointeger(week)] = true
  return true
end

-- => set; nil, err
local function read_field(self, field, text)
  local set = {}
  if text:find "^," or text:find ",$" or text:find(",,", 1, true) then
    return nil, ("the list of the %s has an empty part: '%s'"):format(field.what, text)
  end
  for part in text:gmatch "[^,]+" do
    local special, err = add_special(self, field, part)
    if special == nil then return nil, err end
    local ok = true
    if not special then ok, err = add_part(field, part, set) end
    if not ok then return nil, err end
  end
  return set
end

-- The numbers of a set, ascending.
local function listed(field, set)
  local list = {}
  for number = field.least, field.most do
    if set[number] then list[#list + 1] = number end
  end
  return list
end

local function split(text)
  local parts = {}
  for part in text:gmatch "%S+" do parts[#parts + 1] = part end
  return parts
end

local function read(self, parts)
  for index, field in ipairs(fields) do
    local set, err = read_field(self, field, parts[index])
    if not set then return nil, err end
    self[field.name] = set
  end
  self.minutes, self.hours = listed(fields[1], self.minutes), listed(fields[2], self.hours)
  self.any_day = is_any(fields[3], parts[3])
  self.any_weekday = is_any(fields[5], parts[5])
  return self
end

--- Reads an expression.
---@param text string
---@return watchbot.Cron?
---@return string? err
function cron.parse(text)
  local parts = split(NICKNAMES[text] or text)
  if #parts ~= 5 then
    return nil, ("expected five fields (minute, hour, day of the month, month, day of the week), "
      .. "got %d in '%s'"):format(#parts, text)
  end
  local self, err = read(own({
    text = text, last_day = false, last_weekdays = {}, nth = {},
  }, Cron), parts)
  if not self then return nil, ("'%s': %s"):format(text, err) end
  if not self:comes() then return nil, ("'%s': no year has such a day"):format(text) end
  return self
end

local function days_in(year, month)
  if month == 12 then return 31 end
  return date.days(year, month + 1, 1) - date.days(year, month, 1)
end

local function is_weekday(self, weekday, day, length)
  if self.weekdays[weekday] then return true end
  if self.last_weekdays[weekday] and day + 7 > length then return true end
  local weeks = self.nth[weekday]
  return weeks ~= nil and weeks[(day - 1) // 7 + 1] == true
end

-- crontab(5): where both fields of days are restricted, one of them is enough.
function Cron:has_day(days)
  local year, month, day = date.civil(days)
  if not self.months[month] then return false end
  local length = days_in(year, month)
  local of_month = self.days[day] or self.last_day and day == length or false
  local of_week = is_weekday(self, (days + 4) % 7, day, length)
  if self.any_day then return of_week end
  if self.any_weekday then return of_month end
  return of_month or of_week
end

--- Whether it restricts both the day of the month and the day of the week.
---@return boolean
function Cron:has_both_days()
  return not self.any_day and not self.any_weekday
end

-- A leap year and what follows, up to the next.
function Cron:comes()
  local first = date.days(2024, 1, 1)
  for days = first, first + FARTHEST do
    if self:has_day(days) then return true end
  end
  return false
end

-- The first moment of a day that is after `after`, at this time or later.
function Cron:moment_of(zone, days, since, after)
  for _, hour in ipairs(self.hours) do
    for _, minute in ipairs(hour * 60 + 59 >= since and self.minutes or {}) do
      local of_day = hour * 60 + minute
      local at = of_day >= since and zone:moment(days * DAY + of_day * 60)
      if at and at > after then return at end
    end
  end
end

--- The next moment: a time that clocks skip does not come, one that they show twice comes once, at
--- first.
---@param zone watchbot.Zone
---@param after integer seconds since the epoch
---@return integer? at seconds since the epoch
function Cron:next(zone, after)
  local shown = after + zone:offset(after)
  local today, since = shown // DAY, shown % DAY // 60
  for days = today, today + FARTHEST do
    local at = self:has_day(days) and self:moment_of(zone, days, since, after)
    if at then return at end
    since = 0
  end
end

return cron
