-- Keys in the file of an embedded queue: a key in progress lasts as long as the lease of its
-- message, and is done in the transaction that deletes the message.

local open = require "watchbot.queue".open
local schedule = require "watchbot.schedule"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

local eventually = workshop.eventually

local function with_queue(body)
  return workshop.task(function(folder)
    local queue <close> = assert(open(folder:url(), { max_receives = 3 }))
    body(queue, folder)
  end)
end

local function send(queue, count)
  for _ = 1, count do assert(queue:send { { body = "x" } }) end
end

local function receive(queue, visibility)
  return assert(queue:receive(1, 5, visibility or 60))[1]
end

local function claim_of(message, more)
  local claim = {
    key = "k", id = message.id, receipt = message.receipt, seconds = 60, keeps = 60,
    lasting = false,
  }
  for name, value in pairs(more or {}) do claim[name] = value end
  return claim
end

-- A claim that must have been given.
local function claimed(queue, message, more)
  local claim = claim_of(message, more)
  local state, doubt = queue:claim(claim)
  assert.are.equal("claimed", state)
  return claim, doubt
end

local function state_of(queue, message, more)
  return (queue:claim(claim_of(message, more)))
end

describe("keys in a queue's file", function()
  it("are done with the delete, for their time", with_queue(function(queue)
    send(queue, 4)
    local first, second, third = receive(queue), receive(queue), receive(queue)
    local claim, doubt = claimed(queue, first)
    assert.is_false(doubt)
    assert.are.equal("busy", state_of(queue, second))
    claim.state = "done"
    assert.is_true(queue:delete(first.receipt, nil, claim))
    assert.are.equal("done", state_of(queue, second))
    claim = claimed(queue, second, { key = "short", keeps = 0.01 })
    claim.state = "done"
    assert.is_true(queue:delete(second.receipt, nil, claim))
    eventually(function() return state_of(queue, third, { key = "short" }) == "claimed" end)
    assert.are.equal("busy", state_of(queue, receive(queue), { key = "short" }))
  end))

  it("are free again after a failed run, and after a burial", with_queue(function(queue)
    send(queue, 3)
    local first, second, third = receive(queue), receive(queue), receive(queue)
    local claim = claimed(queue, first)
    claim.state = "free"
    assert.is_true(queue:delay(first.receipt, 60, false, nil, claim))
    local doubt
    claim, doubt = claimed(queue, second)
    assert.is_false(doubt)
    claim.state = "free"
    assert.is_true(queue:bury(second.receipt, nil, "no", nil, claim))
    assert.is_false((select(2, claimed(queue, third))))
  end))

  -- A delete that fails must not leave a key that is done: its message runs again.
  it("stay as they are where the message cannot be settled", with_queue(function(queue)
    send(queue, 2)
    local second = receive(queue)
    local first = receive(queue, 0.05)
    local claim = claimed(queue, first)
    local newer = receive(queue)
    assert.are.equal(first.id, newer.id)
    claim.state = "done"
    assert.is_nil(queue:delete(first.receipt, nil, claim))
    assert.are.equal("claimed", state_of(queue, second))
  end))

  -- The watcher was killed: nobody knows whether the run had completed.
  it("are in doubt where the lease of their message has lapsed", with_queue(function(queue)
    send(queue, 2)
    local second = receive(queue)
    local first = receive(queue, 0.05)
    claimed(queue, first)
    local doubt
    eventually(function()
      local state, detail = queue:claim(claim_of(second))
      doubt = detail
      return state == "claimed"
    end)
    assert.is_true(doubt)
    -- And so where the message itself comes again.
    local claim = claim_of(second, { state = "free" })
    assert(queue:release(claim))
    first = receive(queue, 0.05)
    claimed(queue, first)
    local newer = receive(queue)
    assert.is_true((select(2, claimed(queue, newer))))
  end))

  -- A claim by a receipt that is not valid would hide the key of the one that runs.
  it("are not given to a message that another receive has", with_queue(function(queue)
    send(queue, 1)
    local first = receive(queue, 0.05)
    local newer = receive(queue)
    assert.are.equal("lost", state_of(queue, first))
    assert.is_false((select(2, claimed(queue, newer))))
  end))

  -- An ECS task runs on without its watcher, and is found by the next receive of its message.
  it("stay with a message whose task may outlive the watcher", with_queue(function(queue)
    send(queue, 2)
    local first, second = receive(queue), receive(queue)
    local claim = claimed(queue, first, { lasting = true })
    claim.state = "left"
    assert.is_true(queue:delay(first.receipt, 0, true, nil, claim))
    assert.are.equal("waits", state_of(queue, second))
    local again = receive(queue)
    local doubt
    claim, doubt = claimed(queue, again, { lasting = true })
    assert.is_false(doubt)
    claim.state = "done"
    assert.is_true(queue:delete(again.receipt, nil, claim))
    assert.are.equal("done", state_of(queue, second))
  end))

  it("are freed without their message", with_queue(function(queue)
    send(queue, 2)
    local first, second = receive(queue), receive(queue)
    local claim = claimed(queue, first)
    claim.state = "free"
    assert.is_true(queue:release(claim))
    assert.is_false((select(2, claimed(queue, second))))
  end))

  it("do not stay in the file for ever", with_queue(function(queue, folder)
    send(queue, 1)
    local first = receive(queue)
    local claim = claimed(queue, first, { keeps = 0.01, state = "done" })
    assert.is_true(queue:delete(first.receipt, nil, claim))
    local database <close> = assert(sqlite.open(folder:file "jobs.db"))
    eventually(function()
      assert(queue:receive(1, 0, 60))
      return assert(database:first "SELECT count(*) AS count FROM once_keys").count == 0
    end)
  end))

  -- The names of these two tables were not among those that get the prefix.
  it("and ticks work in another program's database", workshop.task(function(folder)
    local database <close> = assert(sqlite.open(folder:file "app.db", { create = true }))
    assert(database:first "PRAGMA journal_mode = WAL")
    local queue <close> = assert(open(folder:url "app.db" .. "?prefix=watchbot_"))
    send(queue, 1)
    claimed(queue, receive(queue))
    assert.are.equal(1, assert(database:first "SELECT count(*) AS n FROM watchbot_once_keys").n)
    assert(queue:tick(schedule.new("often", { every = "1h", message = "tick" })))
    assert.are.equal("often", assert(queue:ticks())[1].name)
  end))
end)
