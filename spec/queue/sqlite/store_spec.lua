-- What a queue file may hold that this program has not written: rows that were damaged or made by
-- others, and times of a clock that was wrong.

local open = require "watchbot.queue".open
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

local function with_queue(options, body)
  return workshop.task(function(folder)
    local queue <close> = assert(open(folder:url(), options))
    local function sql(statement, ...)
      local database <close> = assert(sqlite.open(folder:file "jobs.db"))
      return assert(database:run(statement, ...))
    end
    body(queue, sql, folder)
  end)
end

local function bodies(messages)
  local all = {}
  for index, message in ipairs(assert(messages)) do all[index] = message.body end
  table.sort(all)
  return all
end

describe("a message that is buried", function()
  -- Planted: it was only deleted, and no spec saw it.
  it("is a dead letter, whole, with the reason", with_queue({}, function(queue, sql)
    queue:send { {
      body = "poison", subject = "s", attributes = { a = { type = "String", value = "1" } },
    } }
    local message = assert(queue:receive(1, 0, 60))[1]
    assert.is_true(queue:bury(message.receipt, message, "not an image"))
    local counts = assert(queue:counts())
    assert.are.same({ 0, 0, 1 }, { counts.visible, counts.in_flight, counts.dead })
    assert.are.equal(1, sql([[UPDATE dead SET died = died WHERE body = 'poison' AND subject = 's'
      AND reason = 'not an image' AND receives = 1 AND id = ? AND attributes LIKE '%"1"%']],
      message.id))
  end))
end)

describe("a message that cannot be read", function()
  -- One row whose attributes were invalid JSON ended every receive: the queue had stopped.
  it("is buried with the reason, and the others flow", function()
    for _, damage in ipairs {
      "UPDATE contents SET attributes = '{' WHERE seq = 2",
      "UPDATE contents SET attributes = '7' WHERE seq = 2",
      "UPDATE contents SET attributes = '' WHERE seq = 2",
      "UPDATE contents SET attributes = x'ff00' WHERE seq = 2",
      "UPDATE contents SET attributes = '[1]' WHERE seq = 2",
      [[UPDATE contents SET attributes = '{"a":7}' WHERE seq = 2]],
      [[UPDATE contents SET attributes = '{"a":{"type":1,"value":"x"}}' WHERE seq = 2]],
      "UPDATE messages SET receives = 'many' WHERE seq = 2",
      "UPDATE messages SET lease = 'x' WHERE seq = 2",
      "UPDATE messages SET receives = 0.5 WHERE seq = 2",
    } do
      with_queue({ retention = 3600 }, function(queue, sql)
        assert(queue:send { { body = "one" }, { body = "broken" }, { body = "three" } })
        sql(damage)
        local messages = assert(queue:receive(10, 0, 60))
        local receives = {}
        for _, message in ipairs(messages) do receives[message.body] = message.receives end
        if receives.broken == nil then
          local letters = assert(queue:dead(10))
          assert.are.same({ "broken" }, bodies(letters), damage)
          assert.is_truthy(letters[1].reason and letters[1].reason:find "cannot be read", damage)
          assert.are.equal("integer", math.type(letters[1].receives))
        end
        receives.broken = nil
        assert.are.same({ one = 1, three = 1 }, receives, damage)
        assert.are.same({}, assert(queue:receive(10, 0)))
      end)()
    end
  end)

  it("holds up neither its group nor the count, also when it has no content at all",
    with_queue({}, function(queue, sql)
    assert(queue:send { { body = "head", group = "g" }, { body = "next", group = "g" } })
    sql "DELETE FROM contents WHERE seq = 1"
    assert.are.same({ "next" }, bodies(queue:receive(10, 1, 60)))
    assert.are.equal(1, assert(queue:counts()).in_flight)
  end))

  -- Times that were no whole numbers reached the job, and raised there at each receive.
  it("is buried with its times, too, where they are no times", function()
    for _, damage in ipairs {
      "sent = 'today'", "sent = 1.5", "sent = x'00'", "first_received = 'x'",
      "first_received = 0.25", "fifo_group = x'ff', sent = 2.5",
    } do
      with_queue({}, function(queue, sql)
        assert(queue:send { { body = "broken" }, { body = "good" } })
        sql("UPDATE messages SET " .. damage .. " WHERE seq = 1")
        assert.are.same({ "good" }, bodies(queue:receive(10, 0, 60)), damage)
        assert.matches("cannot be read: its times", assert(queue:dead(10))[1].reason, damage)
      end)()
    end
  end)
end)

