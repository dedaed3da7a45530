--- template.rules.alarms: how long an alarm looks back: its periods together, of which some come
-- from options and some from defaults, so the options have to be complete. CloudWatch looks at most
-- at a day where a period is shorter than an hour, else at a week.
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html

local alarm = require "watchbot.template.alarm"

local HOUR, DAY, WEEK = 3600, 86400, 604800

-- The option that a default comes from, where the user gave no number.
local function shortest(of)
  local most = of.period < HOUR and DAY or WEEK
  return ("%d periods of %d s are %d s; CloudWatch looks back at most %d s%s: say "
    .. "'evaluationPeriods', at most %d"):format(of.evaluationPeriods, of.period,
    of.evaluationPeriods * of.period, most, most == DAY and " in periods below an hour" or "",
    most // of.period)
end

--- What is wrong.
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
