local date = require "watchbot.lib.date"
local schedule = require "watchbot.schedule"

local function at(text) return date.iso(text) end

describe("a table of schedules", function()
  local refused = {
    { 1, "expected a table of names to schedules, got a number" },
    -- A list was told that '1' is not a name, and `every = 60` nothing of its unit.
    { { { cron = "* * * * *" } }, "a table of names to schedules, got a list: write { NAME = " },
    { { "hourly" }, "got a list" },
    { { [7] = { cron = "* * * * *" } }, "a schedule's name has letters.*not '7'" },
    { { x = { every = 60 } }, "'every': expected text, such as '60s', got a number" },
    { { x = { every = 0.5 } }, "'every': expected text.*got a number" },
    { { ["a b"] = { cron = "* * * * *" } }, "not 'a b'" },
    { { [("a"):rep(65)] = { cron = "* * * * *" } }, "at most 64" },
    { { a = "0 3 * * *" }, "schedule 'a': expected a table, got a string" },
    { { a = {} }, "schedule 'a': expected either 'cron' or 'every'" },
    { { a = { cron = "* * * * *", every = "1m" } }, "either 'cron' or 'every'" },
    { { a = { corn = "* * * * *" } }, "unknown option 'corn'; did you mean 'cron'?" },
    { { a = { cron = "61 * * * *" } }, "schedule 'a': 'cron': '61 %* %* %* %*': the minute" },
    { { a = { cron = "* * * * *", zone = "Europe/Berln" } }, "unknown time zone 'Europe/Berln'" },
    { { a = { every = "15" } }, "'every': expected a time like '15m'.*got '15'" },
    { { a = { every = "0s" } }, "at least a second" },
    { { a = { every = "400d" } }, "at most a year" },
    { { a = { every = "99999999999999999999d" } }, "at most a year" },
    { { a = { every = 60 } }, "'every': expected text.*got a number" },
    { { a = { every = "1h", zone = "UTC" } }, "'zone' is for 'cron'" },
    { { a = { every = "1h", missed = "twice" } }, "'missed': expected 'once' or 'skip'" },
    { { a = { every = "1h", message = {} } }, "'message': expected text, got a table" },
    { { a = { every = "1h", message = ("x"):rep(1 << 20) } }, "more than a queue takes" },
    { { a = { every = "1h", group = "" } }, "'group'.*empty" },
  }

  for index, case in ipairs(refused) do
    it(("is refused: %d"):format(index), function()
      assert.matches(case[2], schedule.problem(case[1]))
    end)
  end

  it("has no problem where it is right", function()
    assert.is_nil(schedule.problem {})
    assert.is_nil(schedule.problem {
      nightly = { cron = "0 3 * * *", zone = "UTC", message = "report", subject = "s",
        group = "g", missed = "once" },
      ["a-b_c.d"] = { every = "15m" },
    })
  end)

  it("on SQS must be declared in the template that the watcher comes from", function()
    local wanted = { nightly = { cron = "0 3 * * *" } }
    local url = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"
    assert.matches("schedule 'nightly': on SQS, Amazon EventBridge Scheduler sends its messages",
      schedule.unsent(wanted, url, nil))
    assert.matches("schedule 'nightly'", schedule.unsent(wanted, url, "night,nightly2"))
    assert.is_nil(schedule.unsent(wanted, url, "hourly,nightly"))
    assert.is_nil(schedule.unsent(wanted, "sqlite:jobs.db", nil))
    assert.is_nil(schedule.unsent(nil, url, nil))
  end)
end)

describe("a schedule", function()
  local function new(options) return schedule.new("one", options) end

  it("that says how often is counted from 1970", function()
    local quarter = new { every = "15m" }
    assert.are.equal(at "2026-11-28T10:15Z", quarter:next(at "2026-11-28T10:00Z"))
    assert.are.equal(at "2026-11-28T10:15Z", quarter:next(at "2026-11-28T10:14:59Z"))
    assert.are.equal(at "2026-11-28T10:00Z",
      quarter:latest(at "2026-11-28T09:45Z", at "2026-11-28T10:14:59Z"))
    assert.is_nil(quarter:latest(at "2026-11-28T10:00Z", at "2026-11-28T10:14:59Z"))
  end)

  it("finds its latest tick, near and far", function()
    local yearly = new { cron = "0 0 1 1 *" }
    assert.are.equal(at "2026-01-01", yearly:latest(at "2020-01-01", at "2026-11-28"))
    assert.is_nil(yearly:latest(at "2026-01-01", at "2026-11-28"))
    local minutes = new { cron = "* * * * *" }
    assert.are.equal(at "2026-11-28T10:00Z",
      minutes:latest(at "2000-01-01", at "2026-11-28T10:00:59Z"))
    local rare = new { cron = "0 0 * 2 0#5" }
    assert.are.equal(at "2032-02-29", rare:latest(at "2027-01-01", at "2059-12-31"))
  end)

  it("has another rule when its expression or its zone changes", function()
    local one = new { cron = "0 3 * * *" }
    assert.are_not.equal(one.rule, new { cron = "0 4 * * *" }.rule)
    assert.are_not.equal(one.rule, new { cron = "0 3 * * *", zone = "Europe/Berlin" }.rule)
    assert.are.equal(one.rule, new { cron = "0 3 * * *", message = "other" }.rule)
  end)

  it("names itself and its time in the message", function()
    local message = new { every = "1d", message = "m", subject = "s", group = "g" }
      :message_at(at "2026-11-28")
    assert.are.same({
      body = "m", subject = "s", group = "g", attributes = {
        Schedule = { type = "String", value = "one" },
        ScheduledTime = { type = "String", value = "2026-11-28T00:00:00Z" },
      },
    }, message)
  end)
end)

describe("the schedule of a rule in a queue's file", function()
  it("has the ticks of that rule", function()
    local both = { { every = "90m" }, { cron = "0 3 * * *", zone = "Europe/Berlin" } }
    for _, options in ipairs(both) do
      local one = schedule.new("a", options)
      local again = schedule.of_rule("a", one.rule)
      local now = at "2026-11-28T12:00:00Z" // 1000
      assert.are.same({ one.rule, one:next(now) }, { again.rule, again:next(now) })
    end
  end)

  it("is none where the rule is not known here", function()
    for _, rule in ipairs { "", "every", "every 1x", "cron", "cron UTC", "cron Mars/X 0 3 * * *",
      "cron UTC 61 * * * *", "at noon" } do
      assert.is_nil(schedule.of_rule("a", rule))
    end
  end)
end)
