--- template.scaling: how many containers a service of processes has: as the backlog asks, and none
-- when there is nothing to do. Two alarms on the messages that are visible or in flight set the
-- capacity by steps; nothing of our own runs for it. An idle queue lags: SQS stops its metrics
-- after six hours without use, and after that the first message may wait for up to 15 minutes until
-- they are back and a container starts. Who cannot wait that long keeps one: minScalingCapacity =
-- 1.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
-- monitoring-using-cloudwatch.html
-- Application Auto Scaling makes its service-linked role itself; a role of the stack's own would be
-- ignored for ECS.
-- https://docs.aws.amazon.com/autoscaling/application/userguide/
-- application-auto-scaling-service-linked-roles.html

local cf = require "watchbot.template.cf"
local metrics = require "watchbot.template.metrics"

-- Minutes without a message before the last container goes.
local IDLE = 15

-- Where a parameter says how many there may be at most, that cuts the steps off.
local MANY = 1024

-- A policy has at most 20 steps.
-- https://docs.aws.amazon.com/general/latest/gr/as-app.html
local STEPS = 20

local function number(value, otherwise)
  return type(value) == "number" and value or otherwise
end

--- Capacity doubles from step to step, and is enough for all the messages of its step: a capacity
-- that is reached from above takes no container that is busy, and ECS takes those first that are
-- not protected, the idle ones.
---@param most integer containers
---@param workers integer of each container
---@return table[] steps bounds are messages, over the alarm's threshold of 0
local function steps(most, workers)
  local list, capacity, below = {}, 1, 0
  while capacity < most and #list < STEPS - 1 do
    local above = capacity * workers + 1
    list[#list + 1] = {
      MetricIntervalLowerBound = below, MetricIntervalUpperBound = above,
      ScalingAdjustment = capacity,
    }
    capacity, below = capacity * 2, above
  end
  list[#list + 1] = { MetricIntervalLowerBound = below, ScalingAdjustment = most }
  return list
end

-- Messages that a container takes at once: each of its workers one, or a batch of a function.
local function messages_of(options)
  return number(options.workers, 1) * number(options.lambda and options.lambda.batch, 1)
end

local function target(options, refs)
  return {
    Type = "AWS::ApplicationAutoScaling::ScalableTarget",
    Properties = {
      ServiceNamespace = "ecs", ScalableDimension = "ecs:service:DesiredCount",
      ResourceId = cf.join("/", {
        "service", metrics.cluster_name(options.cluster), cf.getatt(refs.id "Service", "Name"),
      }),
      MinCapacity = options.minScalingCapacity, MaxCapacity = options.maxScalingCapacity,
    },
  }
end

local function policy(refs, name, adjustments)
  return {
    Type = "AWS::ApplicationAutoScaling::ScalingPolicy",
    Properties = {
      PolicyName = cf.sub("${AWS::StackName}-" .. refs.id(name)), PolicyType = "StepScaling",
      ScalingTargetId = cf.ref(refs.id "ScalingTarget"),
      StepScalingPolicyConfiguration = {
        AdjustmentType = "ExactCapacity", Cooldown = 60, MetricAggregationType = "Maximum",
        StepAdjustments = adjustments,
      },
    },
  }
end

--- An alarm on the messages that are visible or in flight; a retry that waits for its time is in
--- flight.
local function trigger(refs, policy_name, more)
  local properties = {
    Metrics = {
      metrics.query("visible", metrics.queue(refs, "Queue", "ApproximateNumberOfMessagesVisible"),
      "Maximum", 60),
      metrics.query("inflight",
      metrics.queue(refs, "Queue", "ApproximateNumberOfMessagesNotVisible"), "Maximum", 60),
      -- SQS reports messages in flight while there are any, and without FILL there would be no sum
      -- when there are none: nothing would ever start from zero. Visible ones it reports as long as
      -- the queue is in use; FILL for them, too, would make each minute whose value is late an
      -- empty one.
      -- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
      -- sqs-available-cloudwatch-metrics.html
      -- https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
      metrics.expression("visible + FILL(inflight, 0)", "Messages in the queue"),
    },
    -- While a container polls, the queue is in use and has metrics.
    TreatMissingData = "notBreaching",
    AlarmActions = { cf.ref(refs.id(policy_name)) },
  }
  for name, value in pairs(more) do properties[name] = value end
  return { Type = "AWS::CloudWatch::Alarm", Properties = properties }
end

---@type watchbot.template.Part
return function(options, refs)
  local least, most = options.minScalingCapacity, options.maxScalingCapacity
  if options.mode ~= "process" or (least == most and type(least) == "number") then return {} end
  return {
    Resources = {
      [refs.id "ScalingTarget"] = target(options, refs),
      [refs.id "ScaleUp"] =
        policy(refs, "ScaleUp", steps(number(most, MANY), messages_of(options))),
      [refs.id "ScaleUpTrigger"] = trigger(refs, "ScaleUp", {
        AlarmDescription =
        "Sets the number of containers by the messages in the queue; nothing to do for anybody.",
        ComparisonOperator = "GreaterThanThreshold", Threshold = 0, EvaluationPeriods = 1,
      }),
      -- The target's least capacity holds all the same.
      [refs.id "ScaleDown"] = policy(refs, "ScaleDown", {
        { MetricIntervalUpperBound = 0, ScalingAdjustment = 0 },
      }),
      [refs.id "ScaleDownTrigger"] = trigger(refs, "ScaleDown", {
        AlarmDescription =
        "Takes the last containers away when the queue is empty; nothing to do for anybody.",
        ComparisonOperator = "LessThanThreshold", Threshold = 1, EvaluationPeriods = IDLE,
        DatapointsToAlarm = IDLE,
      }),
    },
  }
end
