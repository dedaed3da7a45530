-- Cancelling a message that waits or runs, and beginning one that is delayed.

local cancels = require "watchbot.queue.sqlite.cancels"
local history = require "watchbot.queue.sqlite.history"
local jobs = require "watchbot.queue.sqlite.jobs"
local open = require "watchbot.queue".open
local workshop = require "support.workshop"

local function with_queue(body)
  return workshop.task(function(folder)
    local queue <close> = assert(open(folder:url()))
    assert(queue.settling:submit(function(transaction)
      history.set(transaction, { seconds = 3600, rows = 1000 })
      return true
    end, true))
    body(queue, folder)
  end)
end

local function send(queue, message)
  return assert(queue:send { message })[1].id
end

describe("a cancelled message", function()
  it("that waits is gone at once, and in the history", with_queue(function(queue)
    for _, message in ipairs { { body = "now" }, { body = "later", delay = 900 } } do
      local id = send(queue, message)
      assert.are.equal("cancelled", cancels.cancel(queue, id))
      assert.are.same({}, assert(queue:receive(10, 0, 60)))
      local one = assert(jobs.show(queue, id))
      assert.are.same({ "failed", "cancelled" }, { one.state, one.attempts[1].outcome })
      assert.are.equal("gone", cancels.cancel(queue, id))
    end
    assert.are.equal(0, assert(queue:traffic()).there)
  end))

  it("lets the next of its group go on", with_queue(function(queue)
    local first = send(queue, { body = "1", group = "g" })
    send(queue, { body = "2", group = "g" })
    assert.are.equal("cancelled", cancels.cancel(queue, first))
    assert.are.equal("2", assert(queue:receive(1, 0, 60))[1].body)
  end))

  -- Its watcher may be killed before it sees the request.
  it("that runs is removed by the next receive, if its watcher has died", with_queue(function(queue)
    local id = send(queue, { body = "runs" })
    local other = send(queue, { body = "other" })
    local taken = assert(queue:receive(2, 0, 60))
    assert.are.equal("asked", cancels.cancel(queue, id))
    assert.are.equal("asked", cancels.cancel(queue, id))
    local asked = assert(cancels.asked(queue.reader))
    local seq = tonumber(taken[1].receipt:match "^%d+")
    assert.are.same({ [seq] = false }, asked)
    assert.is_true(assert(jobs.show(queue, id)).cancelling)
    for _, message in ipairs(taken) do assert(queue:delay(message.receipt, 0, true)) end
    local again = assert(queue:receive(10, 0, 60))
    assert.are.same({ 1, other }, { #again, again[1].id })
    assert.are.equal("cancelled", assert(jobs.show(queue, id)).attempts[1].outcome)
    assert.are.same({}, assert(cancels.asked(queue.reader)))
  end))

  it("that has ended meanwhile is forgotten", with_queue(function(queue)
    local id = send(queue, { body = "runs" })
    local message = assert(queue:receive(1, 0, 60))[1]
    assert.are.equal("asked", cancels.cancel(queue, id))
    assert(queue:delete(message.receipt))
    assert.is_true(select(2, next(assert(cancels.asked(queue.reader)))))
    assert(queue.settling:submit(function(transaction)
      cancels.tidy(transaction)
      return true
    end, true))
    assert.are.same({}, assert(cancels.asked(queue.reader)))
    local state = assert(queue.reader:first "SELECT cancels FROM state")
    assert.are.equal(0, state.cancels)
  end))
end)

describe("a delayed message", function()
  it("begins when it is told to", with_queue(function(queue)
    local id = send(queue, { body = "later", delay = 900 })
    assert.are.same({}, assert(queue:receive(1, 0, 60)))
    assert.are.equal("begun", cancels.retry(queue, id))
    assert.are.equal("waiting", cancels.retry(queue, id))
    local message = assert(queue:receive(1, 0, 60))[1]
    assert.are.equal(id, message.id)
    assert.are.equal("running", cancels.retry(queue, id))
    assert(queue:delay(message.receipt, 900))
    assert.are.equal("begun", cancels.retry(queue, id))
    assert.are.equal(2, assert(queue:receive(1, 0, 60))[1].receives)
    assert.are.equal("gone", cancels.retry(queue, "never there"))
  end))
end)
