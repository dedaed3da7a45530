local text = require "watchbot.lib.text"

describe("text.clean", function()
  it("leaves valid UTF-8 alone", function()
    for _, valid in ipairs { "", "plain", "Grüße, 世界 🌍", "a\0b" } do
      assert.are.equal(valid, text.clean(valid))
    end
  end)

  it("replaces each byte that does not belong", function()
    assert.are.equal("a\u{FFFD}b", text.clean "a\xFFb")
    assert.are.equal("\u{FFFD}\u{FFFD}", text.clean "\xC3\xC3")
    assert.are.equal("ü\u{FFFD}", text.clean "ü\xE4")
    -- a surrogate is no character
    assert.are.equal("\u{FFFD}\u{FFFD}\u{FFFD}", text.clean "\xED\xA0\x80")
  end)
end)

describe("text.plain", function()
  it("is text for a mail: no colours of terminals, no control characters but tab and newline",
    function()
    assert.are.equal("red \\u{0}\u{FFFD}\n\ta\n", text.plain "\27[1;31mred\27[0m \0\xFF\r\n\ta\n")
    assert.are.equal("gr\u{fc}n", text.plain "gr\u{fc}n")
  end)
end)

-- In GNOME Terminal and screen, U+009B "6n" of a dead letter made the terminal press keys; U+202E
-- turns a name around.
describe("characters that drive a terminal or deceive a reader", function()
  local hostile = {
    ["\27]0;title\7"] = "\\u{1b}]0;title\\u{7}", ["\27P+q\27\\"] = "\\u{1b}P+q\\u{1b}\\",
      ["\u{9B}6n"] = "\\u{9b}6n",
    ["\u{80}\u{9F}"] = "\\u{80}\\u{9f}", ["\x9B6n"] = "\u{FFFD}6n",
      ["a\u{202E}b\u{2066}"] = "a\\u{202e}b\\u{2066}",
    ["\u{2028}\u{2029}"] = "\\u{2028}\\u{2029}", ["\u{61C}\u{200E}"] = "\\u{61c}\\u{200e}",
      ["\u{FEFF}x"] = "\\u{feff}x",
    ["\u{E0041}"] = "\\u{e0041}", ["\u{FFF9}"] = "\\u{fff9}", ["a\rb\127"] = "a\\u{d}b\\u{7f}",
    ["a\u{200B}b\u{2060}"] = "a\\u{200b}b\\u{2060}", ["\u{AD}"] = "\\u{ad}",
    ["\u{115F}\u{3164}\u{FFA0}"] = "\\u{115f}\\u{3164}\\u{ffa0}",
    ["\u{180E}\u{206A}\u{1D173}"] = "\\u{180e}\\u{206a}\\u{1d173}",
    ["\u{17B4}\u{1BCA0}\u{FFF0}"] = "\\u{17b4}\\u{1bca0}\\u{fff0}",
    ["\xC0\x9B"] = "\u{FFFD}\u{FFFD}",
    ["\xE2\x80"] = "\u{FFFD}\u{FFFD}",
  }

  it("are shown as escapes, in a mail, in a line and beside colours", function()
    for bytes, shown in pairs(hostile) do
      assert.are.equal(shown, text.plain(bytes))
      assert.are.equal(shown, text.line(bytes))
      assert.are.equal("\27[31m" .. shown .. "\27[0m",
        text.coloured("\27[31m" .. bytes .. "\27[0m"))
    end
  end)

  -- "\27[8m" of a folder's name hid the rest of the line.
  it("are all attributes but those that watchbot sets itself", function()
    assert.are.equal("\27[1ma\27[0m \27[31mb\27[0m", text.coloured "\27[1ma\27[0m \27[31mb\27[0m")
    for _, attribute in ipairs { "8", "5", "7", "1;8", "38;5;1", "40", "99999999999", "" } do
      local hidden = "\27[" .. attribute .. "mx"
      assert.are.equal("\\u{1b}[" .. attribute .. "mx", text.coloured(hidden))
      assert.are.equal("x", text.plain(hidden))
    end
  end)

  it("leave the neighbours as they are", function()
    local kept = "\u{A0}\u{C4}\u{2018}\u{2013}\u{200D}\u{600}\u{FFE6}\u{1F30D} \u{E0100}"
    assert.are.equal(kept, text.plain(kept))
    assert.are.equal(kept, text.coloured(kept))
    assert.are.equal("a b c", text.line "a\t\n b\r\nc")
  end)

  -- The two lists once differed: what a terminal was spared was in the log.
  it("are the same in text and in JSON", function()
    local json = require "watchbot.lib.json"
    for _, range in ipairs { { 0x7F, 0xD7FF }, { 0xE000, 0x1BFFF }, { 0x1D000, 0x1FFFF },
      { 0xE0000, 0xE0FFF } } do
      for code = range[1], range[2] do
        local character = utf8.char(code)
        local in_text = text.plain(character) ~= character
        local in_json = json.members("a", character) ~= ('{"a":"%s"}'):format(character)
        if in_text ~= in_json then error(("U+%04X"):format(code)) end
      end
    end
  end)

  -- A hundred accents on one letter cover the lines above it.
  it("are combining marks beyond eight on a letter", function()
    local marks = ("\u{301}\u{34F}"):rep(4)
    assert.are.equal("e" .. marks .. "\\u{301}\\u{302}x", text.plain("e" .. marks
      .. "\u{301}\u{302}x"))
    local two = "e" .. marks .. "\u{4E00}" .. marks
    assert.are.equal(two, text.plain(two))
  end)

  it("cost as much a byte in much text as in little", function()
    for _, piece in ipairs { "\u{301}", "a\u{301}", "\27[", "\27[1", "\u{9B}", "\xE2\x80", " ",
      "\r" } do
      local bytes = piece:rep((1 << 20) // #piece)
      local from = os.clock()
      assert.is_string(text.plain(bytes))
      assert.is_string(text.coloured(bytes))
      assert.is_true(os.clock() - from < 20, ("%q"):format(piece))
    end
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
