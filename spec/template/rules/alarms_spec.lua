-- CloudWatch refuses an alarm that looks back longer than a day, or a week in long periods. The
-- number of periods often is a default: { period = 86400 } alone was 24 days.

local options = require "watchbot.template.options"
local templates = require "support.templates"

local PAGE = "API_PutMetricAlarm"

describe("an alarm that looks back too long", function()
  for expected, alarms in pairs {
    ["'queueSize': 24 periods of 86400 s are 2073600 s; .* at most 604800 s: say "
      .. "'evaluationPeriods', at most 7"] = { queueSize = { period = 86400 } },
    ["'queueSize': 200 periods of 3600 s"] = {
      queueSize = { period = 3600, evaluationPeriods = 200 },
    },
    ["'dlqSize': 1441 periods of 60 s are 86460 s; .* at most 86400 s in periods below an hour"] = {
      dlqSize = { evaluationPeriods = 1441 },
    },
    ["'failureShare': 289 periods of 300 s"] = { failureShare = { evaluationPeriods = 289 } },
    ["'cpuUtilization': 10 periods of 86400 s"] = { cpuUtilization = { period = 86400 } },
  } do
    it("is refused: " .. expected, function()
      local err, name = templates.refused("task", { alarms = alarms })
      assert.matches(expected, err)
      assert.matches(PAGE, err, 1, true)
      assert.is_truthy(alarms[name])
    end)
  end

  it("is taken up to the limit, and where it is off or cannot be known", function()
    for _, alarms in ipairs {
      { queueSize = { period = 3600, evaluationPeriods = 168 } },
      { dlqSize = { period = 60, evaluationPeriods = 1440 } },
      { queueSize = { period = { Ref = "Period" } } },
      { queueSize = false },
    } do
      assert(options.complete(templates.given("task", { alarms = alarms })))
    end
  end)

  it("is none where the mode has no such alarm", function()
    assert(options.complete(templates.given("process", {
      alarms = { failedPlacements = { period = 86400, evaluationPeriods = 100 } },
    })))
  end)
end)
