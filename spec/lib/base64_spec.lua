local base64 = require "watchbot.lib.base64"

describe("base64", function()
  -- RFC 4648, section 10
  it("is that of the RFC", function()
    for bytes, text in pairs {
      [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=",
      foobar = "Zm9vYmFy",
    } do
      assert.are.equal(text, base64.encode(bytes))
      assert.are.equal(bytes, base64.decode(text))
    end
  end)

  it("keeps every byte, at every place", function()
    local bytes = {}
    for byte = 0, 255 do bytes[byte + 1] = string.char(byte) end
    local all = table.concat(bytes)
    for cut = 0, 3 do
      local text = all:sub(cut + 1)
      assert.is_true(base64.decode(base64.encode(text)) == text)
    end
    assert.are.equal("+/+/", base64.encode "\xfb\xff\xbf")
  end)

  it("is refused where it is none", function()
    for _, text in ipairs { "Zg", "Zg=", "Zg=a", "====", "Z===", "Zm9v\n", "Zm-_", "Zg==Zg==" } do
      assert.is_nil(base64.decode(text), text)
    end
  end)
end)
