-- Attempts whose watcher was killed: nobody settled them, so that the history had nothing of them,
-- and a receive count skipped a number silently.

local cancels = require "watchbot.queue.sqlite.cancels"
local history = require "watchbot.queue.sqlite.history"
local jobs = require "watchbot.queue.sqlite.jobs"
local open = require "watchbot.queue".open
local workshop = require "support.workshop"

local task = workshop.task

local function with_history(options, body)
  return task(function(folder)
    local queue <close> = assert(open(folder:url(), options))
    queue:keep_history { seconds = 3600, rows = 1000, subjects = true }
    body(queue, folder)
  end)
end

-- Receives a message until its lease lapses.
local function take_and_lose(queue, visibility)
  local message = assert(queue:receive(1, workshop.PATIENCE, visibility or 0.001))[1]
  workshop.eventually(function() return queue:due_in() <= 0 end, "the lease lapses")
  return message
end

local function outcomes(queue, id)
  local all = {}
  for index, one in ipairs((assert(jobs.show(queue, id))).attempts) do
    all[index] = ("%d %s"):format(one.receives, one.outcome)
  end
  return all
end

describe("an attempt that was not settled", function()
  it("is a row once its message is received again", with_history({}, function(queue)
    local id = assert(queue:send { { body = "one", subject = "about", group = "g" } })[1].id
    take_and_lose(queue)
    local second = assert(queue:receive(1, workshop.PATIENCE, 60))[1]
    local one = assert(jobs.show(queue, id)).attempts[1]
    assert.are.same({ "about", "g", 1, "interrupted" },
      { one.subject, one.group, one.receives, one.outcome })
    assert.is_true(one.sent <= one.started and one.started <= one.ended)
    assert.is_nil(one.duration)
    assert.is_nil(second.lapsed)
    assert(queue:delete(second.receipt, { id = id, receives = 2, outcome = "complete" }))
    assert.are.same({ "1 interrupted", "2 complete" }, outcomes(queue, id))
  end))

  -- The last attempt before a message dies is the one that people look for.
  it("is a row once its message becomes a dead letter", with_history({ max_receives = 2 },
    function(queue)
    local id = assert(queue:send { { body = "poison" } })[1].id
    take_and_lose(queue)
    take_and_lose(queue)
    assert.are.same({}, assert(queue:receive(1, 0, 60)))
    assert.are.equal("dead", assert(jobs.show(queue, id)).state)
    assert.are.same({ "1 interrupted", "2 interrupted" }, outcomes(queue, id))
  end))

  it("is none where it was returned, extended or never began", with_history({}, function(queue)
    local id = assert(queue:send { { body = "one" } })[1].id
    local first = assert(queue:receive(1, 0, 60))[1]
    assert(queue:extend(first.receipt, 60))
    assert(queue:delay(first.receipt, 0, true))
    local second = assert(queue:receive(1, 0, 60))[1]
    assert(queue:delay(second.receipt, 0, false, { id = id, receives = 1, outcome = "retry" }))
    assert(queue:receive(1, 0, 60))
    assert.are.same({ "1 retry" }, outcomes(queue, id))
  end))

  it("has one row where it was cancelled meanwhile", with_history({}, function(queue)
    assert(queue.settling:submit(function(transaction)
      history.set(transaction, queue.settling.keep)
      return true
    end, true))
    local id = assert(queue:send { { body = "one" } })[1].id
    -- It is cancelled before its lease can lapse.
    assert(queue:receive(1, 0, 2))
    assert.are.equal("asked", cancels.cancel(queue, id))
    workshop.eventually(function() return #assert(queue:receive(1, 0, 60)) == 0
      and assert(queue:traffic()).there == 0 end, "it is removed")
    assert.are.same({ "1 cancelled" }, outcomes(queue, id))
    assert.are.equal("cancelled; its watcher was gone",
      assert(jobs.show(queue, id)).attempts[1].reason)
  end))

  -- A message that waits for a pause or a limit was shown as running, hours after its watcher had
  -- been killed.
  it("does not run while its message waits", with_history({}, function(queue)
    local id = assert(queue:send { { body = "one", group = "g" } })[1].id
    take_and_lose(queue)
    assert(queue:pause(3600, "g"))
    assert.are.same({}, assert(queue:receive(1, 0, 60)))
    assert.are.equal("delayed", assert(jobs.show(queue, id)).state)
    assert.are.same({ "1 interrupted" }, outcomes(queue, id))
    assert(queue:resume "g")
    assert.are.equal(1, #assert(queue:receive(1, 0, 60)))
    assert.are.same({ "1 interrupted" }, outcomes(queue, id))
  end))

  it("does not run while its message waits for a limit", with_history({}, function(queue)
    local lanes = { a = { { lane = "1:a", concurrency = 1 } } }
    queue.lanes_of = function(message) return lanes[message.body:match "^a" and "a"] end
    local id = assert(queue:send { { body = "a1" } })[1].id
    take_and_lose(queue)
    -- A message that was sent before it takes its place in the lane.
    assert(queue:send { { body = "a2", priority = 100 } })
    local other = assert(queue:receive(1, 0, 60))
    assert.are.equal("a2", other[1].body)
    assert.are.same({}, assert(queue:receive(1, 0, 60)))
    assert.are.equal("delayed", assert(jobs.show(queue, id)).state)
    assert.are.same({ "1 interrupted" }, outcomes(queue, id))
    assert(queue:delete(other[1].receipt))
    assert.are.equal("a1", assert(queue:receive(1, 0, 60))[1].body)
    assert.are.same({ "1 interrupted" }, outcomes(queue, id))
  end))

  -- What is kept of jobs must not keep messages from being received.
  it("is left out where the history cannot be written", with_history({}, function(queue)
    local lost = {}
    queue:keep_history({ seconds = 3600, rows = 10 }, function(count) lost[#lost + 1] = count end)
    assert(queue:send { { body = "one" } })
    take_and_lose(queue)
    assert(queue.sending:submit(function(transaction)
      transaction:execute "DROP TABLE attempts"
      return true
    end, true))
    assert.are.equal("one", assert(queue:receive(1, 0, 60))[1].body)
    assert.are.same({ 1 }, lost)
  end))

  it("is seen after kill -9 of its watcher", task(function(folder)
    local queue <close> = assert(open(folder:url()))
    local id = assert(queue:send { { body = "long", subject = "about" } })[1].id
    folder:write("policy.lua", [[return require "watchbot".policy {
      queue = "sqlite:jobs.db", history = 3600, visibility = 5,
      command = "[ $ApproximateReceiveCount = 2 ] || sleep 300" }]])
    local first = workshop.start(folder, { "run", "policy.lua" })
    workshop.eventually(function() return first:output():find '"receives":1' end, "it runs")
    first:kill "KILL"
    first:wait(workshop.PATIENCE)
    local second = workshop.start(folder, { "run", "--drain", "policy.lua" })
    local exit = assert(second:wait(workshop.PATIENCE))
    assert.are.equal(0, exit.code, second:output())
    assert.are.same({ "1 interrupted", "2 complete" }, outcomes(queue, id))
    local _, shown = workshop.run(folder, { "jobs", "show", "--queue", "sqlite:jobs.db", id })
    assert.matches("attempt 1: interrupted, the watcher was gone, or lost its lease", shown)
    assert.is_nil(shown:find "not recorded")
  end))
end)
