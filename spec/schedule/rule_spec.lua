local date = require "watchbot.lib.date"
local rule = require "watchbot.schedule.rule"

describe("the rule of a zone", function()
  -- text, then dates and their offsets in hours
  local cases = {
    { "UTC0", { ["2050-07-01"] = 0 } },
    { "<+0545>-5:45", { ["2050-07-01"] = 5.75 } },
    { "CET-1CEST,M3.5.0,M10.5.0/3", {
      ["2050-03-27T00:59:59Z"] = 1, ["2050-03-27T01:00:00Z"] = 2,
      ["2050-10-30T00:59:59Z"] = 2, ["2050-10-30T01:00:00Z"] = 1,
    } },
    -- The southern half: summer lasts over the end of the year.
    { "AEST-10AEDT,M10.1.0,M4.1.0/3", { ["2050-01-01"] = 11, ["2050-07-01"] = 10 } },
    -- Ireland's winter is the exception by law.
    { "IST-1GMT0,M10.5.0,M3.5.0/1", { ["2050-01-01"] = 0, ["2050-07-01"] = 1 } },
    -- Days of the year, with and without February 29.
    { "AAA-1BBB,J60/0,J300/0", { ["2048-02-29T12:00Z"] = 1, ["2048-03-01T12:00Z"] = 2 } },
    { "AAA-1BBB,59/0,299/0", { ["2048-02-28T12:00Z"] = 1, ["2048-02-29T12:00Z"] = 2 } },
    { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", { ["2050-03-26T23:59:59Z"] = -2,
      ["2050-03-27T01:00:00Z"] = -1 } },
  }

  for _, case in ipairs(cases) do
    it(("is read: %s"):format(case[1]), function()
      local read = assert(rule.parse(case[1]))
      for at, hours in pairs(case[2]) do
        assert.are.equal(hours * 3600, read:offset(date.iso(at)), at)
      end
    end)
  end

  for _, text in ipairs { "", "CET", "1", "CET-1CEST", "CET-1CEST,M3.5.0", "A-1B,J60/0,J300/0",
    "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.0/x,M10.5.0" } do
    it(("is refused: '%s'"):format(text), function()
      assert.is_nil(rule.parse(text))
    end)
  end
end)
