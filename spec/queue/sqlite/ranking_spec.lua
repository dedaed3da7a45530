-- Priorities: what is urgent comes first, and what is not comes in the end.

local open = require "watchbot.queue".open
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

local function with_queue(body)
  return workshop.task(function(folder)
    local queue <close> = assert(open(folder:url(), { max_receives = 2 }))
    local database <close> = assert(sqlite.open(folder:file "jobs.db"))
    body(queue, database, folder)
  end)
end

local function send(queue, ...)
  for _, priority in ipairs { ... } do
    assert(queue:send { { body = tostring(priority), priority = priority } })
  end
end

local function bodies(queue, count, visibility)
  local all = {}
  for index, message in ipairs(assert(queue:receive(count, 0, visibility or 60))) do
    all[index] = message.body
  end
  return table.concat(all, " ")
end

-- As if these had been sent `minutes` ago.
local function age(database, body, minutes)
  assert(database:run([[UPDATE messages SET visible_at = visible_at - ?2 * 60000
    WHERE seq = (SELECT seq FROM contents WHERE body = ?1)]], body, minutes))
end

describe("messages with priorities", function()
  it("come in their order, older ones first within one", with_queue(function(queue)
    send(queue, 0, -100, 7, 100, 7, -3)
    assert(queue:send { { body = "plain" } })
    assert.are.equal("100 7 7 0", bodies(queue, 4))
    assert.are.equal("plain -3 -100", bodies(queue, 10))
    assert.are.equal("", bodies(queue, 10))
  end))

  it("come in pages, whatever the priorities are", with_queue(function(queue)
    local batch, expected = {}, {}
    for index = 1, 90 do
      batch[index] = { body = tostring(index % 3), priority = index % 3 }
    end
    assert(queue:send(batch))
    for index = 1, 90 do expected[index] = tostring(2 - (index - 1) // 30) end
    local found = {}
    repeat
      local some = bodies(queue, 25)
      if some ~= "" then found[#found + 1] = some end
    until some == ""
    assert.are.equal(table.concat(expected, " "), table.concat(found, " "))
  end))

  it("do not wait forever: a point is worth a minute", with_queue(function(queue, database)
    send(queue, -100, 0, 100)
    age(database, "-100", 201)
    assert.are.equal("-100 100 0", bodies(queue, 3))
    send(queue, -1, 1)
    age(database, "-1", 1)
    assert.are.equal("1 -1", bodies(queue, 3))
  end))

  it("are counted, waited for and delayed as others", with_queue(function(queue)
    assert(queue:send { { body = "late", priority = 50, delay = 0.3 } })
    assert.are.equal("", bodies(queue, 10))
    assert.are.same({ 0, 1 }, { queue:counts().visible, queue:counts().delayed })
    local message = assert(queue:receive(1, workshop.PATIENCE, 60))[1]
    assert.are.equal("late", message.body)
    assert.are.equal(1, queue:counts().in_flight)
    assert(queue:delete(message.receipt))
    assert.are.same({ 0, 0 }, { queue:counts().visible, queue:counts().in_flight })
  end))

  it("keep the order of a group", with_queue(function(queue)
    assert(queue:send { { body = "first", group = "g", priority = -5 } })
    assert(queue:send { { body = "second", group = "g", priority = 100 } })
    assert.are.equal("first", bodies(queue, 10))
  end))

  it("keep their priority in the dead letters, and when they are replayed", with_queue(
    function(queue, database)
      send(queue, 9)
      workshop.eventually(function()
        bodies(queue, 10, 0)
        return queue:counts().dead == 1
      end, "a dead letter")
      assert(queue:replay())
      local row = assert(database:first "SELECT priority FROM messages")
      assert.are.equal(9, row.priority)
    end))

  it("are refused where a priority is not one", with_queue(function(queue)
    for _, priority in ipairs { 101, -101, 0.5, "7", 2^53 } do
      assert.has_error(function() queue:send { { body = "x", priority = priority } } end,
        "send: a priority must be a whole number from -100 to 100")
    end
  end))

  -- SQLite would choose another index where a condition is written another way, and look at all.
  it("are found by their indexes", with_queue(function(queue, database)
    send(queue, 0, 5)
    local plans = {}
    for _, statement in ipairs {
      "SELECT seq FROM messages WHERE visible_at <= 9 AND priority = 0 ORDER BY visible_at LIMIT 9",
      [[SELECT seq FROM messages WHERE visible_at <= 9 AND priority = 5 AND priority <> 0
        ORDER BY visible_at LIMIT 9]],
    } do
      local rows = assert(database:all("EXPLAIN QUERY PLAN " .. statement))
      plans[#plans + 1] = rows[1].detail:match "INDEX (%S+)"
      assert.are.equal(1, #rows, rows[#rows].detail)
    end
    assert.are.same({ "messages_by_time", "messages_by_priority" }, plans)
  end))
end)

describe("send --priority", function()
  it("puts a message before others", workshop.task(function(folder)
    workshop.send(folder, { "calm" })
    workshop.send(folder, { "urgent" }, "--priority", "10")
    local queue <close> = assert(open(folder:url()))
    assert.are.equal("urgent calm", bodies(queue, 2))
  end))

  it("refuses what is not one, with status 2", workshop.task(function(folder)
    for _, priority in ipairs { "high", "101", "1.5", "" } do
      local exit, _, problem = workshop.run(folder,
        { "send", "--queue", folder:url(), "--priority=" .. priority, "x" })
      assert.are.equal(2, exit.code)
      assert.matches("priority", problem)
    end
  end))
end)
