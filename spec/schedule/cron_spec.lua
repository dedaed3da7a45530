local cron = require "watchbot.schedule.cron"
local date = require "watchbot.lib.date"
local zone = require "watchbot.schedule.zone"

local utc, berlin = assert(zone.open "UTC"), nil

-- The next ticks after a date, as the zone's clocks show them.
local function ticks(text, after, count, clock)
  local parsed, at, shown = assert(cron.parse(text)), date.iso(after), {}
  for index = 1, count do
    at = parsed:next(clock or utc, at)
    shown[index] = at and (clock or utc):text(at) or "never"
  end
  return shown
end

describe("a cron expression", function()
  setup(function() berlin = assert(zone.open "Europe/Berlin") end)

  local cases = {
    { "0 3 * * *", "2026-11-28T12:00Z", { "2026-11-29 03:00", "2026-11-30 03:00" } },
    { "*/20 9-10 * * MON-FRI", "2026-11-28", { "2026-11-30 09:00", "2026-11-30 09:20" } },
    { "10/25 0 * * *", "2026-11-28",
      { "2026-11-28 00:10", "2026-11-28 00:35", "2026-11-29 00:10" } },
    { "0 0 L * *", "2027-02-01", { "2027-02-28 00:00", "2027-03-31 00:00" } },
    { "0 0 * * 5L", "2026-11-01", { "2026-11-27 00:00", "2026-12-25 00:00" } },
    { "0 0 * * tue#2", "2026-11-01", { "2026-11-10 00:00", "2026-12-08 00:00" } },
    { "0 0 * * 7", "2026-11-28", { "2026-11-29 00:00", "2026-12-06 00:00" } },
    { "0 0 * * 5-7", "2026-11-28", { "2026-11-29 00:00", "2026-12-04 00:00", "2026-12-05 00:00" } },
    -- crontab(5): where both days are restricted, one of them is enough
    { "0 0 1 * 1", "2026-11-28", { "2026-11-30 00:00", "2026-12-01 00:00", "2026-12-07 00:00" } },
    { "0 0 29 2 *", "2097-01-01", { "2104-02-29 00:00", "2108-02-29 00:00" } },
    { "0 0 * 2 0#5", "2026-01-01", { "2032-02-29 00:00", "2060-02-29 00:00" } },
    { "0 0 ? JAN,jul ?", "2026-11-28", { "2027-01-01 00:00", "2027-01-02 00:00" } },
    { "@monthly", "2026-11-28", { "2026-12-01 00:00", "2027-01-01 00:00" } },
  }

  for _, case in ipairs(cases) do
    it(("'%s' is due at %s"):format(case[1], case[3][1]), function()
      assert.are.same(case[3], ticks(case[1], case[2], #case[3]))
    end)
  end

  -- EventBridge Scheduler, "Daylight saving time on EventBridge Scheduler": a time that clocks skip
  -- is skipped, one that they show twice comes once.
  it("skips what clocks skip", function()
    assert.are.same({ "2026-03-28 02:30", "2026-03-30 02:30" },
      ticks("30 2 * * *", "2026-03-28T00:00Z", 2, berlin))
    assert.are.same({ "2026-03-29 01:45", "2026-03-29 03:00" },
      ticks("*/15 * * * *", "2026-03-29T00:30Z", 2, berlin))
  end)

  it("comes once where clocks show its time twice", function()
    assert.are.same({ "2026-10-25 02:30", "2026-10-26 02:30" },
      ticks("30 2 * * *", "2026-10-24T12:00Z", 2, berlin))
    local first = assert(cron.parse "30 2 * * *"):next(berlin, date.iso "2026-10-24T12:00Z")
    assert.are.equal(date.iso "2026-10-25T00:30Z", first)
    local hourly, at = assert(cron.parse "0 * * * *"), date.iso "2026-10-24T23:30Z"
    local hours = {}
    for index = 1, 3 do
      at = hourly:next(berlin, at)
      hours[index] = os.date("!%H:%M", at)
    end
    assert.are.same({ "00:00", "02:00", "03:00" }, hours) -- 02:00, 03:00 and 04:00 in Berlin
  end)

  it("knows whether it restricts both fields of days", function()
    assert.is_true(cron.parse "0 0 1 * 1":has_both_days())
    assert.is_true(cron.parse "0 0 L * 5#2":has_both_days())
    assert.is_false(cron.parse "0 0 1 * *":has_both_days())
    assert.is_false(cron.parse "0 0 ? * 1-7":has_both_days())
  end)

  local refused = {
    ["0 3 * *"] = "expected five fields .* got 4", ["0 0 3 * * *"] = "got 6",
    [""] = "got 0", ["@reboot"] = "got 1",
    ["60 * * * *"] = "the minute is a number from 0 to 59, not '60'",
    ["* 24 * * *"] = "the hour is a number from 0 to 23, not '24'",
    ["* * 0 * *"] = "the day of the month is a number from 1 to 31, not '0'",
    ["* * * 13 *"] = "the month is a number from 1 to 12 or a name like JAN, not '13'",
    ["* * * * MONDAY"] = "the day of the week is a number from 0 to 7 or a name like MON",
    ["5-1 * * * *"] = "the minute '5%-1' ends before it begins",
    ["*/0 * * * *"] = "the step of the minute is a number above 0, not '0'",
    ["1,,2 * * * *"] = "the list of the minute has an empty part",
    ["* * 15W * *"] = "not '15W'", ["* * * * 1#6"] = "the week after '#' is a number from 1 to 5",
    ["* * * * 1#"] = "the week after '#'", ["-1 * * * *"] = "not '%-1'",
    ["L * * * *"] = "not 'L'", ["* * * * L"] = "not 'L'",
    ["0 0 30 2 *"] = "no year has such a day", ["0 0 31 4,6 *"] = "no year has such a day",
    ["1.5 * * * *"] = "not '1.5'", ["0x1 * * * *"] = "not '0x1'",
  }

  for text, why in pairs(refused) do
    it(("is refused: '%s'"):format(text), function()
      local parsed, err = cron.parse(text)
      assert.is_nil(parsed)
      assert.matches(why, err)
    end)
  end
end)
