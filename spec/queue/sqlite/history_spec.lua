-- The rows of attempts that have ended: how long they stay, and how many.

local dead = require "watchbot.queue.sqlite.dead"
local history = require "watchbot.queue.sqlite.history"
local jobs = require "watchbot.queue.sqlite.jobs"
local old_queue = require "support.old_queue"
local open = require "watchbot.queue".open
local salvage = require "watchbot.queue.sqlite.salvage"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local DAY = 86400000

local function attempt(id, more)
  local one = { id = id, receives = 1, outcome = "complete", duration = 20 }
  for name, value in pairs(more or {}) do one[name] = value end
  return one
end

-- Runs `body(transaction)` in a transaction of the queue.
local function within(queue, body)
  assert(queue.settling:submit(function(transaction, now) return body(transaction, now) or true end,
    true))
end

local function with_history(keep, body)
  return workshop.task(function(folder)
    local queue <close> = assert(open(folder:url()))
    within(queue, function(transaction) history.set(transaction, keep) end)
    body(queue, folder)
  end)
end

local function count(queue)
  return assert(queue.reader:first("SELECT count(*) AS count FROM attempts")).count
end

describe("the history of a queue", function()
  it("forgets attempts that are older than it keeps them", with_history(
    { seconds = 7 * 86400, rows = 1000000 }, function(queue)
    within(queue, function(transaction, now)
      for day = 20, 1, -1 do
        -- An hour from the limit.
        local ended = now - day * DAY + DAY // 24
        history.add(transaction, ended, { attempt(("day-%d"):format(day)) })
      end
    end)
    within(queue, function(transaction, now) history.prune(transaction, now) end)
    local ids = {}
    for index, row in ipairs(assert(jobs.list(queue)).rows) do ids[index] = row.id end
    assert.are.same({ "day-1", "day-2", "day-3", "day-4", "day-5", "day-6", "day-7" },
      { table.unpack(ids, 1, 7) })
    assert.is_true(#ids <= 8)
  end))

  it("has no more rows than it may have", with_history({ seconds = 7 * 86400, rows = 500 },
    function(queue)
    for _ = 1, 60 do
      within(queue, function(transaction, now)
        local batch = {}
        for index = 1, 32 do batch[index] = attempt("id-" .. index) end
        history.add(transaction, now, batch)
      end)
      assert.is_true(count(queue) <= 500 + 32)
    end
    local state = assert(queue.reader:first "SELECT attempts FROM state")
    assert.are.equal(count(queue), state.attempts)
  end))

  -- What a dead letter is replayed for is read in its attempts.
  it("keeps the attempts of a dead letter as long as that", with_history(
    { seconds = 3600, rows = 1000 }, function(queue)
    queue:send { { body = "bad" } }
    local bad = assert(queue:receive(1, 0, 60))[1]
    assert(queue:bury(bad.receipt, bad, "why"))
    within(queue, function(transaction, now)
      history.add(transaction, now - DAY,
        { attempt(bad.id, { outcome = "bury" }), attempt "other" })
      for _ = 1, 3 do history.prune(transaction, now) end
    end)
    assert.are.equal(1, count(queue))
    assert.are.equal("bury", assert(jobs.show(queue, bad.id)).attempts[1].outcome)
    within(queue, function(transaction, now) dead.purge(transaction, now, bad.id) end)
    assert.are.equal(0, count(queue))
  end))

  -- The clock of a machine without a battery: the order stays that of what happened.
  it("stays in order when the clock is set back", with_history({ seconds = 3600, rows = 1000 },
    function(queue)
    within(queue, function(transaction, now)
      history.add(transaction, now + 10 * DAY, { attempt "first" })
      history.add(transaction, now, { attempt "second", attempt "third" })
    end)
    local ids = {}
    for index, row in ipairs(assert(jobs.list(queue)).rows) do ids[index] = row.id end
    assert.are.same({ "third", "second", "first" }, ids)
  end))

  it("is salvaged from a damaged file", with_history({ seconds = 3600, rows = 1000 },
    function(queue, folder)
    queue:send { { body = "kept" } }
    within(queue, function(transaction, now)
      history.add(transaction, now, { attempt("done", { output = "bytes \0\255", code = 0 }) })
    end)
    queue:close()
    assert(salvage.run(folder:file "jobs.db", folder:url "saved.db"))
    local saved <close> = assert(open(folder:url "saved.db"))
    local one = assert(jobs.show(saved, "done"))
    assert.are.same({ "bytes \0\255", 20 }, { one.attempts[1].output, one.attempts[1].duration })
    assert.are.equal(1, assert(saved.reader:first "SELECT attempts FROM state").attempts)
    assert.are.equal("kept", assert(saved:receive(1, 0, 60))[1].body)
  end))

  it("is added to a file that an older watchbot has made", workshop.task(function(folder)
    for version = 1, #require "watchbot.queue.sqlite.schema".migrations - 1 do
      local name = ("old-%d.db"):format(version)
      local database = old_queue.make(folder:file(name), version)
      old_queue.send(database, "old")
      database:close()
      local queue <close> = assert(open(folder:url(name)))
      assert.are.equal("waiting", assert(jobs.list(queue)).rows[1].state)
      assert.are.equal("old", assert(queue:receive(1, 0, 60))[1].body)
      assert.are.equal(0, assert(jobs.counts(queue)).history)
      assert.is_true(scheduler.time() > 0)
    end
  end))
end)
