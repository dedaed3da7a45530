local schedule = require "watchbot.schedule"
local schema = require "watchbot.queue.sqlite.schema"
local scheduler = require "watchbot.scheduler"
local ticks = require "watchbot.queue.sqlite.ticks"

-- 2026-11-28T10:00:00Z
local TEN = 1795860000

describe("the ticks of schedules", function()
  local path, database

  before_each(function()
    path = os.tmpname()
    os.remove(path)
    scheduler.run(function()
      database = assert(schema.open(path, { create = true, synchronous = "NORMAL" }))
    end)
  end)

  after_each(function()
    database:close()
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end)

  -- Looks at a schedule, seconds after ten o'clock.
  local function look(one, seconds)
    local ticked
    scheduler.run(function()
      ticked = assert(database:transaction(function(transaction)
        return ticks.send(transaction, (TEN + seconds) * 1000, one)
      end))
    end)
    local times = {}
    for index, sent in ipairs(ticked.sent) do times[index] = sent.at - TEN end
    return times, ticked.skipped, ticked.next and ticked.next - TEN
  end

  local function new(options) return schedule.new("one", options) end

  it("begin when a schedule is first seen", function()
    local times, skipped, due = look(new { every = "1m" }, 30)
    assert.are.same({ {}, false, 60 }, { times, skipped, due })
  end)

  it("are sent once each, as messages of the queue", function()
    local one = new { every = "1m", message = "body", subject = "s" }
    look(one, 30)
    assert.are.same({ 60 }, (look(one, 60)))
    assert.are.same({}, (look(one, 61)))
    assert.are.same({ 120 }, (look(one, 125)))
    local rows = database:all "SELECT body, subject, attributes FROM contents ORDER BY seq"
    assert.are.equal(2, #rows)
    assert.are.same({ "body", "s" }, { rows[1].body, rows[1].subject })
    assert.matches("2026%-11%-28T10:01:00Z", rows[1].attributes)
  end)

  it("are all sent by a watcher that is late by less than a minute", function()
    local one = new { every = "20s" }
    look(one, 0)
    assert.are.same({ 20, 40 }, (look(one, 59)))
  end)

  it("that passed while no watcher ran are skipped", function()
    local one = new { every = "20m" }
    look(one, 0)
    assert.are.same({ {}, true, 12000 }, { look(one, 3 * 3600 + 300) })
    assert.are.same({ { 12000 }, false, 13200 }, { look(one, 12000) })
  end)

  it("that passed while no watcher ran are one, where the schedule says so", function()
    local one = new { every = "20m", missed = "once" }
    look(one, 0)
    assert.are.same({ { 3 * 3600 }, false, 12000 }, { look(one, 3 * 3600 + 300) })
    -- The last of the missed ones, and one that is just due.
    assert.are.same({ { 5 * 3600 - 1200, 5 * 3600 } }, { (look(one, 5 * 3600)) })
    assert.are.same({}, (look(one, 5 * 3600 + 1)))
  end)

  it("do not come again when the clock is set back", function()
    local one = new { every = "1m" }
    look(one, 0)
    assert.are.same({ 60 }, (look(one, 60)))
    assert.are.same({}, (look(one, 0)))
    assert.are.same({}, (look(one, 60)))
    assert.are.same({ 120 }, (look(one, 120)))
  end)

  it("come again when a clock that was years ahead is set right", function()
    local one = new { every = "1m" }
    look(one, 10 * 366 * 86400)
    assert.are.same({ {}, false, 60 }, { look(one, 0) })
    assert.are.same({ 60 }, (look(one, 60)))
  end)

  it("begin again when the rule changes, and stay when the message does", function()
    look(new { cron = "0 9 * * *", missed = "once" }, 0)
    assert.are.same({}, (look(new { cron = "30 9 * * *", missed = "once" }, 86400)))
    look(new { every = "1m" }, 86400)
    assert.are.same({ 86460 }, (look(new { every = "1m", message = "new" }, 86460)))
  end)

  it("are kept apart by name", function()
    local a, b = schedule.new("a", { every = "1m" }), schedule.new("b", { every = "1m" })
    look(a, 0)
    assert.are.same({}, (look(b, 60)))
    assert.are.same({ 60 }, (look(a, 60)))
    local list = assert(ticks.list(database))
    assert.are.same({
      { name = "a", rule = a.rule, last = TEN + 60 },
      { name = "b", rule = b.rule, last = TEN + 60 },
    }, list)
  end)
end)
