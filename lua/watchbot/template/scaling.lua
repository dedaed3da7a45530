--- template.scaling: the number of containers of a service of processes: it follows the backlog,
-- down to zero if there is nothing to do. Two alarms on the number of visible and in-flight
-- messages set the capacity in steps; no code of watchbot runs for it. An unused queue adds a
-- delay: SQS stops its metrics after six hours without use, and then the first message may wait up
-- to 15 minutes until the metrics are back and a container starts. To avoid that, keep one
-- container: minScalingCapacity = 1.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
-- monitoring-using-cloudwatch.html
-- Application Auto Scaling creates its service-linked role itself; for ECS it would ignore a role
-- of the stack.
-- https://docs.aws.amazon.com/autoscaling/application/userguide/
-- application-auto-scaling-service-linked-roles.html

local cf = require "watchbot.template.cf"
local metrics = require "watchbot.template.metrics"

-- Minutes without a message before the last container is stopped.
local IDLE = 15

-- If a parameter sets the maximum, it limits the steps.
local MANY = 1024

-- A policy has at most 20 steps.
-- https://docs.aws.amazon.com/general/latest/gr/as-app.html
local STEPS = 20

local function number(value, otherwise)
  return type(value) == "number" and value or otherwise
end

--- Capacity doubles with each step, and is enough for all messages of the step: scaling in to a
-- step's capacity stops no busy container, since ECS first stops containers without scale-in
-- protection, which are idle.
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

--- An alarm on the number of visible and in-flight messages; a message that waits for its retry is
--- in flight.
local function trigger(refs, policy_name, more)
  local properties = {
    Metrics = {
      metrics.query("visible", metrics.queue(refs, "Queue", "ApproximateNumberOfMessagesVisible"),
      "Maximum", 60),
      metrics.query("inflight",
      metrics.queue(refs, "Queue", "ApproximateNumberOfMessagesNotVisible"), "Maximum", 60),
      -- SQS reports in-flight messages only while there are any; without FILL there would be no sum
      -- for zero messages, and the service would never scale out from zero. SQS reports visible
      -- messages while the queue is in use; FILL for those would turn each minute with a late value
      -- into an empty minute.
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

-- ECS reports the CPU of each running container once a minute: the number of samples is that of the
-- containers, without Container Insights. Application Auto Scaling has periods of a minute only.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cloudwatch-metrics.html
local function backlog_per_task(options, refs)
  local function of_queue(name) return metrics.queue(refs, "Queue", name) end
  return { Metrics = {
    metrics.query("visible", of_queue "ApproximateNumberOfMessagesVisible", "Maximum"),
    metrics.query("inflight", of_queue "ApproximateNumberOfMessagesNotVisible", "Maximum"),
    metrics.query("tasks", metrics.service(options, refs, "CPUUtilization"), "SampleCount"),
    metrics.expression("(visible + FILL(inflight, 0)) / tasks", "Messages for each container"),
  } }
end

local function tracking(options, refs)
  return {
    Type = "AWS::ApplicationAutoScaling::ScalingPolicy",
    Properties = {
      PolicyName = cf.sub("${AWS::StackName}-" .. refs.id "Backlog"),
      PolicyType = "TargetTrackingScaling", ScalingTargetId = cf.ref(refs.id "ScalingTarget"),
      TargetTrackingScalingPolicyConfiguration = {
        TargetValue = options.backlogPerTask, ScaleOutCooldown = 60, ScaleInCooldown = 300,
        CustomizedMetricSpecification = backlog_per_task(options, refs),
      },
    },
  }
end

---@type watchbot.template.Part
return function(options, refs)
  local least, most = options.minScalingCapacity, options.maxScalingCapacity
  if options.mode ~= "process" or (least == most and type(least) == "number") then return {} end
  if options.backlogPerTask then
    return { Resources = {
      [refs.id "ScalingTarget"] = target(options, refs),
      [refs.id "BacklogScaling"] = tracking(options, refs),
    } }
  end
  return {
    Resources = {
      [refs.id "ScalingTarget"] = target(options, refs),
      [refs.id "ScaleUp"] =
        policy(refs, "ScaleUp", steps(number(most, MANY), messages_of(options))),
      [refs.id "ScaleUpTrigger"] = trigger(refs, "ScaleUp", {
        AlarmDescription =
        "Sets the number of containers from the number of messages. No action is needed.",
        ComparisonOperator = "GreaterThanThreshold", Threshold = 0, EvaluationPeriods = 1,
      }),
      -- The minimum capacity of the target still applies.
      [refs.id "ScaleDown"] = policy(refs, "ScaleDown", {
        { MetricIntervalUpperBound = 0, ScalingAdjustment = 0 },
      }),
      [refs.id "ScaleDownTrigger"] = trigger(refs, "ScaleDown", {
        AlarmDescription =
        "Stops the last containers when the queue is empty. No action is needed.",
        ComparisonOperator = "LessThanThreshold", Threshold = 1, EvaluationPeriods = IDLE,
        DatapointsToAlarm = IDLE,
      }),
    },
  }
end
