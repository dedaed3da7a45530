--- schedule: messages at times: what a policy's or a stack's `schedules` may say, and when the next
-- one is due. Who sends them is another question: watcher.schedules on an embedded queue, Amazon
-- EventBridge Scheduler on SQS (schedule.aws).

local cron = require "watchbot.schedule.cron"
local date = require "watchbot.lib.date"
local duration = require "watchbot.lib.duration"
local limits = require "watchbot.lib.limits"
local own = require "watchbot.lib.own"
local sorted = require "watchbot.lib.sorted"
local suggest = require "watchbot.lib.suggest"
local zone = require "watchbot.schedule.zone"

local DAY = 86400

-- Seconds that `latest` looks back, until a window has a tick.
local WINDOWS = { 3600, 86400, 32 * 86400, 366 * 86400, 41 * 366 * 86400 }

local OPTIONS = { "cron", "every", "zone", "message", "subject", "group", "missed" }

---@class watchbot.ScheduleOptions
---@field cron string? five fields: "0 3 * * *"
---@field every string? "15m": seconds, minutes, hours or days, counted from 1970-01-01 UTC
---@field zone string? of `cron`, "Europe/Berlin"; default: UTC
---@field message string? the message's body, empty by default
---@field subject string?
---@field group string? a FIFO group
---@field missed "once"|"skip"? what happens to ticks that passed while no watcher ran; default:
--- skip

---@class watchbot.Schedule: watchbot.ScheduleOptions
---@field name string
---@field rule string what its ticks follow from: a schedule with another rule begins again, now
local Schedule = {}
Schedule.__index = Schedule

local schedule = {}

-- => seconds; nil, err
local function seconds_of(every)
  local seconds, unit = duration.read(tostring(every))
  if math.type(seconds) == "integer" and unit ~= "" and seconds >= 1 and seconds <= 366 * DAY then
    return seconds
  end
  return nil, ("'every': expected a time like '15m', '6h' or '1d', at least a second and at most "
    .. "a year, got '%s'"):format(tostring(every))
end

local function texts_problem(options)
  for _, name in ipairs { "cron", "every", "zone", "message", "subject", "group" } do
    local value = options[name]
    if value ~= nil and type(value) ~= "string" then
      local number = math.tointeger(value)
      local hint = name == "every" and number and (", such as '%ds'"):format(number) or ""
      return ("'%s': expected text%s, got a %s"):format(name, hint, type(value))
    end
  end
  if options.group == "" then return "'group': expected text, got an empty one" end
  local size = #(options.message or "") + #(options.subject or "")
  if size > limits.sqs.message - 1024 then
    return ("its message has %d bytes, more than a queue takes"):format(size)
  end
end

local function when_problem(options)
  if (options.cron == nil) == (options.every == nil) then
    return "expected either 'cron' or 'every'"
  end
  if options.missed ~= nil and options.missed ~= "once" and options.missed ~= "skip" then
    return ("'missed': expected 'once' or 'skip', got '%s'"):format(tostring(options.missed))
  end
  if options.every then
    if options.zone then return "'zone' is for 'cron': 'every' counts from 1970-01-01 UTC" end
    local seconds, why = seconds_of(options.every)
    return not seconds and why or nil
  end
  local ok, err = cron.parse(options.cron)
  if not ok then return "'cron': " .. err end
  ok, err = zone.open(options.zone or "UTC")
  return not ok and "'zone': " .. err or nil
end

local function option_problem(options)
  if type(options) ~= "table" then return ("expected a table, got a %s"):format(type(options)) end
  for _, name in ipairs(sorted.keys(options)) do
    local known = false
    for _, option in ipairs(OPTIONS) do known = known or option == name end
    if not known then
      return ("unknown option '%s'%s"):format(tostring(name), suggest.hint(name, OPTIONS))
    end
  end
  return texts_problem(options) or when_problem(options)
end

