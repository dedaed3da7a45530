local breaker = require "watchbot.watcher.breaker"

describe("breaker", function()
  it("opens at the fifth failure in a row, and says so once", function()
    local one = breaker.new()
    for _ = 1, 4 do assert.is_false(one:failed()) end
    assert.is_false(one.open)
    assert.is_true(one:failed())
    assert.is_true(one.open)
    assert.is_false(one:failed())
  end)

  it("counts only failures in a row", function()
    local one = breaker.new()
    for _ = 1, 20 do
      for _ = 1, 4 do one:failed() end
      assert.is_false(one:started())
    end
    assert.is_false(one.open)
  end)

  it("closes at the first start, and says so", function()
    local one = breaker.new()
    for _ = 1, 5 do one:failed() end
    assert.is_true(one:started())
    assert.is_false(one.open)
    for _ = 1, 4 do assert.is_false(one:failed()) end
  end)
end)
