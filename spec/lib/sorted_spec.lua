local sorted = require "watchbot.lib.sorted"

describe("sorted.keys", function()
  it("has the keys of a map in order, whatever they are", function()
    assert.same({ "a", "b", "c" }, sorted.keys { c = 1, a = 2, b = false })
    assert.same({}, sorted.keys {})
    assert.same({ 1, 2, "a", true }, sorted.keys { a = 1, [true] = 2, 3, 4 })
  end)
end)
