local fifo = require "watchbot.lib.fifo"

describe("fifo", function()
  it("gives back in the order of arrival, and nil when it is empty", function()
    local queue = fifo.new()
    for value = 1, 3 do queue:push(value) end
    assert.are.equal(3, queue:count())
    assert.are.same({ 1, 2, 3 }, { queue:pop(), queue:pop(), queue:pop() })
    assert.is_nil(queue:pop())
    assert.are.equal(0, queue:count())
  end)

  it("takes at the front what shall come next", function()
    local queue = fifo.new()
    queue:push "second"
    queue:push_front "first"
    assert.are.same({ "first", "second" }, { queue:pop(), queue:pop() })
  end)

  it("keeps its order through many rounds of emptying and filling", function()
    local queue, expected = fifo.new(), 1
    for round = 1, 100 do
      for value = (round - 1) * 10 + 1, round * 10 do queue:push(value) end
      for _ = 1, round % 2 == 0 and 15 or 5 do
        assert.are.equal(expected, queue:pop())
        expected = expected + 1
      end
    end
    assert.are.equal(0, queue:count())
  end)
end)
