--- template.rules.alarms: how far an alarm looks back: the product of period and number of periods,
-- some of which come from options and some from defaults, so the options must be complete.
-- CloudWatch looks back at most a day if a period is shorter than an hour, otherwise a week.
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html

local alarm = require "watchbot.template.alarm"

local HOUR, DAY, WEEK = 3600, 86400, 604800

-- The option that sets the default, if the user gave no number.
local function shortest(of)
  local most = of.period < HOUR and DAY or WEEK
  return ("%d periods of %d s are %d s; CloudWatch looks back at most %d s%s: say "
    .. "'evaluationPeriods', at most %d"):format(of.evaluationPeriods, of.period,
    of.evaluationPeriods * of.period, most, most == DAY and " in periods below an hour" or "",
    most // of.period)
end

--- The problem, if there is one.
---@param options watchbot.template.Options
---@return string? err
---@return string? name
---@return string? page
return function(options)
  for _, one in ipairs(alarm.declared) do
    local of = alarm.numbers(one, options)
    if of and math.type(of.period) and math.type(of.evaluationPeriods)
      and of.period * of.evaluationPeriods > (of.period < HOUR and DAY or WEEK) then
      return ("option 'alarms': '%s': %s"):format(one.key, shortest(of)), one.key, "alarms"
    end
  end
end