-- A message without a row in `contents` was deleted without a dead letter: the insert joined both.
describe("a message whose content is missing from the file", function()
  local LOST = "the queue file has lost its content"

  local function only_letter(queue)
    local letters = assert(queue:dead(10))
    assert.are.equal(1, #letters)
    local counts = assert(queue:counts())
    assert.are.same({ 0, 0, 1 }, { counts.visible, counts.in_flight, counts.dead })
    return letters[1]
  end

  it("is a dead letter with what is known of it", with_queue({}, function(queue, sql)
    assert(queue:send { { body = "head", group = "g" } })
    sql "DELETE FROM contents"
    assert.are.same({}, assert(queue:receive(10, 0, 60)))
    local letter = only_letter(queue)
    assert.are.same({ "no-content-1", "", "g" }, { letter.id, letter.body, letter.group })
    assert.matches(LOST, letter.reason)
    assert.is_true(letter.sent > 0)
  end))

  it("is one, too, where it was received too often", with_queue({ max_receives = 1 },
    function(queue, sql)
    assert(queue:send { { body = "lost" } })
    assert(queue:receive(1, 0, 0))
    sql "DELETE FROM contents"
    scheduler.sleep(0.01) -- it is seen again in the next millisecond
    assert.are.same({}, assert(queue:receive(10, 0, 60)))
    assert.are.same({ 1, LOST }, { only_letter(queue).receives, only_letter(queue).reason })
  end))

  it("is one, too, where it is buried by a watcher that has it", with_queue({},
    function(queue, sql)
    assert(queue:send { { body = "lost" } })
    local message = assert(queue:receive(1, 0, 60))[1]
    sql "DELETE FROM contents"
    assert.is_true(queue:bury(message.receipt, message, "no image"))
    assert.are.equal("no image; " .. LOST, only_letter(queue).reason)
  end))

  it("is never received as an empty message, also when it is replayed", with_queue({},
    function(queue, sql)
    assert(queue:send { { body = "lost" } })
    sql "DELETE FROM contents"
    assert.are.same({}, assert(queue:receive(10, 0, 60)))
    assert.are.equal(1, queue:replay { "no-content-1" })
    assert.are.same({}, assert(queue:receive(10, 0, 60)))
    assert.matches(LOST, only_letter(queue).reason)
    assert.are.equal(1, queue:purge_dead())
    assert.are.equal(0, assert(queue:counts()).dead)
  end))

  it("is not what an empty message is: that one comes back whole",
    with_queue({}, function(queue, sql)
    assert(queue:send { { body = "" } })
    assert.are.equal("", assert(queue:receive(1, 0, 60))[1].body)
    sql "UPDATE messages SET visible_at = 0, receives = 10"
    assert.are.same({}, assert(queue:receive(1, 0)))
    local letter = only_letter(queue)
    assert.are.same({ "", nil }, { letter.body, letter.reason })
    assert.are.equal(1, queue:replay { letter.id })
    assert.are.equal("", assert(queue:receive(1, 0, 60))[1].body)
  end))
end)

describe("a message whose clock was wrong", function()
  local YEAR = 365 * 86400 * 1000

  -- A clock of 2099 that was seen once kept every later message past its retention.
  it("expires by the time it was sent, where the clock was ahead before",
    with_queue({ retention = 60 }, function(queue, sql)
    sql("UPDATE state SET clock = clock + ?1, latest = latest + ?1", 73 * YEAR)
    assert(queue:send { { body = "old" }, { body = "new" } })
    sql "UPDATE messages SET sent = sent - 61000, due = due - 61000 WHERE seq = 1"
    assert.are.same({ "new" }, bodies(queue:receive(10, 0)))
  end))

  it("expires by the time since the clock is right again, where it was sent while that was ahead",
    with_queue(
    { retention = 60, visibility = 0 }, function(queue, sql)
      assert(queue:send { { body = "of 2099" } })
      sql("UPDATE messages SET sent = sent + ?1, born = born + ?1, visible_at = visible_at + ?1, "
        .. "due = due + ?1", 73 * YEAR)
      sql("UPDATE state SET clock = clock + ?1, latest = latest + ?1", 73 * YEAR)
      assert.are.same({ "of 2099" }, bodies(queue:receive(10, 0)))
      sql("UPDATE state SET set_back = set_back - 61000")
      scheduler.sleep(0.01)
      assert.are.same({}, assert(queue:receive(10, 0)))
      assert.are.equal(0, assert(queue:counts()).in_flight)
    end))
end)

-- 980,000 expired messages wrote 4,712 lines.
it("many expired messages are reported once in a while, all of them", workshop.task(function(folder)
  local reports, total = 0, 0
  local queue = assert(open(folder:url(), { retention = 60, on_expired = function(count)
    reports, total = reports + 1, total + count
  end }))
  local messages = {}
  for index = 1, 3000 do messages[index] = { body = tostring(index) } end
  assert(queue:send(messages))
  local database <close> = assert(sqlite.open(folder:file "jobs.db"))
  assert(database:run "UPDATE messages SET sent = sent - 61000, born = born - 61000")
  assert.are.same({}, assert(queue:receive(10, 1)))
  while assert(queue:counts()).visible > 0 do assert(queue:receive(10, 0)) end
  queue:close()
  scheduler.sleep(0)
  assert.are.equal(3000, total)
  assert.is_true(reports <= 3, reports)
end))
