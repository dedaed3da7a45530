--- template.schedules: messages at times, sent to the topic by Amazon EventBridge Scheduler. Each
-- is tried for a day until the topic takes it.
-- https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html

local aws = require "watchbot.schedule.aws"
local cf = require "watchbot.template.cf"
local schedule = require "watchbot.schedule"
local scheduling = require "watchbot.template.scheduling"
local sending = require "watchbot.template.sending"
local stable = require "watchbot.template.stable"

-- What the service puts in when it sends.
local TIME, EXECUTION = "<aws.scheduler.scheduled-time>", "<aws.scheduler.execution-id>"

-- In Fn::Sub, "${" is the start of a name.
local function literal(text)
  return text and (text:gsub("%${", "${!"))
end

local function text_attribute(value)
  return { DataType = "String", StringValue = value }
end

-- The parameters of SNS's Publish.
local function input(one, options, refs)
  local parameters = {
    TopicArn = "${Topic}", Message = literal(one.message), Subject = literal(one.subject),
    MessageAttributes = {
      Schedule = text_attribute(one.name), ScheduledTime = text_attribute(TIME),
    },
    MessageGroupId = options.fifo and (literal(one.group) or "schedule-" .. one.name)
      or literal(one.group),
    MessageDeduplicationId = options.fifo and EXECUTION or nil,
  }
  return cf.sub(stable(parameters), { Topic = refs.topic })
end

local function resource(one, options, refs)
  return {
    Type = "AWS::Scheduler::Schedule",
    Properties = {
      Description = cf.sub("Schedule " .. one.name .. " of ${AWS::StackName}"),
      ScheduleExpression = assert(aws.expression(one)),
      ScheduleExpressionTimezone = one.cron and one.zone or nil,
      FlexibleTimeWindow = { Mode = "OFF" },
      Target = {
        Arn = cf.sub "arn:${AWS::Partition}:scheduler:::aws-sdk:sns:publish",
        RoleArn = cf.getatt(refs.id "ScheduleRole", "Arn"),
        Input = input(one, options, refs),
      },
    },
  }
end

---@type watchbot.template.Part
return function(options, refs)
  if next(options.schedules) == nil then return nil end
  local resources = {
    [refs.id "ScheduleRole"] =
      scheduling.role(options, "publish", sending.statements(options, refs)),
  }
  for _, one in ipairs(schedule.all(options.schedules)) do
    -- Logical ids have letters and digits only.
    local id = refs.id("Schedule" .. one.name:gsub("[^%w]", function(sign)
      return ("x%02X"):format(sign:byte())
    end))
    resources[id] = resource(one, options, refs)
  end
  return { Resources = resources }
end
