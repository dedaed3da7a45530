-- What every queue does, whatever it stands on: the contract of the queue seam.
-- `contract(open)` describes it; `open(options)` returns a queue that is empty, within a task.
-- Options: max_receives, and fifo = true where groups are wanted. Only whole seconds are used, and
-- nothing that SQS leaves open (order). What a queue may leave out is named in `without`: {
-- duplicate_ids = "why" }.

local busted = require "busted"
local hands = require "watchbot.lib.hands"
local scheduler = require "watchbot.scheduler"

-- A module has none of the globals that busted gives to a spec.
local describe, it, assert = busted.describe, busted.it, busted.assert

-- Far more than anything here takes.
local PATIENCE = 60

local function task(open, options, body)
  return function()
    scheduler.run(function()
      local queue <close> = assert(open(options or {}))
      body(queue)
    end)
  end
end

-- Receives until there are `count` messages.
local function receive(queue, count, visibility)
  local messages, until_time = {}, scheduler.now() + PATIENCE
  while #messages < count do
    assert(scheduler.now() < until_time, "the messages did not come")
    for _, message in ipairs(assert(queue:receive(count - #messages, 1, visibility or 30))) do
      messages[#messages + 1] = message
    end
  end
  return messages
end

local function send(queue, ...)
  local answers = assert(queue:send { ... })
  for _, answer in ipairs(answers) do assert.is_string(answer.id) end
  return answers
end

local function contract(open, without)
  without = without or {}
  describe("the queue seam:", function()
    it("has the fields that a watcher goes by", task(open, nil, function(queue)
      assert.is_string(queue.name)
      for _, name in ipairs { "batch", "polls", "gather", "cut" } do
        assert.is_number(queue[name], name)
      end
    end))

    it("says until when it is paused", task(open, nil, function(queue)
      assert.are.same({}, assert(queue:pauses()))
      assert.is_true(queue:pause())
      assert.are.same({ {} }, assert(queue:pauses()))
      local before = scheduler.time()
      assert.is_true(queue:pause(600))
      local ends = assert(queue:pauses())[1].ends
      assert.is_true(ends >= before + 600000 and ends <= scheduler.time() + 601000, ends)
      assert.is_true(queue:resume())
      assert.are.same({}, assert(queue:pauses()))
      assert.is_false(queue:resume())
    end))

    it("a message arrives as it was sent", task(open, nil, function(queue)
      local before = scheduler.time()
      local sent = send(queue, {
        body = "line 1\nline 2 \u{1F600} \"quoted\"",
        attributes = { Zoom = { type = "Number", value = "7" },
          Name = { type = "String", value = "t\u{ef}le" } },
      })
      local message = receive(queue, 1)[1]
      assert.are.equal(sent[1].id, message.id)
      assert.are.equal("line 1\nline 2 \u{1F600} \"quoted\"", message.body)
      assert.are.same({ type = "Number", value = "7" }, message.attributes.Zoom)
      assert.are.same({ type = "String", value = "t\u{ef}le" }, message.attributes.Name)
      assert.are.equal(1, message.receives)
      assert.is_string(message.receipt)
      assert.are.equal("integer", math.type(message.sent))
      assert.is_true(message.sent >= before - 5000 and message.sent <= scheduler.time() + 5000)
      assert.is_true(message.first_received >= message.sent)
    end))

    it("a batch is sent, received and deleted, each answered for itself",
      task(open, nil, function(queue)
      local batch, ids = {}, {}
      for index = 1, 10 do batch[index] = { body = "message " .. index } end
      for _, answer in ipairs(send(queue, table.unpack(batch))) do ids[answer.id] = true end
      local bodies, receipts = {}, {}
      for index, message in ipairs(receive(queue, 10)) do
        assert.is_true(ids[message.id])
        bodies[message.body], receipts[index] = true, message.receipt
      end
      for index = 1, 10 do assert.is_true(bodies["message " .. index]) end
      local answers = hands(receipts, 10, function(receipt) return queue:delete(receipt) end)
      for index = 1, 10 do assert.is_true(answers[index][1]) end
      assert.are.same({}, assert(queue:receive(10, 0)))
    end))

    it("an empty queue answers with nothing when the wait is over", task(open, nil, function(queue)
      local started = scheduler.now()
      assert.are.same({}, assert(queue:receive(1, 1)))
      assert.is_true(scheduler.now() - started >= 0.9)
    end))

    it("a receive that waits gets what is sent meanwhile", task(open, nil, function(queue)
      local receiving = scheduler.spawn(receive, queue, 1)
      scheduler.sleep(0.2)
      send(queue, { body = "late" })
      local ok, messages = receiving:join(PATIENCE)
      assert.is_true(ok)
      assert.are.equal("late", messages[1].body)
    end))

    it("a received message is out of sight, and comes back when its visibility is over",
      task(open, nil, function(queue)
      send(queue, { body = "again" })
      local first = receive(queue, 1, 2)[1]
      assert.are.same({}, assert(queue:receive(1, 0)))
      local second = receive(queue, 1)[1]
      assert.are.equal(first.id, second.id)
      assert.are.equal(2, second.receives)
      assert.are.equal(first.first_received, second.first_received)
      assert.are_not.equal(first.receipt, second.receipt)
    end))

    it("a delay of 0 returns it at once, a longer one keeps it away",
      task(open, nil, function(queue)
      send(queue, { body = "back" })
      local message = receive(queue, 1, 60)[1]
      assert.is_true(queue:delay(message.receipt, 0))
      message = receive(queue, 1, 1)[1]
      assert.are.equal(2, message.receives)
      assert.is_true(queue:delay(message.receipt, 60))
      assert.are.same({}, assert(queue:receive(1, 2)))
      assert.is_true(queue:delete(message.receipt))
    end))

    it("an extension keeps a message out of sight for longer", task(open, nil, function(queue)
      send(queue, { body = "long" })
      local message = receive(queue, 1, 2)[1]
      assert.is_true(queue:extend(message.receipt, 60, 5))
      assert.are.same({}, assert(queue:receive(1, 3)))
      assert.is_true(queue:delete(message.receipt))
    end))

    -- A watcher that was suspended for longer than its lease settled the message that another one
    -- had received meanwhile.
    it("a receipt of a lease that has lapsed changes nothing of the next one",
      task(open, nil, function(queue)
      if without.old_receipts then return end
      send(queue, { body = "mine" })
      local first = receive(queue, 1, 1)[1]
      local second = receive(queue, 1, 60)[1]
      for _, operation in ipairs { "delete", "delay", "extend" } do
        queue[operation](queue, first.receipt, 0)
      end
      assert.are.same({}, assert(queue:receive(1, 1)))
      assert.is_true(queue:delete(second.receipt))
    end))

    it("a message can be sent with a delay", task(open, nil, function(queue)
      send(queue, { body = "later", delay = 2 })
      assert.are.same({}, assert(queue:receive(1, 0)))
      assert.are.equal("later", receive(queue, 1)[1].body)
    end))

    it("a receipt that is none is refused, the others are not", task(open, nil, function(queue)
      send(queue, { body = "one" })
      local message = receive(queue, 1)[1]
      for _, operation in ipairs { "extend", "delay", "delete" } do
        local answers = hands({ "no receipt at all", message.receipt }, 2, function(receipt)
          return queue[operation](queue, receipt, 60)
        end)
        assert.is_nil(answers[1][1])
        assert.is_string(answers[1][2])
        assert.is_string(answers[1][3])
        assert.is_true(answers[2][1])
      end
      assert.are.same({}, assert(queue:receive(1, 0)))
    end))

    it("counts what is visible, delayed and in flight", task(open, nil, function(queue)
      send(queue, { body = "1" }, { body = "2" }, { body = "3" }, { body = "4", delay = 60 })
      receive(queue, 1)
      local counts = assert(queue:counts())
      assert.are.same({ 2, 1, 1 }, { counts.visible, counts.delayed, counts.in_flight })
    end))

    it("a message that was received max_receives times is offered no more",
      task(open, { max_receives = 2 }, function(queue)
      send(queue, { body = "poison" })
      for receives = 1, 2 do
        local message = receive(queue, 1)[1]
        assert.are.equal(receives, message.receives)
        assert(queue:delay(message.receipt, 0))
      end
      assert.are.same({}, assert(queue:receive(1, 1)))
      local counts = assert(queue:counts())
      assert.are.equal(0, counts.visible + counts.in_flight)
    end))

    it("a message is buried at once, and one with an old receipt is not",
      task(open, { max_receives = 5 }, function(queue)
      send(queue, { body = "poison" }, { body = "good" })
      local poison, good
      for _, message in ipairs(receive(queue, 2)) do
        if message.body == "poison" then poison = message else good = message end
      end
      assert.is_true(queue:bury(poison.receipt, poison, "it cannot be read"))
      assert.is_nil((queue:delay("no receipt at all", 0)))
      assert(queue:delay(good.receipt, 0))
      local left = receive(queue, 1)
      assert.are.equal("good", left[1].body)
      assert.are.same({}, assert(queue:receive(1, 1)))
      local ok, err, code = queue:bury("no receipt at all", left[1], "why")
      assert.is_nil(ok)
      assert.is_string(err)
      assert.is_string(code)
    end))

    it("a group is in order, one at a time", task(open, { fifo = true }, function(queue)
      for index = 1, 3 do
        send(queue, { body = "a" .. index, group = "a", deduplication = "a" .. index },
          { body = "b" .. index, group = "b", deduplication = "b" .. index })
      end
      for index = 1, 3 do
        local heads = {}
        for _, message in ipairs { receive(queue, 1)[1], receive(queue, 1)[1] } do
          heads[message.group] = message
        end
        assert.are.equal("a" .. index, heads.a.body)
        assert.are.equal("b" .. index, heads.b.body)
        assert.are.same({}, assert(queue:receive(1, 0)))
        assert(queue:delete(heads.a.receipt))
        assert(queue:delete(heads.b.receipt))
      end
    end))

    it("a second message with the same deduplication id is not added",
      task(open, { fifo = true }, function(queue)
      local first = send(queue, { body = "once", group = "g", deduplication = "id" })
      local second = send(queue, { body = "once", group = "g", deduplication = "id" })
      if not without.duplicate_ids then assert.are.equal(first[1].id, second[1].id) end
      assert(queue:delete(receive(queue, 1)[1].receipt))
      assert.are.same({}, assert(queue:receive(1, 0)))
      if without.ids_of_deleted then return end
      send(queue, { body = "once", group = "g", deduplication = "id" })
      assert.are.same({}, assert(queue:receive(1, 1)))
    end))

    it("a receive can be cancelled", task(open, nil, function(queue)
      local receiving = scheduler.spawn(queue.receive, queue, 1, 20, 1)
      scheduler.sleep(0.1)
      receiving:cancel "enough"
      local ok, reason = receiving:join(PATIENCE)
      assert.are.same({ false, "enough" }, { ok, (tostring(reason):match "enough") })
      -- or back after a second: what is cut off may still receive
      send(queue, { body = "still there" })
      assert.are.equal("still there", receive(queue, 1)[1].body)
    end))
  end)
end

return contract
