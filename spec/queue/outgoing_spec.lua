local outgoing = require "watchbot.queue.outgoing"

local LIMITS = { message = 1000, attributes = 10 }

local function code_of(message)
  local body = message.body or "x"
  return (select(3, outgoing.measure(body, message, LIMITS)))
end

local function with(name, kind, value)
  return { attributes = { [name] = { type = kind, value = value } } }
end

describe("what AWS takes in a message:", function()
  it("text without control characters, half pairs and non-characters", function()
    for _, body in ipairs { "plain", "tab\tline\r\n", "\u{D7FF}", "\u{E000}", "\u{FFFD}",
      "\u{10FFFF}", "\127" } do
      assert.is_nil(code_of { body = body })
    end
    for _, body in ipairs { "\0", "\27[m", "\xff", "\xed\xa0\x80", "\u{FFFE}", "a\u{FFFF}b",
      "\xc0\x80" } do
      assert.are.equal("InvalidMessageContents", code_of { body = body })
    end
    assert.are.equal("EmptyMessage", code_of { body = "" })
  end)

  it("so many bytes, attributes included", function()
    assert.are.equal(1000, outgoing.measure(("x"):rep(1000), {}, LIMITS))
    assert.are.equal("MessageTooLong", code_of { body = ("x"):rep(1001) })
    local message = with("name", "String", "value")
    assert.are.equal(1000, outgoing.measure(("x"):rep(985), message, LIMITS))
    assert.are.equal("MessageTooLong",
      (select(3, outgoing.measure(("x"):rep(986), message, LIMITS))))
  end)

  -- One attribute that was not UTF-8 ended a batch of 25 letters.
  it("attributes with a name, a type and a value of the right form", function()
    for _, good in ipairs {
      with("Zoom", "Number", "-1.5e3"), with("a-b_c.d9", "String.url", "\u{e9}\n"),
      with("Bytes", "Binary", "AAEC/w=="), with(("n"):rep(256), "Binary.png", "AA=="),
    } do
      assert.is_nil(code_of(good))
    end
    for _, bad in ipairs {
      with("Zoom", "Number", "seven"), with("Zoom", "String", ""), with("Zoom", "String", "\xff"),
      with("Zoom", "String", "\u{FFFE}"), with("Zoom", "Binary", "?"), with("Zoom", "Text", "x"),
      with("Zoom", "", "x"), with("Zoom", "Stringy", "x"), with("Zoom", "String.\xff", "x"),
      with("", "String", "x"), with("a b", "String", "x"), with("a\xff", "String", "x"),
      with("AWS.x", "String", "x"), with("amazon.x", "String", "x"), with(".a", "String", "x"),
      with("a.", "String", "x"), with("a..b", "String", "x"), with(("n"):rep(257), "String", "x"),
    } do
      assert.are.equal("InvalidAttribute", code_of(bad))
    end
  end)

  it("ten attributes on SQS, any number on SNS", function()
    local all = {}
    for index = 1, 11 do all["a" .. index] = { type = "String", value = "x" } end
    assert.are.equal("InvalidAttribute", code_of { attributes = all })
    assert.is_number((outgoing.measure("x", { attributes = all }, { message = 1000 })))
  end)

  it("ids of up to 128 visible characters", function()
    for _, name in ipairs { "group", "deduplication" } do
      assert.is_nil(code_of { [name] = "order/7:" .. ("x"):rep(120) })
      for _, id in ipairs { "", "two words", "\u{e9}", ("x"):rep(129), "a\n" } do
        assert.are.equal("InvalidId", code_of { [name] = id })
      end
    end
  end)
end)
