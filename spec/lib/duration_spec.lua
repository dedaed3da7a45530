local duration = require "watchbot.lib.duration"

describe("a duration", function()
  it("is a number with a unit, or seconds", function()
    for text, seconds in pairs {
      ["90s"] = 90, ["15m"] = 900, ["6h"] = 21600, ["2d"] = 172800, ["1.5h"] = 5400, [".5m"] = 30,
      ["300ms"] = 0.3, ["7"] = 7, ["0.25"] = 0.25, ["0"] = 0, ["1."] = 1,
    } do
      assert.are.equal(seconds, (duration.read(text)), text)
    end
    assert.are.equal("integer", math.type((duration.read "1.5h")))
    assert.is_true(duration.read "99999999999999999999d" > 1e24)
    assert.is_true(duration.read "213503982334602d" > 1e19)
    assert.are.equal("", (select(2, duration.read "7")))
    assert.are.equal("ms", (select(2, duration.read "7ms")))
  end)

  it("is nothing else", function()
    for _, text in ipairs {
      "", "s", ".", "1w", "1S", "-1s", "+1s", "1 s", " 1s", "1s ", "1h30m", "1e3", "0x10s", "1..2s",
      "1,5s", "inf", "nan", "1s\n",
    } do
      assert.is_nil(duration.read(text), text)
    end
  end)
end)
