local scheduler = require "watchbot.scheduler"
local show = require "watchbot.console.show"

describe("show", function()
  it("separates thousands", function()
    for value, shown in pairs {
      [0] = "0", [7] = "7", [999] = "999", [1000] = "1,000", [12345] = "12,345",
      [999999] = "999,999", [1234567] = "1,234,567", [1234567890] = "1,234,567,890", [1.6] = "2",
    } do
      assert.are.equal(shown, show.count(value))
    end
    assert.are.equal("–", show.count(nil))
    assert.are.equal("1 message", show.counted(1, "message"))
    assert.are.equal("0 messages", show.counted(0, "message"))
  end)

  it("rounds durations down", function()
    for seconds, shown in pairs {
      [0.9] = "0 s", [59] = "59 s", [60] = "1 min 0 s", [3599] = "59 min 59 s",
      [3600] = "1 h 0 min", [90061] = "1 d 1 h", [-5] = "0 s",
    } do
      assert.are.equal(shown, show.duration(seconds))
    end
  end)

  it("has the exact time of what it shows as an age", function()
    local at = scheduler.time() - 185000
    local shown = show.time(at).bytes
    assert.matches(">3 min ago<", shown, 1, true)
    assert.matches(show.date(at), shown, 1, true)
    assert.are.equal("–", show.time(nil))
  end)

  it("shows the beginning of a text on one line", function()
    assert.are.equal("a b…", show.line("a\n  bcd", 5):gsub("  ", " "))
    assert.are.equal("a b", show.line("a\n\tb", 100))
    assert.are.equal("1 byte", show.size(1))
    assert.are.equal("1.5 KiB", show.size(1536))
    assert.are.equal("2.0 MiB", show.size(2 << 20))
  end)
end)
