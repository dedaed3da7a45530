-- The order in which the queue of tests hands messages out, compared with a plain search.
local line = require "watchbot.testing.line"

-- The message that a search of all finds.
local function least(items)
  local found
  for _, item in pairs(items) do
    if not found or item.visible_at < found.visible_at
      or item.visible_at == found.visible_at and item.number < found.number then
      found = item
    end
  end
  return found
end

local LANES = { "ready", "in_flight", false }

local function enter(it, item, at)
  item.visible_at, item.turn = at, item.turn + 1
  it:enter(item, LANES[math.random(3)] or nil)
end

describe("testing.line", function()
  it("finds the first of messages that come and go in any order", function()
    math.randomseed(4711)
    local it, items, now = line.new(), {}, 0
    for number = 1, 3000 do
      now = now + math.random(0, 2)
      items[number] = { number = number, turn = 0 }
      enter(it, items[number], now + math.random(0, 1) * math.random(0, 20))
      local first = it:first()
      assert.are.equal(least(items), first)
      if math.random() < 0.5 then enter(it, first, now + math.random(0, 30)) end
      first = it:first()
      if math.random() < 0.9 then
        items[first.number], first.turn = nil, first.turn + 1
      end
      assert.are.equal(least(items), it:first())
    end
  end)

  it("has nothing, and again nothing", function()
    local it = line.new()
    assert.is_nil(it:first())
    local item = { number = 1, turn = 1, visible_at = 5 }
    it:enter(item, "ready")
    assert.are.equal(item, it:first())
    item.turn = 2
    assert.is_nil(it:first())
  end)
end)
