local stable = require "watchbot.template.stable"

describe("JSON that is the same each time", function()
  it("has its members in the order of their names, at every depth", function()
    local value = { b = { z = 1, y = { 3, { d = true, c = "x" } } }, a = "t\"x" }
    assert.are.equal([[{"a":"t\"x","b":{"y":[3,{"c":"x","d":true}],"z":1}}]], stable(value))
  end)

  it("takes a table without items for an object", function()
    assert.are.equal("{}", stable {})
  end)
end)
