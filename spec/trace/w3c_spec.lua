local w3c = require "watchbot.trace.w3c"

local TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
local VALID = ("00-%s-%s-01"):format(TRACE, SPAN)

describe("trace.w3c", function()
  it("reads a traceparent, and writes it as version 00", function()
    local parent = w3c.parent(VALID)
    assert.are.same({ trace_id = TRACE, span_id = SPAN, flags = 1 }, parent)
    assert.are.equal(VALID, w3c.write(parent))
  end)

  -- https://www.w3.org/TR/trace-context-1/#versioning-of-traceparent
  it("reads a later version as far as it knows it, and hands on no unknown flag", function()
    for _, text in ipairs { "cc-" .. VALID:sub(4), "cc-" .. VALID:sub(4) .. "-what-else" } do
      assert.are.equal(VALID, w3c.write(w3c.parent(text)))
    end
    local all_flags = VALID:sub(1, -3) .. "ff"
    assert.are.equal(VALID:sub(1, -3) .. "03", w3c.write(w3c.parent(all_flags)))
  end)

  -- The cases of W3C's own test suite, and some that are only hostile.
  it("refuses every other traceparent", function()
    for _, text in ipairs {
      "", "00", VALID:sub(1, -2), VALID .. "x", VALID .. "-00", VALID .. "\n", "\n" .. VALID,
      " " .. VALID, VALID .. " ", VALID:upper(), "ff-" .. VALID:sub(4), "0g-" .. VALID:sub(4),
      "cc-" .. VALID:sub(4) .. "x", ("00-%s-%s-01"):format(("0"):rep(32), SPAN),
      ("00-%s-%s-01"):format(TRACE, ("0"):rep(16)), ("00-%s-%s-0x"):format(TRACE, SPAN),
      ("00-%s-%s-1"):format(TRACE, SPAN), ("00-%s-%s-001"):format(TRACE, SPAN),
      ("00_%s_%s_01"):format(TRACE, SPAN), ("00-%s-%s-01"):format(SPAN, TRACE),
      VALID:gsub("4736", "47\0006"), ("00-%s.-%s-01"):format(TRACE:sub(2), SPAN),
    } do
      assert.is_nil(w3c.parent(text), ("%q"):format(text))
    end
    for _, value in ipairs { 7, true, {} } do assert.is_nil(w3c.parent(value)) end
    assert.is_nil(w3c.parent(nil))
  end)

  it("reads a tracestate, without the blanks around its members", function()
    for text, expected in pairs {
      ["foo=1"] = "foo=1", ["foo=1,bar=2"] = "foo=1,bar=2", ["foo=1 \t , \t bar=2, "] =
        "foo=1,bar=2", [",,foo=1,,"] = "foo=1", ["t@s=a b"] = "t@s=a b", ["0t@s=x"] = "0t@s=x",
      ["a/b-c*d_e= x"] = "a/b-c*d_e= x", [("z"):rep(256) .. "=1"] = ("z"):rep(256) .. "=1",
      ["foo=" .. ("v"):rep(256)] = "foo=" .. ("v"):rep(256),
    } do
      assert.are.equal(expected, w3c.state(text), text)
    end
  end)

  it("refuses every other tracestate, as a whole", function()
    local many = {}
    for index = 1, 33 do many[index] = ("k%d=1"):format(index) end
    assert.is_string(w3c.state(table.concat(many, ",", 1, 32)))
    for _, text in ipairs {
      "", " ", ",", "foo", "foo=", "=1", "foo=1,foo=2", "FOO=1", "foo =1", "1foo=1", "foo@=1",
      "@foo=1", "foo@@bar=1", "foo@bar@baz=1", "foo=1=2", "foo=a,b", "foo=\1", "foo=a\nb=1",
      "foo=\127", "foo=\xc3\xa4", "f\0=1", "foo=\0", table.concat(many, ","),
      ("z"):rep(257) .. "=1", ("t"):rep(242) .. "@v=1", "t@" .. ("v"):rep(15) .. "=1",
      "foo=" .. ("v"):rep(257), "a=" .. ("v"):rep(200) .. ",b=" .. ("v"):rep(200) .. ",c="
        .. ("v"):rep(200),
    } do
      assert.is_nil(w3c.state(text), ("%q"):format(text))
    end
    assert.is_nil(w3c.state(7))
  end)

  it("knows ids: not all zeros, lower case", function()
    assert.is_true(w3c.is_trace_id(TRACE))
    assert.is_true(w3c.is_span_id(SPAN))
    for _, id in ipairs { "", ("0"):rep(32), ("0"):rep(16), TRACE:upper(), TRACE .. "0" } do
      assert.is_false(w3c.is_trace_id(id))
      assert.is_false(w3c.is_span_id(id))
    end
  end)
end)
