local moment = require "watchbot.cli.moment"

-- 2016-07-28T00:12:37Z
local NOW = 1469664757000

describe("a duration", function()
  it("is a number with a unit, or seconds", function()
    for text, seconds in pairs { ["90s"] = 90, ["15m"] = 900, ["1h"] = 3600, ["2d"] = 172800,
      ["1.5h"] = 5400, ["300"] = 300 } do
      assert.are.equal(seconds, moment.duration(text), text)
    end
  end)

  it("is nothing else", function()
    for _, text in ipairs { "", "0", "0s", "h", "1w", "-1h", "1 h", "nan", ("9"):rep(400),
      "99999d", "1h30m" } do
      local seconds, problem = moment.duration(text)
      assert.is_nil(seconds, text)
      assert.matches("expected a duration above 0 %(90s, 15m, 1h, 2d%), got", problem)
    end
  end)
end)

describe("a moment", function()
  it("is so long ago", function()
    for text, seconds in pairs { ["90s"] = 90, ["15m"] = 900, ["6h"] = 21600, ["2d"] = 172800,
      ["1.5h"] = 5400, ["0s"] = 0 } do
      assert.are.equal(NOW - seconds * 1000, moment.parse(text, NOW), text)
    end
  end)

  -- A number with 22 digits became a fraction that CloudWatch Logs refuses, found by make fuzz.
  it("is at least 1970", function()
    for _, text in ipairs { ("8"):rep(22) .. "d", ("9"):rep(400) .. "s", "99999d", "0001-01-01" } do
      local at = moment.parse(text, NOW)
      assert.are.equal(0, at)
      assert.are.equal("integer", math.type(at))
    end
  end)

  it("is a date, of UTC unless it says otherwise", function()
    for text, at in pairs {
      ["2016-07-28T00:12:37Z"] = NOW, ["2016-07-28T00:12:37"] = NOW, ["2016-07-28 00:12:37Z"] = NOW,
      ["2016-07-28T00:12:37.250Z"] = NOW + 250, ["2016-07-28T02:12:37+02:00"] = NOW,
        ["2016-07-27T19:12:37-0500"] = NOW,
      ["2016-07-28T00:12Z"] = NOW - 37000, ["2016-07-28"] = NOW - 757000, ["1970-01-01"] = 0,
        ["2000-02-29"] = 951782400000,
      ["2000-03-01"] = 951868800000, ["2026-12-31T23:59:59Z"] = 1798761599000,
    } do
      assert.are.equal(at, moment.parse(text, NOW), text)
    end
  end)

  it("is nothing else, and what it may be is said", function()
    for _, text in ipairs { "", "yesterday", "6", "h", "6 h", "-1h", "2016-13-01", "2016-00-10",
    "2016-01-32",
      "2016-07-28T25:00Z", "2016-07-28T00:12:37X", "2016-07-28x", "12:30" } do
      local at, problem = moment.parse(text, NOW)
      assert.is_nil(at, text)
      assert.are.equal("expected how long ago (90s, 15m, 6h, 2d) or a date (2026-11-25, "
        .. "2026-11-25T10:30:00Z), got '" .. text
        .. "'", problem)
    end
  end)
end)
