local text = require "watchbot.lib.text"

describe("text.clean", function()
  it("leaves valid UTF-8 alone", function()
    for _, valid in ipairs { "", "plain", "Grüße, 世界 🌍", "a\0b" } do assert.are.equal(valid, text.clean(valid)) end
  end)

  it("replaces each byte that does not belong", function()
    assert.are.equal("a\u{FFFD}b", text.clean "a\xFFb")
    assert.are.equal("\u{FFFD}\u{FFFD}", text.clean "\xC3\xC3")
    assert.are.equal("ü\u{FFFD}", text.clean "ü\xE4")
    assert.are.equal("\u{FFFD}\u{FFFD}\u{FFFD}", text.clean "\xED\xA0\x80") -- a surrogate is no character
  end)
end)

describe("text.plain", function()
  it("is text for a mail: no colours of terminals, no control characters but tab and newline", function()
    assert.are.equal("red \u{FFFD}\u{FFFD}\n\ta\n", text.plain "\27[1;31mred\27[0m \0\xFF\r\n\ta\n")
    assert.are.equal("gr\u{fc}n", text.plain "gr\u{fc}n")
  end)
end)

describe("text.cut", function()
  it("cuts at the limit", function()
    assert.are.equal("abc", text.cut("abcdef", 3))
    assert.are.equal("abc", text.cut("abc", 3))
    assert.are.equal("", text.cut("abc", 0))
  end)

  it("never ends within a character", function()
    assert.are.equal("a", text.cut("a🌍b", 2))
    assert.are.equal("a", text.cut("a🌍b", 4))
    assert.are.equal("a🌍", text.cut("a🌍b", 5))
  end)

  it("cuts bytes that are no text somewhere near", function()
    local cut = text.cut(("\x80"):rep(100), 50)
    assert.is_true(#cut > 40 and #cut <= 50)
  end)
end)
