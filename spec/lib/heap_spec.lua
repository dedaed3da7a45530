local heap = require "watchbot.lib.heap"

describe("heap", function()
  it("gives what it was given, the smallest number first", function()
    local one, numbers = heap.new(), {}
    assert.is_nil(one:first())
    assert.is_nil(one:pop())
    local state = 7
    for index = 1, 500 do
      state = state * 48271 % 2147483647
      numbers[index] = state % 100 + (index % 3 == 0 and 0.5 or 0)
      one:push(numbers[index], "of " .. numbers[index])
      -- Some are taken in between.
      if index % 5 == 0 then
        local least = math.min(table.unpack(numbers, 1, index))
        assert.are.same({ least, "of " .. least }, { one:first() })
        assert.are.equal(least, (one:pop()))
        one:push(least, "of " .. least)
      end
    end
    table.sort(numbers)
    for _, number in ipairs(numbers) do
      assert.are.same({ number, "of " .. number }, { one:pop() })
    end
    assert.are.equal(0, one.size)
    assert.is_nil(one:pop())
  end)
end)
