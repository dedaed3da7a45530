local form = require "watchbot.console.form"

describe("a form", function()
  it("has fields, some of them several times", function()
    local read = assert(form.read "at=1&at=2&match=a+b%26%3Dc%00&empty=&flag")
    assert.are.same({ "1", "2" }, read:all "at")
    assert.are.equal("a b&=c\0", read:one "match")
    assert.is_nil(read:one "empty")
    assert.is_nil(read:one "flag")
    assert.are.same({}, read:all "none")
  end)

  it("has numbers, or none", function()
    local read = assert(form.read "a=12&b=-1&c=1.5&d=0x10&e=99999999999999999999&f=1e3&g=+7")
    assert.are.equal(12, read:number "a")
    for _, name in ipairs { "b", "c", "d", "e", "f", "g", "h" } do
      assert.is_nil(read:number(name), name)
    end
  end)

  it("leaves broken escapes as they are", function()
    assert.are.equal("%zz%4", assert(form.read "a=%zz%4"):one "a")
  end)

  it("is refused with too many fields", function()
    local read, err = form.read(("a&"):rep(20001))
    assert.is_nil(read)
    assert.matches("more than 20000 fields", err)
    assert(form.read(("a&"):rep(20000)))
    assert(form.read(nil))
  end)
end)
