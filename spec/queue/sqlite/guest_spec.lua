-- A queue in another program's database, `sqlite:app.db?prefix=watchbot_`: it does all that a queue
-- does, and the application's tables and settings stay as they are.

local contract = require "queue.contract"
local guest = require "watchbot.queue.sqlite.guest"
local open_progress = require "watchbot.progress".open
local queue = require "watchbot.queue"
local schema = require "watchbot.queue.sqlite.schema"
local shell = require "support.shell"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

-- An application that happens to have tables of the names that the queue has.
local APPLICATION = [[
PRAGMA journal_mode = WAL;
CREATE TABLE messages (note TEXT);
INSERT INTO messages VALUES ('the application''s');
CREATE TABLE state (messages INTEGER, clock TEXT);
INSERT INTO state VALUES (7, 'noon');
CREATE TABLE dead (x);
CREATE TABLE version (version TEXT);
INSERT INTO version VALUES ('1.2.3');
CREATE VIEW outbox AS SELECT note FROM messages;
CREATE INDEX messages_by_time ON messages (note);
PRAGMA user_version = 42;
]]

local function application(path, mode)
  local database <close> = assert(sqlite.open(path, { create = true }))
  assert(database:execute((APPLICATION:gsub("WAL", mode or "WAL", 1))))
end

