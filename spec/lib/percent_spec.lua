local percent = require "watchbot.lib.percent"

describe("percent-encoding", function()
  -- Six encoders and five decoders stood in eleven files.
  it("is defined in one file", function()
    for _, pattern in ipairs { '"%%%02X"', "gsub(\"%%(%x%x)" } do
      local found <close> = assert(io.popen(("grep -rlF '%s' lua"):format(pattern)))
      assert.are.equal("lua/watchbot/lib/percent.lua\n", found:read "a")
    end
  end)

  it("leaves the unreserved characters of RFC 3986", function()
    assert.are.equal("aZ09-._~", percent.encode "aZ09-._~")
    assert.are.equal("%20%21%2A%27%28%29%2F%3F%25%2B", percent.encode " !*'()/?%+")
    assert.are.equal("%C3%A9%00%FF", percent.encode "é\0\255")
    assert.are.equal("a%3Fb/c d", percent.encode("a?b/c d", "[%%?#]"))
  end)

  it("is decoded, byte by byte", function()
    assert.are.equal("é /", percent.decode "%C3%a9%20%2F")
    assert.are.equal("+ 100% %zz %4", percent.decode "+%20100% %zz %4")
    assert.are.equal("%41", percent.decode "%2541")
  end)

  it("has a space for '+' in a form", function()
    assert.are.equal("a b+c", percent.decode_form "a+b%2Bc")
  end)
end)
