local alarm = require "watchbot.template.alarm"
local options = require "watchbot.template.options"
local templates = require "support.templates"

local function numbers(key, mode, more)
  local complete = assert(options.complete(templates.given(mode, more)))
  for _, one in ipairs(alarm.declared) do
    if one.key == key then return alarm.numbers(one, complete) end
  end
end

describe("the numbers of an alarm", function()
  it("are the option's, else those of the older options, else its own", function()
    assert.are.same({ 40, 300, 24 }, { numbers("queueSize", "task").threshold,
      numbers("queueSize", "task").period, numbers("queueSize", "task").evaluationPeriods })
    assert.are.equal(7, numbers("queueSize", "task", { alarmThreshold = 7 }).threshold)
    assert.are.equal(9, numbers("queueSize", "task", {
      alarmThreshold = 7, alarms = { queueSize = { threshold = 9 } } }).threshold)
  end)

  it("are nil where it is off, by itself or by its mode", function()
    assert.is_nil(numbers("cpuUtilization", "task"))
    assert.is_nil(numbers("dlqSize", "task", { deadletterAlarm = false }))
    assert.is_nil(numbers("failedPlacements", "process"))
    assert.is_truthy(numbers("failedPlacements", "task"))
  end)
end)
