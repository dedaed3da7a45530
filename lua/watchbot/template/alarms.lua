--- template.alarms: the alarms of template.alarm as resources. Missing data means no problem: SQS
-- stops sending metrics for an unused queue, and without log lines there are no failures.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudwatch-alarm.html

local alarm = require "watchbot.template.alarm"

-- The measured value, as one metric or as math over several.
local function measure(one, options, refs, period)
  if one.math then return { Metrics = one.math(options, refs, period) } end
  local measured = one.metric(options, refs)
  measured.Statistic, measured.Period = one.stat, period
  return measured
end

local function properties(one, options, refs, numbers)
  local result = measure(one, options, refs, numbers.period)
  local action = options.alarms.action or refs.notificationTopic
  result.AlarmDescription = one.text
  result.ComparisonOperator = "GreaterThanThreshold"
  result.Threshold, result.EvaluationPeriods = numbers.threshold, numbers.evaluationPeriods
  result.DatapointsToAlarm = numbers.datapoints
  result.TreatMissingData = "notBreaching"
  result.AlarmActions = { action }
  return result
end

---@type watchbot.template.Part
return function(options, refs)
  local resources = {}
  for _, one in ipairs(alarm.declared) do
    local numbers = alarm.numbers(one, options)
    if numbers then
      resources[refs.id(one.name .. "Alarm")] = {
        Type = "AWS::CloudWatch::Alarm", Properties = properties(one, options, refs, numbers),
      }
    end
  end
  return { Resources = resources }
end
