-- Letters that were received, with a queue that answers late.

local held = require "watchbot.dead_letters.held"
local scheduler = require "watchbot.scheduler"

local function task(body)
  return function() scheduler.run(body) end
end

local function slow_queue()
  local queue = { delayed = {}, deleted = {} }
  function queue:delay(receipt)
    scheduler.sleep(0.05)
    table.insert(self.delayed, receipt)
    return true
  end
  return queue
end

local function take_all(one, count)
  for index = 1, count do one:take { id = "m" .. index, receipt = "r" .. index } end
end

describe("letters that are held", function()
  -- `dead-letter print | head` ended before its letters had been given back.
  it("are given back also when their reader is canceled meanwhile", task(function()
    local queue = slow_queue()
    local reader = scheduler.spawn(function()
      local one <close> = held.new(queue, 60)
      take_all(one, 100)
    end)
    scheduler.sleep(0.01)
    reader:cancel "enough"
    local ok, reason = reader:join()
    assert.are.same({ false, "enough" }, { ok, reason })
    assert.are.equal(100, #queue.delayed)
  end))

  it("count as stopped only where none could be deleted, for a reason that is not the letter's",
    task(function()
    local answers = {
      r1 = { true }, r2 = { nil, "no", "NotAllowed" },
      r3 = { nil, "old", "ReceiptHandleIsInvalid" },
    }
    local queue = slow_queue()
    function queue.delete(_, receipt) return table.unpack(answers[receipt], 1, 3) end
    local function settle(...)
      local one, letters = held.new(queue, 60), {}
      take_all(one, 3)
      for index, id in ipairs { ... } do letters[index] = { id = id } end
      local count, stop = one:settle(letters, {}, "%s")
      one:close()
      return count, stop and stop.code
    end
    assert.are.same({ 1 }, { settle("m1", "m2") })
    assert.are.same({ 0, "NotAllowed" }, { settle "m2" })
    assert.are.same({ 0 }, { settle "m3" })
  end))
end)