-- All that is the application's.
local function snapshot(path)
  local database <close> = assert(sqlite.open(path))
  local rows = {
    assert(database:all "SELECT * FROM messages"), assert(database:all "SELECT * FROM state"),
    assert(database:all "SELECT * FROM dead"), assert(database:all "SELECT * FROM version"),
    assert(database:all "SELECT * FROM outbox"),
    assert(database:all [[SELECT name, sql FROM sqlite_master
      WHERE name NOT LIKE 'watchbot!_%' ESCAPE '!' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
      ORDER BY name]]),
  }
  for _, pragma in ipairs { "journal_mode", "user_version", "application_id", "auto_vacuum" } do
    rows[#rows + 1] = assert(database:first("PRAGMA " .. pragma))
  end
  return rows
end

local function with_application(body)
  return workshop.task(function(folder)
    application(folder:file "app.db")
    body(folder, folder:url "app.db" .. "?prefix=watchbot_")
  end)
end

describe("a queue in an application's database", function()
  local folder, files = nil, 0
  setup(function() folder = io.popen "mktemp -d":read "l" end)
  teardown(function() shell.remove(folder) end)

  contract(function(options)
    files = files + 1
    local path = ("%s/%d.db"):format(folder, files)
    application(path)
    return queue.open(("sqlite:%s?prefix=watchbot_"):format(path), options)
  end)
end)

describe("a database that has a queue as its guest", function()
  it("keeps its tables, settings and rows, whatever the queue does", with_application(
    function(where, url)
      local before = snapshot(where:file "app.db")
      local jobs <close> = assert(queue.open(url, { retention = 3600 }))
      assert(jobs:send { { body = "a", group = "g" }, { body = "b", deduplication = "d" } })
      for _, message in ipairs(assert(jobs:receive(10, 0, 60))) do
        assert(jobs:bury(message.receipt, message, "why not"))
      end
      assert.are.equal(0, #assert(jobs:receive(10, 0, 60)))
      assert.are.equal(2, assert(jobs:counts()).dead)
      local progress <close> = assert(open_progress(url))
      assert.is_true(progress:set_total("job", 1))
      assert(progress:complete("job", 1))
      assert.are.same(before, snapshot(where:file "app.db"))
    end))

  it("sends in the application's own transaction", with_application(function(where, url)
    local jobs <close> = assert(queue.open(url))
    local database <close> = assert(sqlite.open(where:file "app.db"))
    assert(database:execute "CREATE TABLE orders (id)")
    for _, ending in ipairs { "ROLLBACK", "COMMIT" } do
      assert(database:execute(("BEGIN; INSERT INTO orders VALUES ('%s');"
        .. "INSERT INTO watchbot_outbox (body, fifo_group) VALUES ('%s', 'g'); %s"):format(ending,
        ending, ending)))
    end
    local messages = assert(jobs:receive(10, 0, 60))
    assert.are.same({ 1, "COMMIT" }, { #messages, messages[1].body })
    assert.are.equal(1, assert(database:first "SELECT count(*) AS n FROM orders").n)
  end))

  it("may have several, by their prefixes", with_application(function(where, url)
    local one <close> = assert(queue.open(url))
    local two <close> = assert(queue.open(where:url "app.db" .. "?prefix=second_"))
    assert(one:send { { body = "one" } })
    assert(two:send { { body = "two" } })
    assert.are.equal("one", assert(one:receive(10, 0, 60))[1].body)
    assert.are.equal("two", assert(two:receive(10, 0, 60))[1].body)
  end))

  it("is named with its prefix where a task needs it", with_application(function(where, url)
    assert.are.equal(url, queue.absolute(url))
    local exit = workshop.run(where, { "send", "--queue", "sqlite:app.db?prefix=watchbot_", "x" })
    assert.are.equal(0, exit.code)
    local output
    exit, output = workshop.run(where, {
      "run", "--drain", "--queue", "sqlite:app.db?prefix=watchbot_", "--", "sh", "-c",
      'echo "in $QueueUrl"',
    })
    assert.are.equal(0, exit.code)
    assert.is_truthy(output:find("in " .. url, 1, true), output)
  end))

  it("has to be there, in WAL mode, and no queue's file", workshop.task(function(where)
    application(where:file "app.db", "DELETE")
    local jobs = assert(queue.open(where:url()))
    jobs:close()
    for file, expected in pairs {
      ["app.db"] = "its journal mode is 'delete'.*PRAGMA journal_mode = WAL",
      ["jobs.db"] = "leave out the prefix", ["missing.db"] = "no such file",
    } do
      local opened, err = queue.open(where:url(file) .. "?prefix=watchbot_")
      assert.is_nil(opened)
      assert.matches(expected, err)
    end
    assert.are.equal("", where:read "missing.db")
  end))

  it("is refused without a prefix, which the error names", with_application(function(where)
    local opened, err, code = queue.open(where:url "app.db")
    assert.is_nil(opened)
    assert.are.equal("NotAQueue", code)
    assert.matches("write sqlite:FILE%?prefix=watchbot_", err)
  end))

  it("is read where it may not be written", with_application(function(where, url)
    if not workshop.has_other_user() then return pending "needs root and another user" end
    local jobs = assert(queue.open(url))
    assert(jobs:send { { body = "x" } })
    jobs:close()
    local reader <close> = assert(schema.look(where:file "app.db", { prefix = "watchbot_" }))
    assert.are.equal(1, assert(reader:first "SELECT messages FROM state").messages)
  end))

  it("refuses tables of a newer watchbot", with_application(function(where, url)
    assert(queue.open(url)):close()
    local database <close> = assert(sqlite.open(where:file "app.db"))
    assert(database:run "UPDATE watchbot_version SET version = 1000")
    local opened, err, code = queue.open(url)
    assert.is_nil(opened)
    assert.are.equal("NewerFormat", code)
    assert.matches("format 1000", err)
  end))
end)

describe("a prefix", function()
  it("is a name", function()
    for _, prefix in ipairs { "a", "_", "watchbot_", "Jobs2_" } do
      assert.is_nil(guest.problem(prefix))
    end
    for _, prefix in ipairs { "", "9a", "a-b", "a b", "a'", "sqlite_x", "SQLite_" } do
      assert.is_string(guest.problem(prefix), prefix)
    end
    assert.is_string(guest.problem(("x"):rep(41)))
  end)

  it("comes before the names of tables only", function()
    local rewrite = guest.rewriter "p_"
    for sql, expected in pairs {
      ["SELECT messages, dead FROM state"] = "SELECT messages, dead FROM p_state",
      ["SELECT messages.seq FROM messages"] = "SELECT p_messages.seq FROM p_messages",
      ["DELETE FROM dead WHERE id = 'FROM dead'"] = "DELETE FROM p_dead WHERE id = 'FROM dead'",
      ["UPDATE state SET messages = messages + 1 -- FROM state"] =
        "UPDATE p_state SET messages = messages + 1 -- FROM state",
      ["CREATE INDEX a_b ON messages (dead)"] = "CREATE INDEX p_a_b ON p_messages (dead)",
      ["SELECT seq FROM sqlite_sequence WHERE name = 'messages'"] =
        "SELECT seq FROM sqlite_sequence WHERE name = 'p_messages'",
      ["INSERT OR REPLACE INTO deduplications (key) VALUES (?1)"] =
        "INSERT OR REPLACE INTO p_deduplications (key) VALUES (?1)",
    } do
      assert.are.equal(expected, rewrite(sql))
    end
  end)
end)
