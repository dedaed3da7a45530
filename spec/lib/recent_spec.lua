local recent = require "watchbot.lib.recent"

describe("what is remembered", function()
  it("is found by its name", function()
    local one = recent.new(2)
    one:set("a", 1)
    assert.are.equal(1, one:get "a")
    assert.is_nil(one:get "b")
  end)

  it("is no more than its limit: the oldest goes", function()
    local one = recent.new(2)
    for name, value in ("a1b2c3"):gmatch "(%a)(%d)" do one:set(name, value) end
    assert.is_nil(one:get "a")
    assert.are.equal("2", one:get "b")
    assert.are.equal("3", one:get "c")
  end)

  it("counts once, and keeps its age, where it changes", function()
    local one = recent.new(2)
    one:set("a", 1)
    one:set("b", 2)
    one:set("a", 3)
    assert.are.equal(3, one:get "a")
    one:set("c", 4)
    assert.is_nil(one:get "a")
    assert.are.equal(2, one:get "b")
  end)
end)
