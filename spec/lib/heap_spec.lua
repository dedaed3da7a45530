local heap = require "watchbot.lib.heap"

describe("heap", function()
  it("gives what it was given, in the order of both numbers", function()
    local one, pairs_of = heap.new(), {}
    assert.is_nil(one:first())
    assert.is_nil(one:pop())
    local state = 7
    for index = 1, 500 do
      state = state * 48271 % 2147483647
      pairs_of[index] = { state % 20, index }
      one:push(state % 20, index, pairs_of[index])
      -- Some are taken in between.
      if index % 5 == 0 then
        local key, value = one:pop()
        assert.are.equal(key, value[1])
        one:push(value[1], value[2], value)
      end
    end
    table.sort(pairs_of, function(a, b)
      if a[1] ~= b[1] then return a[1] < b[1] end
      return a[2] < b[2]
    end)
    for _, pair in ipairs(pairs_of) do
      assert.are.equal(pair, select(2, one:first()))
      assert.are.equal(pair, select(2, one:pop()))
    end
    assert.are.equal(0, one.size)
    assert.is_nil(one:pop())
  end)
end)