--- Why a table is no table of schedules.
---@param schedules any { NAME = { cron = "0 3 * * *", message = "..." } }
---@return string? problem nil: it is one
function schedule.problem(schedules)
  if type(schedules) ~= "table" then
    return ("expected a table of names to schedules, got a %s"):format(type(schedules))
  end
  if schedules[1] ~= nil then
    return "expected a table of names to schedules, got a list: write { NAME = { "
      .. 'cron = "0 3 * * *", message = "..." } }'
  end
  for _, name in ipairs(sorted.keys(schedules)) do
    if type(name) ~= "string" or not name:find "^[%w_.-]+$" or #name > 64 then
      return ("a schedule's name has letters, digits, '_', '.' and '-', at most 64, not '%s'")
        :format(tostring(name))
    end
    local problem = option_problem(schedules[name])
    if problem then return ("schedule '%s': %s"):format(name, problem) end
  end
end

--- A schedule whose options have no problem.
---@param name string
---@param options watchbot.ScheduleOptions
---@return watchbot.Schedule
function schedule.new(name, options)
  local self = own({ name = name, missed = "skip" }, Schedule)
  for _, option in ipairs(OPTIONS) do
    if options[option] ~= nil then self[option] = options[option] end
  end
  if options.every then
    self.seconds = assert(seconds_of(options.every))
    self.rule = "every " .. options.every
  else
    self.parsed = assert(cron.parse(options.cron))
    self.clock = assert(zone.open(options.zone or "UTC"))
    self.rule = ("cron %s %s"):format(self.clock.name, options.cron)
  end
  return self
end

--- The schedule that a rule is of, as the file of a queue knows it.
---@param name string
---@param rule string "every 15m", "cron Europe/Berlin 0 3 * * *"
---@return watchbot.Schedule? nil: it is not valid, or its zone is not known here
function schedule.of_rule(name, rule)
  local zone_name, fields = rule:match "^cron (%S+) (.+)$"
  local options = { every = rule:match "^every (%S+)$", cron = fields, zone = zone_name }
  return not when_problem(options) and schedule.new(name, options) or nil
end

--- All of a table, by name.
---@param schedules table<string, watchbot.ScheduleOptions>
---@return watchbot.Schedule[]
function schedule.all(schedules)
  local all = {}
  for index, name in ipairs(sorted.keys(schedules)) do
    all[index] = schedule.new(name, schedules[name])
  end
  return all
end

--- Why no program would send the messages of schedules: on SQS no watcher does, since several would
--- send each twice, but the schedules of a template, which names them in its watchers' environment.
---@param schedules table<string, watchbot.ScheduleOptions>?
---@param url string the queue's
---@param made string? $Schedules, names with commas between
---@return string? err nil: they are sent
function schedule.unsent(schedules, url, made)
  if not schedules or url:find "^sqlite:" then return nil end
  for _, name in ipairs(sorted.keys(schedules)) do
    if not (("," .. (made or "") .. ","):find("," .. name .. ",", 1, true)) then
      return ("schedule '%s': on SQS, Amazon EventBridge Scheduler sends its messages: declare it "
        .. "in the template's 'schedules', too, which sets $Schedules"):format(name)
    end
  end
end

--- The first tick after a time.
---@param after integer seconds since the epoch
---@return integer? at
function Schedule:next(after)
  if self.seconds then return (after // self.seconds + 1) * self.seconds end
  return self.parsed:next(self.clock, after)
end

--- The last tick after `after` that is not later than `now`.
---@param after integer seconds since the epoch
---@param now integer
---@return integer? at nil: there was none
function Schedule:latest(after, now)
  if self.seconds then
    local at = now // self.seconds * self.seconds
    return at > after and at or nil
  end
  for _, window in ipairs(WINDOWS) do
    local since = math.max(after, now - window)
    local at, found = self:next(since), nil
    while at and at <= now do at, found = self:next(at), at end
    if found or since == after then return found end
  end
end

--- The time of a tick as its zone's clocks show it.
---@param at integer
---@return string "2026-11-29 03:00 Europe/Berlin"
function Schedule:text(at)
  local clock = self.clock or assert(zone.open "UTC")
  return ("%s %s"):format(clock:text(at), clock.name)
end

--- The message of a tick.
---@param at integer seconds since the epoch
---@return watchbot.Outgoing
function Schedule:message_at(at)
  return {
    body = self.message or "", subject = self.subject, group = self.group,
    attributes = {
      Schedule = { type = "String", value = self.name },
      ScheduledTime = { type = "String", value = date.utc(at) },
    },
  }
end

return schedule
