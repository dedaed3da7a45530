local aws = require "watchbot.schedule.aws"
local schedule = require "watchbot.schedule"

local function expression(options)
  return aws.expression(schedule.new("one", options))
end

describe("a schedule for EventBridge Scheduler", function()
  -- Days of the week are counted from 1 there, and one of the fields of days is "?".
  for text, expected in pairs {
    ["0 3 * * *"] = "cron(0 3 * * ? *)", ["*/20 * * * *"] = "cron(0,20,40 * * * ? *)",
    ["0 9-11 * * 1-5"] = "cron(0 9,10,11 ? * MON,TUE,WED,THU,FRI *)",
    ["0 0 * * 7"] = "cron(0 0 ? * SUN *)", ["0 0 L * *"] = "cron(0 0 L * ? *)",
    ["0 0 1,15 * *"] = "cron(0 0 1,15 * ? *)", ["0 0 * * 5L"] = "cron(0 0 ? * 6L *)",
    ["0 0 * * mon#2"] = "cron(0 0 ? * 2#2 *)", ["0 0 1 jan *"] = "cron(0 0 1 1 ? *)",
    ["@daily"] = "cron(0 0 * * ? *)",
  } do
    it(("is %s for '%s'"):format(expected, text), function()
      assert.are.equal(expected, expression { cron = text })
    end)
  end

  for text, expected in pairs {
    ["60s"] = "rate(1 minute)", ["15m"] = "rate(15 minutes)", ["90m"] = "rate(90 minutes)",
    ["1h"] = "rate(1 hour)", ["48h"] = "rate(2 days)", ["1d"] = "rate(1 day)",
  } do
    it(("is %s for every %s"):format(expected, text), function()
      assert.are.equal(expected, expression { every = text })
    end)
  end

  local refused = {
    { { cron = "0 0 1 * 1" }, "a day of the month together with a day of the week" },
    { { cron = "0 0 15,L * *" }, "'L' cannot be in a list" },
    { { cron = "0 0 * * 1#1,3#2" }, "'#' and 'L' cannot be in a list" },
    { { cron = "0 0 * * 1,5L" }, "'#' and 'L' cannot be in a list" },
    { { every = "90s" }, "an interval that is no whole number of minutes" },
    { { every = "1h", missed = "once" }, "'missed' = 'once'" },
    { { every = "1h", message = "" }, "a message without a body" },
    { { every = "1h", message = "<aws.scheduler.execution-id>" }, "the text '<aws.scheduler.'" },
    { { every = "1h", subject = "a\nb" }, "a subject that is not" },
    { { every = "1h", subject = ("s"):rep(100) }, "a subject that is not" },
    { { every = "1h", message = ("m"):rep(200 * 1024 + 1) },
      "a message of more than 204800 bytes" },
    { { cron = "0-28,30-59 0-10,12-23 * * *" }, nil },
  }

  for index, case in ipairs(refused) do
    it(("is refused by name: %d"):format(index), function()
      local options = case[1]
      options.message = options.message or "m"
      assert.is_nil(schedule.problem { one = options })
      local problem = aws.problem { one = options }
      if not case[2] then return assert.is_nil(problem) end
      assert.is_truthy(problem:find("schedule 'one': EventBridge Scheduler does not know "
        .. case[2], 1, true), problem)
    end)
  end
end)
