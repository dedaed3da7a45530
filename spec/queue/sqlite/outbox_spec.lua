-- Any SQLite client sends with one INSERT into `outbox`, within its own transaction.

local cjson = require "cjson"
local old_queue = require "support.old_queue"
local open = require "watchbot.queue".open
local outbox = require "support.outbox"
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

local function with_queue(body)
  return workshop.task(function(folder)
    local queue <close> = assert(open(folder:url()))
    local database <close> = assert(sqlite.open(folder:file "jobs.db"))
    body(queue, database, folder)
  end)
end

local function insert(database, row)
  local names, marks, values = {}, {}, {}
  for name, value in pairs(row) do
    names[#names + 1], marks[#marks + 1], values[#values + 1] = name, "?", value
  end
  return database:run(("INSERT INTO outbox (%s) VALUES (%s)"):format(table.concat(names, ", "),
    table.concat(marks, ", ")), table.unpack(values))
end

local function receive(queue, count)
  return assert(queue:receive(count or 10, 0, 60))
end

describe("the outbox of a queue file", function()
  it("takes a message with all that it can have", with_queue(function(queue, database)
    assert(insert(database, {
      body = "hello", subject = "greeting", priority = 5, fifo_group = "g",
      deduplication_id = "d", id = "mine-1",
      attributes = cjson.encode {
        text = "x", number = 5, part = 1.5, typed = { type = "Binary", value = "AAA=" },
      },
    }))
    local message = receive(queue)[1]
    assert.are.same({ "mine-1", "hello", "greeting", "g", "d" }, {
      message.id, message.body, message.subject, message.group, message.deduplication,
    })
    assert.are.same({
      text = { type = "String", value = "x" }, number = { type = "Number", value = "5" },
      part = { type = "Number", value = "1.5" }, typed = { type = "Binary", value = "AAA=" },
    }, message.attributes)
  end))

  it("gives an id of its own to a message without one", with_queue(function(queue, database)
    assert(insert(database, { body = "a" }))
    assert(insert(database, { body = "b", attributes = "{}" }))
    local first, second = table.unpack(receive(queue))
    local form = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
    assert.matches(form, first.id)
    assert.matches(form, second.id)
    assert.are_not.equal(first.id, second.id)
    assert.are.same({}, second.attributes)
  end))

  it("keeps bytes as they are", with_queue(function(queue, _, folder)
    local python = [[import sqlite3
c = sqlite3.connect('jobs.db')
c.execute("INSERT INTO outbox (body) VALUES (?)", (bytes(range(256)),))
c.execute("INSERT INTO outbox (body) VALUES (?)", ("",))
c.commit()]]
    folder:write("send.py", python)
    assert(os.execute(("cd '%s' && python3 send.py"):format(folder.path)))
    local all = {}
    for byte = 0, 255 do all[#all + 1] = string.char(byte) end
    local messages = receive(queue)
    assert.are.equal(table.concat(all), messages[1].body)
    assert.are.equal("", messages[2].body)
  end))

  it("delays, and keeps the order of a group", with_queue(function(queue, database)
    assert(insert(database, { body = "late", delay = 3600 }))
    assert(insert(database, { body = "later", delay = 0.5 + 3600 }))
    for _, body in ipairs { "one", "two", "three" } do
      assert(insert(database, { body = body, fifo_group = "g" }))
    end
    local counts = assert(queue:counts())
    assert.are.same({ 3, 2 }, { counts.visible, counts.delayed })
    for _, body in ipairs { "one", "two", "three" } do
      local messages = receive(queue)
      assert.are.same({ 1, body }, { #messages, messages[1].body })
      assert(queue:delete(messages[1].receipt))
    end
  end))

  it("drops a second message with one deduplication id, and knows the id of the first",
    with_queue(function(queue, database)
      assert(insert(database, { body = "first", deduplication_id = "k" }))
      assert(insert(database, { body = "second", deduplication_id = "k" }))
      local sent = assert(queue:send { { body = "third", deduplication = "k" } })
      local messages = receive(queue)
      assert.are.same({ 1, "first" }, { #messages, messages[1].body })
      assert.are.equal(messages[1].id, sent[1].id)
      local row = assert(database:first "SELECT id FROM outbox WHERE deduplication_id = 'k'")
      assert.are.equal(messages[1].id, row.id)
      -- After five minutes it is another message.
      assert(database:run "UPDATE deduplications SET expires = 1")
      assert(insert(database, { body = "fourth", deduplication_id = "k" }))
      assert.are.equal("fourth", receive(queue)[1].body)
    end))

  it("takes a message back with the transaction that sent it", with_queue(function(queue, _, folder)
    local shell = [[
BEGIN; INSERT INTO outbox (body, deduplication_id) VALUES ('gone', 'k'); ROLLBACK;
BEGIN; INSERT INTO outbox (body, deduplication_id) VALUES ('kept', 'k'); COMMIT;]]
    folder:write("send.sql", shell)
    assert(os.execute(("cd '%s' && sqlite3 -bail jobs.db < send.sql"):format(folder.path)))
    local messages = receive(queue)
    assert.are.same({ 1, "kept" }, { #messages, messages[1].body })
    assert.are.equal(1, assert(queue:counts()).in_flight)
  end))

  it("refuses what cannot be a message, with the reason", with_queue(function(queue, database)
    local large = ("x"):rep((1 << 20) + 1)
    for _, case in ipairs {
      { { subject = "s" }, "body must be text or a blob" },
      { { body = 5 }, "body must be text or a blob" },
      { { body = "x", subject = 5 }, "subject must be text" },
      { { body = "x", id = "" }, "id must be 1 to 100 letters" },
      { { body = "x", id = "a\nb" }, "id must be 1 to 100 letters" },
      { { body = "x", id = ("i"):rep(101) }, "id must be 1 to 100 letters" },
      { { body = "x", fifo_group = "" }, "fifo_group must be text" },
      { { body = "x", fifo_group = 1 }, "fifo_group must be text" },
      { { body = "x", deduplication_id = "" }, "deduplication_id must be text" },
      { { body = "x", delay = "soon" }, "delay must be a number" },
      { { body = "x", delay = -1 }, "delay must be seconds from 0" },
      { { body = "x", delay = math.huge }, "delay must be seconds from 0" },
      { { body = "x", priority = 101 }, "priority must be a whole number" },
      { { body = "x", priority = 0.5 }, "priority must be a whole number" },
      { { body = "x", priority = "high" }, "priority must be a whole number" },
      { { body = "x", attributes = "{" }, "attributes must be JSON" },
      { { body = "x", attributes = 7 }, "attributes must be JSON" },
      { { body = "x", attributes = "7" }, "attributes must be a JSON object" },
      { { body = "x", attributes = "[1]" }, "attributes must be a JSON object" },
      { { body = "x", attributes = "null" }, "attributes must be a JSON object" },
      { { body = "x", attributes = '{"a":null}' }, "each attribute must be text" },
      { { body = "x", attributes = '{"a":true}' }, "each attribute must be text" },
      { { body = "x", attributes = '{"a":[1]}' }, "each attribute must be text" },
      { { body = "x", attributes = '{"":"x"}' }, "each attribute must be text" },
      { { body = "x", attributes = '{"a":{"type":"String"}}' }, "each attribute must be text" },
      { { body = "x", attributes = '{"a":{"type":"String","value":1}}' }, "each attribute" },
      { { body = large }, "more than 1048576 bytes" },
      { { body = large:sub(1, 1 << 20), subject = "s" }, "more than 1048576 bytes" },
    } do
      local ok, err = insert(database, case[1])
      assert.is_nil(ok)
      assert.matches("watchbot: ", err, 1, true)
      assert.matches(case[2], err, 1, true)
    end
    assert.are.equal(0, assert(queue:counts()).visible)
    assert(insert(database, { body = large:sub(1, 1 << 20) }))
  end))

  it("sends what is due after the clock was set back", with_queue(function(queue, database)
    assert(database:run "UPDATE state SET clock = clock + 7200000, latest = latest + 7200000")
    assert(insert(database, { body = "now" }))
    assert(insert(database, { body = "late", delay = 60 }))
    assert.are.equal("now", receive(queue)[1].body)
    local row = assert(database:first [[SELECT visible_at - sent AS delay
      FROM messages JOIN contents USING (seq) WHERE body = 'late']])
    assert.is_true(row.delay >= 60000 and row.delay < 90000, row.delay)
  end))

  it("is in a file that an older watchbot has made, once a newer one has opened it",
    workshop.task(function(folder)
      local database <close> = old_queue.make(folder:file "jobs.db", 4)
      old_queue.send(database, "old")
      local queue = assert(open(folder:url()))
      assert(insert(database, { body = "new" }))
      assert.are.equal(2, #receive(queue))
      queue:close()
    end))

  -- What is sent by another program is seen at the next look of a watcher that waits.
  it("wakes a receive that waits", with_queue(function(queue, database)
    local waiting = scheduler.spawn(function() return queue:receive(1, workshop.PATIENCE, 60) end)
    scheduler.sleep(0.1)
    assert(insert(database, { body = "wake up" }))
    local ok, messages = waiting:join()
    assert.is_true(ok)
    assert.are.equal("wake up", messages[1].body)
  end))

  it("loses, doubles and swaps nothing while writers and watchers are killed",
    workshop.task(function(folder)
      local missing = outbox.missing()
      if missing then return pending("needs " .. missing) end
      outbox.run(folder, 60, 12)
    end))
end)
