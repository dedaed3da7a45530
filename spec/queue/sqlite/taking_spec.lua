-- A receive reads messages in pages, with all that they have.

local open = require "watchbot.queue".open
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local function with_queue(options, body)
  return workshop.task(function(folder)
    local queue <close> = assert(open(folder:url(), options))
    body(queue, folder)
  end)
end

local function send(queue, count, text)
  local messages = {}
  for index = 1, count do messages[index] = { body = text or ("message-" .. index) } end
  assert(queue:send(messages))
end

describe("a receive", function()
  it("brings more than a page, each message once and in order", with_queue({}, function(queue)
    send(queue, 50)
    local messages, receipts = assert(queue:receive(40, 0, 60)), {}
    assert.are.equal(40, #messages)
    for index, message in ipairs(messages) do
      assert.are.equal("message-" .. index, message.body)
      assert.is_nil(receipts[message.receipt])
      receipts[message.receipt] = true
    end
    assert.are.equal(10, #assert(queue:receive(100, 0, 60)))
    assert.are.equal(0, #assert(queue:receive(100, 0, 60)))
    for receipt in pairs(receipts) do assert(queue:delete(receipt)) end
  end))

  -- A watcher counted from the answer. One that was suspended behind the transaction believed that
  -- it still had what others had received, and started it.
  it("says when the leases have begun", with_queue({}, function(queue)
    send(queue, 3)
    for seq, message in ipairs(assert(queue:receive(3, 0, 60))) do
      local row = assert(queue.reader:first("SELECT visible_at FROM messages WHERE seq = ?", seq))
      local left = row.visible_at / 1000 - scheduler.time() / 1000
      local later = message.leased + 60 - (scheduler.boottime() + left)
      assert.is_true(later < 0.002, "the lease ends later here than in the queue")
      assert.is_true(later > -5)
    end
  end))

  -- A hundred messages of 1 MiB were not to be in memory at once.
  it("stops at 16 MiB", with_queue({}, function(queue)
    for _ = 1, 4 do send(queue, 5, ("x"):rep(1 << 20)) end
    assert.are.equal(16, #assert(queue:receive(100, 0, 60)))
    assert.are.equal(4, #assert(queue:receive(100, 0, 60)))
  end))

  it("sweeps what was received too often, page after page",
    with_queue({ max_receives = 1 }, function(queue)
      send(queue, 40)
      for _, message in ipairs(assert(queue:receive(40, 0, 60))) do
        assert(queue:delay(message.receipt, 0))
      end
      send(queue, 3)
      assert.are.equal(3, #assert(queue:receive(100, 0, 60)))
      assert.are.equal(40, assert(queue:counts()).dead)
    end))

  it("hands a message out with what it is, and nothing else", with_queue({}, function(queue)
    assert(queue:send { { body = "one", subject = "about", group = "g", deduplication = "d" } })
    local message = assert(queue:receive(1, 0, 60))[1]
    local names = {}
    for name in pairs(message) do names[#names + 1] = name end
    table.sort(names)
    assert.are.same({
      "attributes", "body", "deduplication", "deliveries", "first_received", "group", "id",
      "leased", "receipt", "receives", "sent", "sequence", "subject",
    }, names)
  end))
end)
