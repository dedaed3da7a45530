local bounds = require "watchbot.policy.bounds"

describe("policy.bounds", function()
  it("reads sizes in bytes, or with a unit", function()
    for size, bytes in pairs {
      [1] = 1, ["512"] = 512, ["1K"] = 1024, ["512M"] = 512 << 20, ["2G"] = 2 << 30,
      ["1T"] = 1 << 40,
    } do
      assert.are.equal(bytes, bounds.bytes(size))
      assert.are.equal("integer", math.type(bounds.bytes(size)))
    end
    for _, wrong in ipairs { 0, -1, 1.5, "", "M", "1.5G", "5X", "0", "-1", " 1", "1 M", "1m",
      true } do
      assert.is_nil(bounds.bytes(wrong), tostring(wrong))
    end
  end)

  it("reads octal masks", function()
    assert.are.equal(23, bounds.umask "027")
    assert.are.equal(18, bounds.umask "0022")
    for _, wrong in ipairs { 27, "27", "0999", "u=rwx", "", "1777" } do
      assert.is_nil(bounds.umask(wrong), tostring(wrong))
    end
  end)
end)
