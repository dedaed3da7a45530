-- There were three readers of dates, which accepted different days: one read 2016-02-30.

local date = require "watchbot.lib.date"

describe("date", function()
  it("is read in ISO 8601, of UTC unless it says otherwise", function()
    for text, seconds in pairs {
      ["2016-07-28T00:12:37Z"] = 1469664757, ["2016-07-28T00:12:37.000Z"] = 1469664757,
      ["2016-07-28T00:12:37"] = 1469664757, ["2016-07-28 00:12:37Z"] = 1469664757,
      ["2016-07-28T00:12:37.25Z"] = 1469664757.25, ["2016-07-28T02:12:37+02:00"] = 1469664757,
      ["2016-07-27T19:12:37-0500"] = 1469664757, ["2016-07-28T00:12Z"] = 1469664720,
        ["2016-07-28"] = 1469664000,
      ["1970-01-01"] = 0, ["1969-12-31T23:59:59Z"] = -1, ["2000-02-29"] = 951782400,
        ["2000-03-01"] = 951868800,
      ["2024-02-29T23:59:59Z"] = 1709251199, ["2026-12-31T23:59:59Z"] = 1798761599,
        ["9999-12-31"] = 253402214400,
      ["0000-03-01"] = -62162035200, ["2016-12-31T23:59:60Z"] = 1483228800,
    } do
      assert.are.equal(seconds, date.iso(text), text)
    end
    assert.are.equal("integer", math.type(date.iso "2016-07-28T00:12:37.000Z"))
  end)

  it("agrees with os.time on every day of a century and a half", function()
    local seconds = os.time { year = 1960, month = 1, day = 1, hour = 0 }
    seconds = seconds - seconds % 86400
    for _ = 1, 150 * 366 do
      assert.are.equal(seconds, date.iso(os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)))
      seconds = seconds + 86400
    end
  end)

  it("is nothing else", function()
    for _, text in ipairs { "", "yesterday", "2016-13-01", "2016-00-10", "2016-01-32", "2016-01-00",
    "2016-02-30", "2015-02-29",
      "1900-02-29", "2016-04-31", "2016-07-28T25:00Z", "2016-07-28T00:60Z", "2016-07-28T00:12:37X",
      "2016-07-28x",
      "2016-07-28T00:12:37+1", "2016-07-28T", "16-07-28", "2016-7-28", " 2016-07-28",
        "2016-07-28T00:12:37.5.5Z" } do
      assert.is_nil(date.iso(text), text)
    end
  end)

  it("is read as HTTP writes it", function()
    assert.are.equal(1469664757, date.http "Thu, 28 Jul 2016 00:12:37 GMT")
    assert.are.equal(1709251199, date.http "Thu, 29 Feb 2024 23:59:59 GMT")
    for _, text in ipairs { "", "x", "Thu, 28 Foo 2016 00:12:37 GMT", "1469664757",
      "Thu, 30 Feb 2016 00:12:37 GMT" } do
      assert.is_nil(date.http(text))
    end
    assert.is_nil(date.http(nil))
  end)
end)
