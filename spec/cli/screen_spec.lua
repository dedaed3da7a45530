-- Cutting lines to the columns of a terminal; the rest is seen in status --watch.

local screen = require "watchbot.cli.screen"

describe("a line on a screen", function()
  it("is cut to the columns, which colours do not take", function()
    for _, one in ipairs {
      { "short", 10, "short" }, { "exactly ten", 11, "exactly ten" },
      { "too long", 3, "too\27[0m" },
      { "\27[31mred\27[0m and more", 3, "\27[31mred\27[0m\27[0m" },
      { "\27[31mred\27[0m", 3, "\27[31mred\27[0m" },
      { "", 0, "" }, { "a", 0, "\27[0m" },
      { "日本語", 4, "日本\27[0m" }, { "日本語", 5, "日本\27[0m" }, { "日本語", 6, "日本語" },
      { "e\u{301}e\u{301}", 2, "e\u{301}e\u{301}" }, { "e\u{301}x", 1, "e\u{301}\27[0m" },
      { "\u{1F600}x", 2, "\u{1F600}\27[0m" },
    } do
      assert.are.equal(one[3], screen.cut(one[1], one[2]))
    end
  end)
end)
