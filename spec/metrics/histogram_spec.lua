local histogram = require "watchbot.metrics.histogram"

describe("a histogram", function()
  it("counts a value under the first bound that is not below it", function()
    local one = histogram.new { 1, 2, 5 }
    for _, value in ipairs { 0, 1, 1.5, 2, 5, 5.1, 1e9 } do one:observe(value) end
    assert.are.same({ bounds = { 1, 2, 5, math.huge }, counts = { 2, 2, 1, 2 }, count = 7,
      sum = 1e9 + 14.6 }, one:read())
  end)

  it("is a copy when it is read", function()
    local one = histogram.new { 1 }
    local before = one:read()
    one:observe(0.5)
    assert.are.same({ 0, 0 }, before.counts)
    assert.are.equal(0, before.count)
  end)
end)
