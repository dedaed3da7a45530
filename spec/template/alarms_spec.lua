local cf = require "watchbot.template.cf"
local templates = require "support.templates"

local function alarm(name, mode, more)
  local resource = templates.part("alarms", mode, more).Resources["Watchbot" .. name .. "Alarm"]
  return resource and resource.Properties
end

local function numbers(name, mode, more)
  local properties = alarm(name, mode, more)
  return {
    properties.Threshold, properties.Period or properties.Metrics[1].MetricStat.Period,
    properties.EvaluationPeriods,
  }
end

-- The metrics that an alarm looks at.
local function measured(properties)
  local found = {}
  for _, query in ipairs(properties.Metrics or {}) do
    if query.MetricStat then found[#found + 1] = query.MetricStat.Metric end
  end
  return #found > 0 and found or { properties }
end

describe("the alarms of a template", function()
  it("have numbers like those of ecs-watchbot", function()
    assert.are.same({ 40, 300, 24 }, numbers("QueueSize", "task"))
    assert.are.same({ 0, 60, 1 }, numbers("DeadLetter", "task"))
    assert.are.same({ 10, 60, 1 }, numbers("WorkerErrors", "task"))
    assert.are.same({ 0, 60, 5 }, numbers("FailedWorkerPlacement", "task"))
    assert.are.same({ 86400, 300, 1 }, numbers("OldestMessage", "process"))
    assert.are.same({ 50, 300, 3 }, numbers("FailureShare", "process"))
  end)

  it("take them from the older options", function()
    assert.are.same({ 7, 300, 6 },
      numbers("QueueSize", "process", { alarmThreshold = 7, alarmPeriods = 6 }))
    assert.are.same({ 3, 60, 1 }, numbers("WorkerErrors", "process", { errorThreshold = 3 }))
    assert.are.same({ 0, 60, 7 },
      numbers("FailedWorkerPlacement", "task", { failedPlacementAlarmPeriods = 4 }))
    assert.are.equal(1800, alarm("OldestMessage", "process", { messageRetention = 3600 }).Threshold)
  end)

  it("take them from 'alarms' before all, one by one, intrinsics too", function()
    local given = {
      alarmThreshold = 7, alarms = {
        queueSize = { threshold = cf.ref "Limit" }, dlqSize = { period = 300 },
      },
    }
    assert.are.same({ { Ref = "Limit" }, 300, 24 }, numbers("QueueSize", "process", given))
    assert.are.same({ 0, 300, 1 }, numbers("DeadLetter", "process", given))
    local share = alarm("FailureShare", "process", { alarms = { failureShare = { period = 600 } } })
    assert.are.equal(600, share.Metrics[1].MetricStat.Period)
    assert.are.equal(600, share.Metrics[2].MetricStat.Period)
  end)

  it("ring for as long as there is no room", function()
    -- The watcher tries a message again once a minute at last: more than five lines a minute came
    -- in the first minute only, then the alarm was quiet for as long as nothing could run.
    local placements = alarm("FailedWorkerPlacement", "task")
    assert.are.same({ 3, 5 }, { placements.DatapointsToAlarm, placements.EvaluationPeriods })
    placements = alarm("FailedWorkerPlacement", "task", {
      failedPlacementAlarmPeriods = cf.ref "Minutes",
    })
    assert.are.same({ Ref = "Minutes" }, placements.DatapointsToAlarm)
    placements = alarm("FailedWorkerPlacement", "task", {
      alarms = { failedPlacements = { evaluationPeriods = 2 } },
    })
    assert.is_nil(placements.DatapointsToAlarm)
  end)

  it("ring when no task can be started at all", function()
    -- A wrong image, a secret that is denied: nothing counted such starts, 18 of them in 25 minutes
    -- without a notification.
    for _, mode in ipairs { "task", "process" } do
      assert.are.same({ 0, 60, 1 }, numbers("NoTaskStarts", mode))
      assert.are.same({ { Ref = "WatchbotNotificationTopic" } },
        alarm("NoTaskStarts", mode).AlarmActions)
    end
  end)

  it("are left out where that is said", function()
    assert.is_nil(alarm("DeadLetter", "process", { deadletterAlarm = false }))
    assert.is_nil(alarm("QueueSize", "process", { alarms = { queueSize = false } }))
    assert.is_nil(alarm("FailedWorkerPlacement", "process"))
  end)

  it("ring for CPU only where that is asked for: work may take all it gets", function()
    assert.is_nil(alarm("CpuUtilization", "process"))
    assert.are.same({ 90, 60, 10 },
      numbers("CpuUtilization", "process", { alarms = { cpuUtilization = {} } }))
  end)

  -- v10's was at 100 % on Fargate, which nothing can exceed.
  it("ring for memory where a task can get: a hard limit cannot be passed, a soft one can",
    function()
    assert.are.equal(90, alarm("MemoryUtilization", "process").Threshold)
    assert.are.equal(100,
      alarm("MemoryUtilization", "process", { reservation = { softMemory = 512 } }).Threshold)
    assert.are.equal(90,
      alarm("MemoryUtilization", "task", { reservation = { softMemory = 512 } }).Threshold)
    assert.are.equal(100,
      alarm("MemoryUtilization", "task", { watcherReservation = { softMemory = 64 } }).Threshold)
  end)

  it("tell the topic of notifications, or what 'alarms' says", function()
    local given = {
      notificationEmail = false, notificationTopic = "arn:aws:sns:us-east-1:123456789012:mine",
    }
    assert.are.same({ { Ref = "WatchbotNotificationTopic" } },
      alarm("QueueSize", "task").AlarmActions)
    assert.are.same({ given.notificationTopic }, alarm("QueueSize", "task", given).AlarmActions)
    given.alarms = { action = "arn:aws:sns:us-east-1:123456789012:oncall" }
    assert.are.same({ given.alarms.action }, alarm("QueueSize", "task", given).AlarmActions)
  end)

  it("look at metrics that there are, and say what to do", function()
    for _, mode in ipairs { "task", "process" } do
      local mined = {}
      for _, filter in pairs(templates.part("filters", mode).Resources) do
        mined[filter.Properties.MetricTransformations[1].MetricName["Fn::Sub"]] = true
      end
      for id, resource in pairs(templates.part("alarms", mode).Resources) do
        local properties = resource.Properties
        assert.are.equal("notBreaching", properties.TreatMissingData, id)
        assert.are.equal("GreaterThanThreshold", properties.ComparisonOperator, id)
        assert.is_true(#properties.AlarmDescription > 60, id)
        for _, metric in ipairs(measured(properties)) do
          local is_mined = metric.Namespace == "Watchbot"
          assert.is_true(not is_mined or mined[metric.MetricName["Fn::Sub"]], id)
          assert.are.equal(is_mined, metric.Dimensions == nil, id)
        end
      end
    end
  end)

  it("reckon the share of failures from what has ended", function()
    local share = alarm("FailureShare", "process").Metrics
    assert.are.same({ ["Fn::Sub"] = "WatchbotWorkerErrors-${AWS::StackName}" },
      share[1].MetricStat.Metric.MetricName)
    assert.are.same({ ["Fn::Sub"] = "WatchbotWorkersFinished-${AWS::StackName}" },
      share[2].MetricStat.Metric.MetricName)
    assert.are.same({ false, false, true },
      { share[1].ReturnData, share[2].ReturnData, share[3].ReturnData })
    -- This much of metric math is Lua as well.
    local function percent(failed, finished)
      return load("return " .. share[3].Expression, "math", "t", {
        [share[1].Id] = failed, [share[2].Id] = finished, IF = function(condition, a, b)
          return condition and a or b
        end,
      })()
    end
    assert.are.equal(62.5, percent(5, 8))
    assert.are.equal(0, percent(0, 8))
    assert.are.equal(0, percent(0, 0))
  end)
end)
