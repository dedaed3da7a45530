local contract = require "queue.contract"
local new_queue = require("watchbot.testing.queue").new
local scheduler = require "watchbot.scheduler"

describe("the queue of a policy's tests", function()
  -- Its waits cost nothing: the clock is that of a test.
  before_each(function() scheduler.leap(true) end)
  after_each(function() scheduler.leap(false) end)

  contract(new_queue)

  it("tells what happens to each message", function()
    scheduler.run(function()
      local said = {}
      local queue = new_queue { max_receives = 1, heard = function(what, item, seconds)
        said[#said + 1] = ("%s %s %s"):format(what, item.body, seconds or "-")
      end }
      queue:send { { body = "a" }, { body = "b" } }
      local messages = queue:receive(2)
      queue:extend(messages[1].receipt, 90, 10)
      queue:delay(messages[1].receipt, 0)
      queue:delete(messages[2].receipt)
      queue:receive(1)
      assert.are.same({ "received a -", "received b -", "returned a 0", "deleted b -", "dead a -" },
        said)
      assert.are.equal("a", queue.dead[1].body)
    end)
  end)

  it("takes a receive back off the count where it is told so", function()
    scheduler.run(function()
      local queue = new_queue {}
      queue:send { { body = "a" } }
      queue:delay(queue:receive(1)[1].receipt, 0, true)
      assert.are.equal(1, queue:receive(1)[1].receives)
    end)
  end)

  it("answers who waits for a message when it is closed", function()
    scheduler.run(function()
      local queue = new_queue {}
      local receiving = scheduler.spawn(queue.receive, queue, 1, 20)
      scheduler.sleep(1)
      queue:close()
      assert.are.equal("Closed", select(4, receiving:join()))
    end)
  end)
end)
