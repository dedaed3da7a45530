-- Ten groups of 2,000 messages took six times as long as the same without groups: the next of a
-- group was received only after the transaction that deleted the one before it, which waited.

local open = require "watchbot.queue".open
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

-- Seconds that a delete waits for others: far more than a spec takes.
local LINGER = 100000

local function next_of(queue, settle)
  local first = assert(queue:receive(1, 0, 60))[1]
  local waiting = scheduler.spawn(queue.receive, queue, 1, workshop.PATIENCE, 60)
  scheduler.sleep(0.1)
  assert.is_false(waiting:ended())
  local settling = scheduler.spawn(settle, queue, first.receipt)
  local ok, messages = waiting:join(workshop.PATIENCE)
  assert.is_true(ok)
  assert.same({ true, true }, { settling:join() })
  return messages[1] and messages[1].body
end

describe("a receive that waits", function()
  local function with_queue(body)
    return workshop.task(function(folder)
      local queue <close> = assert(open(folder:url(), { linger = LINGER }))
      body(queue)
    end)
  end

  it("takes the next of a group with the end of the one before it", with_queue(function(queue)
    assert(queue:send { { body = "1", group = "g" }, { body = "2", group = "g" } })
    assert.equal("2", next_of(queue, queue.delete))
  end))

  it("takes the next of a group whose first is buried", with_queue(function(queue)
    assert(queue:send { { body = "1", group = "g" }, { body = "2", group = "g" } })
    assert.equal("2", next_of(queue, function(_, receipt) return queue:bury(receipt, {}) end))
    assert.equal(1, queue:counts().dead)
  end))

  it("takes the next that a limit has held back", with_queue(function(queue)
    queue.lanes_of = function() return { { lane = "all", concurrency = 1 } } end
    assert(queue:send { { body = "1" }, { body = "2" } })
    assert.equal("2", next_of(queue, queue.delete))
  end))
end)
