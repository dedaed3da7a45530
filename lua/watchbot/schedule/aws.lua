--- schedule.aws: schedules as Amazon EventBridge Scheduler takes them, and what it cannot do.
-- https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html

local cron = require "watchbot.schedule.cron"
local schedule = require "watchbot.schedule"
local sorted = require "watchbot.lib.sorted"

local aws = {}

local WEEKDAYS = { [0] = "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT" }

-- The largest first.
local UNITS = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" } }

-- Subjects of SNS: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
local LONGEST_SUBJECT = 99

-- Bytes of the message, so that the request of its target stays below 256 KiB.
local LARGEST = 200 * 1024

-- "0,20,40", or "*" where it is all of them.
local function listed(numbers, all)
  return #numbers == all and "*" or table.concat(numbers, ",")
end

local function keys(set, least, most)
  local list = {}
  for number = least, most do
    if set[number] then list[#list + 1] = number end
  end
  return list
end

-- => text; nil, err
local function days_of_month(parsed)
  local days = keys(parsed.days, 1, 31)
  if not parsed.last_day then return listed(days, 31) end
  if #days == 0 then return "L" end
  return nil, "'L' cannot be in a list with other days"
end

-- Sunday is 1 there; names are the same everywhere.
local function days_of_week(parsed)
  local parts, special = {}, 0
  for _, day in ipairs(keys(parsed.weekdays, 0, 6)) do parts[#parts + 1] = WEEKDAYS[day] end
  for _, day in ipairs(keys(parsed.last_weekdays, 0, 6)) do
    parts[#parts + 1], special = ("%dL"):format(day + 1), special + 1
  end
  for _, day in ipairs(keys(parsed.nth, 0, 6)) do
    for _, week in ipairs(keys(parsed.nth[day], 1, 5)) do
      parts[#parts + 1], special = ("%d#%d"):format(day + 1, week), special + 1
    end
  end
  if special > 0 and #parts > 1 then
    return nil, "'#' and 'L' cannot be in a list with other days of the week"
  end
  return table.concat(parts, ",")
end

-- => day of the month, day of the week; nil, err. One of the two is "?".
local function days_of(parsed)
  if parsed:has_both_days() then
    return nil, "a day of the month together with a day of the week"
  end
  if parsed.any_weekday then
    local days, err = days_of_month(parsed)
    return days, days and "?" or err
  end
  local weekdays, err = days_of_week(parsed)
  if not weekdays then return nil, err end
  return "?", weekdays
end

local function of_cron(text)
  local parsed = assert(cron.parse(text))
  local days, weekdays = days_of(parsed)
  if not days then return nil, weekdays end
  return ("cron(%s %s %s %s %s *)"):format(listed(parsed.minutes, 60), listed(parsed.hours, 24),
    days, listed(keys(parsed.months, 1, 12), 12), weekdays)
end

local function of_interval(seconds)
  for _, unit in ipairs(UNITS) do
    local count = seconds // unit[1]
    if seconds % unit[1] == 0 then
      return ("rate(%d %s%s)"):format(count, unit[2], count > 1 and "s" or "")
    end
  end
  return nil, "an interval that is no whole number of minutes"
end

--- The expression for EventBridge Scheduler.
---@param one watchbot.Schedule
---@return string? expression "cron(0 3 * * ? *)", "rate(15 minutes)"
---@return string? err what it cannot do
function aws.expression(one)
  if one.seconds then return of_interval(one.seconds) end
  return of_cron(one.cron)
end

local function message_problem(options)
  local message, subject = options.message or "", options.subject
  if message == "" then return "a message without a body" end
  if #message > LARGEST then return ("a message of more than %d bytes"):format(LARGEST) end
  for _, text in ipairs { message, subject } do
    if text:find("<aws.scheduler.", 1, true) then return "the text '<aws.scheduler.'" end
  end
  if subject and (subject == "" or #subject > LONGEST_SUBJECT or subject:find "[^ -~]") then
    return ("a subject that is not 1 to %d printable characters of ASCII"):format(LONGEST_SUBJECT)
  end
end

local function problem_of(name, options)
  local one = schedule.new(name, options)
  if one.missed == "once" then return "'missed' = 'once'; it leaves no tick out" end
  local expression, err = aws.expression(one)
  if not expression then return err end
  if #expression > 256 then return "an expression of more than 256 characters" end
  return message_problem(options)
end

--- Why EventBridge Scheduler cannot send the messages of schedules that have no other problem.
---@param schedules table<string, watchbot.ScheduleOptions>
---@return string? problem
function aws.problem(schedules)
  for _, name in ipairs(sorted.keys(schedules)) do
    local problem = problem_of(name, schedules[name])
    if problem then
      return ("schedule '%s': EventBridge Scheduler does not know %s"):format(name, problem)
    end
  end
end

return aws
