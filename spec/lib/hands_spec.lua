local hands = require "watchbot.lib.hands"
local scheduler = require "watchbot.scheduler"

local function task(body)
  return function() scheduler.run(body) end
end

describe("hands", function()
  it("work on each item, so many at once, and keep the results in order", task(function()
    local busy, most = 0, 0
    local results = hands({ 1, 2, 3, 4, 5, 6, 7 }, 3, function(item, index)
      busy = busy + 1
      most = math.max(most, busy)
      scheduler.sleep(0.002 * (7 - index))
      busy = busy - 1
      return nil, item
    end)
    assert.are.equal(3, most)
    for index = 1, 7 do assert.are.same({ n = 2, [2] = index }, results[index]) end
  end))

  it("do nothing for an empty list", task(function()
    assert.are.same({}, hands({}, 3, error))
  end))

  it("raise what a call has raised, once all under way have returned", task(function()
    local ended = 0
    assert.has_error(function()
      hands({ 1, 2, 3 }, 3, function(item)
        if item == 2 then error("two", 0) end
        scheduler.sleep(0.01)
        ended = ended + 1
      end)
    end, "two")
    assert.are.equal(1, ended, "the third was not begun")
  end))
end)
