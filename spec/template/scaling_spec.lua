local cf = require "watchbot.template.cf"
local templates = require "support.templates"

local function resources(more, mode)
  return templates.part("scaling", mode or "process", more).Resources
end

local function steps_of(more)
  return resources(more).WatchbotScaleUp.Properties.StepScalingPolicyConfiguration.StepAdjustments
end

-- The capacity for a number of messages over the alarm's threshold of 0: lower bounds are in the
-- step, upper ones are not.
-- https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html
local function capacity(steps, messages)
  local found
  for _, step in ipairs(steps) do
    if messages >= step.MetricIntervalLowerBound
      and messages < (step.MetricIntervalUpperBound or math.huge) then
      assert.is_nil(found, "two steps")
      found = step.ScalingAdjustment
    end
  end
  return assert(found, "no step")
end

describe("the scaling of a template", function()
  it("gives a backlog enough containers, at most twice as many as it needs, and never too many",
    function()
    for _, most in ipairs { 1, 2, 5, 64, 100, 5000 } do
      for _, workers in ipairs { 1, 4 } do
        local steps = steps_of { maxScalingCapacity = most, workers = workers }
        assert.is_true(#steps <= 20, "a policy has 20 steps at the most")
        for messages = 1, 300 do
          local needed = math.min(most, -(-messages // workers))
          local got = capacity(steps, messages)
          assert.is_true(got >= needed and got <= math.max(1, 2 * needed - 1) and got <= most,
            ("%d for %d messages, at most %d"):format(got, messages, most))
        end
        assert.are.equal(most, capacity(steps, 10 ^ 6))
      end
    end
  end)

  it("leaves the cut to the target where a parameter says how many there may be", function()
    local more = { maxScalingCapacity = cf.ref "Most" }
    assert.are.same({ Ref = "Most" }, resources(more).WatchbotScalingTarget.Properties.MaxCapacity)
    assert.are.equal(8, capacity(steps_of(more), 7))
  end)

  it("takes the last container after 15 minutes without a message", function()
    local all = resources { maxScalingCapacity = 5 }
    local trigger = all.WatchbotScaleDownTrigger.Properties
    assert.are.same({ 15, 15 }, { trigger.EvaluationPeriods, trigger.DatapointsToAlarm })
    assert.are.equal(60, trigger.Metrics[1].MetricStat.Period)
    assert.are.same({ "LessThanThreshold", 1 }, { trigger.ComparisonOperator, trigger.Threshold })
    assert.are.same({ { Ref = "WatchbotScaleDown" } }, trigger.AlarmActions)
    local policy = all.WatchbotScaleDown.Properties.StepScalingPolicyConfiguration
    assert.are.equal("ExactCapacity", policy.AdjustmentType)
    assert.are.same({ { MetricIntervalUpperBound = 0, ScalingAdjustment = 0 } },
      policy.StepAdjustments)
    assert.are.equal(0, all.WatchbotScalingTarget.Properties.MinCapacity)
  end)

  it("counts messages that are visible or in flight", function()
    local all = resources { maxScalingCapacity = 5 }
    for _, name in ipairs { "WatchbotScaleUpTrigger", "WatchbotScaleDownTrigger" } do
      local queries = all[name].Properties.Metrics
      assert.are.equal("ApproximateNumberOfMessagesVisible",
        queries[1].MetricStat.Metric.MetricName)
      assert.are.equal("ApproximateNumberOfMessagesNotVisible",
        queries[2].MetricStat.Metric.MetricName)
      assert.are.equal("visible + FILL(inflight, 0)", queries[3].Expression)
      assert.is_true(queries[3].ReturnData)
    end
  end)

  it("names the service as Application Auto Scaling wants it", function()
    local arn = "arn:aws:ecs:us-east-1:123456789012:cluster/fleet"
    local target = resources { maxScalingCapacity = 5, cluster = arn }
      .WatchbotScalingTarget.Properties
    assert.are.same(cf.join("/", { "service", "fleet", cf.getatt("WatchbotService", "Name") }),
      target.ResourceId)
    assert.are.equal("ecs:service:DesiredCount", target.ScalableDimension)
  end)

  -- Steps follow the queue, whatever a message costs; a backlog for each container can be tuned.
  it("may follow the backlog of each container instead of steps", function()
    local made = resources { minScalingCapacity = 1, maxScalingCapacity = 20, backlogPerTask = 50 }
    for _, id in ipairs { "ScaleUp", "ScaleUpTrigger", "ScaleDown", "ScaleDownTrigger" } do
      assert.is_nil(made["Watchbot" .. id])
    end
    local policy = made.WatchbotBacklogScaling.Properties
    assert.are.equal("TargetTrackingScaling", policy.PolicyType)
    local tracking = policy.TargetTrackingScalingPolicyConfiguration
    assert.are.equal(50, tracking.TargetValue)
    local metrics = tracking.CustomizedMetricSpecification.Metrics
    assert.are.equal("(visible + FILL(inflight, 0)) / tasks", metrics[4].Expression)
    assert.are.same({ "CPUUtilization", "SampleCount" },
      { metrics[3].MetricStat.Metric.MetricName, metrics[3].MetricStat.Stat })
    for index = 1, 3 do assert.is_nil(metrics[index].MetricStat.Period) end
    assert.matches("needs 'minScalingCapacity' of at least 1",
      (templates.refused("process", { backlogPerTask = 50, maxScalingCapacity = 5 })))
    assert.matches("needs 'maxScalingCapacity' above", (templates.refused("process",
      { backlogPerTask = 50, minScalingCapacity = 1, maxScalingCapacity = 1 })))
    assert.matches("is for mode 'process'", (templates.refused("task", { backlogPerTask = 50 })))
  end)

  it("is there only where there is a choice", function()
    assert.is_nil(resources({}, "task"))
    assert.is_nil(resources { minScalingCapacity = 3, maxScalingCapacity = 3 })
    assert.is_truthy(resources {}, "from none to one")
    assert.are.equal(2,
      resources { minSize = 2, maxSize = 4 }.WatchbotScalingTarget.Properties.MinCapacity)
  end)
end)
