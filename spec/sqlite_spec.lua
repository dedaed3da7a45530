-- The binding on SQLite and its face: values in and out, errors, transactions, locks.

local core = require "watchbot.core".sqlite
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"

-- The body of a test, as a task, with its own database.
local function with_database(body, options)
  return function()
    local pipe <close> = io.popen "mktemp -d"
    local folder = pipe:read "l"
    local removed <close> = setmetatable({}, {
      __close = function() os.execute("rm -rf '" .. folder .. "'") end,
    })
    local path = folder .. "/test.db"
    scheduler.run(function()
      local database <close> = assert(sqlite.open(path, {
        create = true, patience = options and options.patience,
      }))
      assert(database:execute
        "PRAGMA journal_mode = WAL; CREATE TABLE t (k INTEGER PRIMARY KEY, v)")
      body(database, path)
    end, removed)
  end
end

describe("a statement", function()
  it("takes and gives back any value", with_database(function(database)
    local all = {}
    for byte = 0, 255 do all[#all + 1] = string.char(byte) end
    local values = {
      "", "a\0b", table.concat(all), 0, -1, math.maxinteger, math.mininteger, 1.5, -0.0, math.huge,
    }
    for index, value in ipairs(values) do
      assert.are.same({ 1, index }, { database:run("INSERT INTO t (v) VALUES (?)", value) })
      local row = assert(database:first("SELECT v, typeof(v) AS type FROM t WHERE k = ?", index))
      assert.are.equal(value, row.v)
      assert.are.equal(math.type(value), math.type(row.v))
    end
  end))

  it("knows text from blobs, true and false as numbers, and nil", with_database(function(database)
    local row = assert(database:first("SELECT typeof(?1) AS a, typeof(?2) AS b, ?2 AS bytes, ?3 "
      .. "AS yes, ?4 AS no, ?5 AS none",
      "x\0", { "x\0" }, true, false, nil))
    assert.are.same({ a = "text", b = "blob", bytes = "x\0", yes = 1, no = 0 }, row)
  end))

  it("gives rows, the first, or none", with_database(function(database)
    assert.is_false(database:first "SELECT * FROM t")
    assert.are.same({}, database:all "SELECT * FROM t")
    for index = 1, 3 do database:run("INSERT INTO t VALUES (?, ?)", index * 10, "v" .. index) end
    assert.are.same({ k = 10, v = "v1" }, database:first "SELECT * FROM t ORDER BY k")
    assert.are.same({ { k = 20 }, { k = 30 } },
      database:all("SELECT k FROM t WHERE k > ? ORDER BY k", 10))
    assert.are.same({ 2, 30 }, { database:run("DELETE FROM t WHERE k > ?", 10) })
  end))

  -- The names of a statement's columns are kept from one row to the next.
  it("names the columns as they are after another program has changed the table",
    with_database(function(database, path)
      local other <close> = assert(sqlite.open(path))
      assert(database:run("INSERT INTO t VALUES (1, 'a')"))
      local all = "SELECT * FROM t"
      assert.are.same({ { k = 1, v = "a" } }, assert(database:all(all)))
      assert(other:execute "ALTER TABLE t ADD COLUMN w; UPDATE t SET w = 'b'")
      assert.are.same({ { k = 1, v = "a", w = "b" } }, assert(database:all(all)))
      assert(other:execute "ALTER TABLE t RENAME COLUMN v TO x; ALTER TABLE t DROP COLUMN w")
      assert.are.same({ { k = 1, x = "a" } }, assert(database:all(all)))
      assert.are.same({ k = 1, x = "a" }, database:first(all))
      assert.are.same({}, assert(database:all "SELECT * FROM t WHERE k > 1"))
    end))

  it("leaves no read transaction open, also when not all rows were taken",
    with_database(function(database, path)
    database:run "INSERT INTO t (v) VALUES (1), (2)"
    assert(database:first "SELECT * FROM t")
    local other <close> = assert(sqlite.open(path))
    assert(other:run "INSERT INTO t (v) VALUES (3)")
    assert.are.equal(0, database:first("PRAGMA wal_checkpoint(TRUNCATE)").busy)
  end))

  it("raises what is the caller's fault", with_database(function(database)
    assert.has_error(function() database:run "INSERT INTO t VALUES (?, ?)" end,
      "the statement has 2 parameters, got 0 values")
    assert.has_error(function() database:run("SELECT ?", print) end)
    assert.has_error(function() database:run("SELECT ?", {}) end)
    assert.has_error(function() database:run "" end)
  end))

  it("answers with SQLite's message and its name for the error",
    with_database(function(database, path)
    assert.are.same({ nil, ("'%s': near \"SELEC\": syntax error"):format(path), "SQLITE_ERROR" },
      { database:run "SELEC 1" })
    assert(database:run("INSERT INTO t VALUES (1, 1)"))
    assert.are.same({
      nil, ("'%s': UNIQUE constraint failed: t.k"):format(path), "SQLITE_CONSTRAINT",
    },
      { database:run "INSERT INTO t VALUES (1, 2)" })
    assert.are.equal("SQLITE_ERROR", select(3, database:execute "SELECT * FROM nowhere"))
    assert.are.equal("SQLITE_ERROR", select(3, database:all "SELECT * FROM nowhere"))
  end))

  it("outlives its connection without harm", with_database(function(database, path)
    local connection = assert(core.open(path))
    local statement = assert(connection:prepare "SELECT 1 AS one")
    assert.are.same({ one = 1 }, statement:first())
    connection:close()
    connection:close()
    assert.has_error(function() statement:first() end)
    assert.has_error(function() connection:prepare "SELECT 1" end)
    statement, connection = nil, nil
    collectgarbage()
    collectgarbage()
    assert.is_nil(statement)
    assert.is_nil(connection)
    assert(database:first "SELECT 1")
  end))
end)

describe("a database", function()
  it("is private when it is made, and is made only when that was asked for",
    with_database(function(database, path)
    assert(database:run "INSERT INTO t (v) VALUES (1)")
    for mode in io.popen("stat -c %a " .. path .. "*"):lines() do assert.are.equal("600", mode) end
    assert.are.equal("SQLITE_CANTOPEN", select(3, sqlite.open(path .. "2")))
    assert.is_nil(io.open(path .. "2"))
  end))

  it("that cannot be opened says why", with_database(function(_, path)
    local _, err, code = sqlite.open(path .. "/below", { create = true })
    assert.are.same({ ("could not create '%s/below': not a directory"):format(path), "ENOTDIR" },
      { err, code })
    _, err, code = sqlite.open("/", { create = true })
    assert.are.same({ "could not open '/': is a directory", "EISDIR" }, { err, code })
  end))

  it("answers after its end that it is closed", with_database(function(database)
    database:close()
    database:close()
    assert.are.equal("Closed", select(3, database:run "SELECT 1"))
    assert.are.equal("Closed", select(3, database:transaction(print)))
  end))

  it("knows whether its file is still there", with_database(function(database, path)
    assert.is_false(database:has_moved())
    assert(os.rename(path, path .. ".old"))
    assert.is_true(database:has_moved())
  end))

  it("is on a network file system or not", function()
    assert.is_nil(sqlite.network "/proc")
    assert.is_nil(sqlite.network "/no/such/file")
  end)
end)

describe("a transaction", function()
  it("commits what its body did and returns what it returned", with_database(function(database)
    assert.are.same({ 7, nil, "x" }, { database:transaction(function(transaction, value)
      transaction:run("INSERT INTO t (v) VALUES (?)", value)
      return transaction:first("SELECT v FROM t").v, nil, "x"
    end, 7) })
    assert.are.equal(1, #database:all "SELECT * FROM t")
  end))

  it("undoes all when a statement fails", with_database(function(database)
    local result, err, code = database:transaction(function(transaction)
      transaction:run "INSERT INTO t VALUES (1, 1)"
      transaction:run "INSERT INTO t VALUES (1, 2)"
      error "not reached"
    end)
    assert.is_nil(result)
    assert.matches("UNIQUE constraint failed", err)
    assert.are.equal("SQLITE_CONSTRAINT", code)
    assert.are.same({}, database:all "SELECT * FROM t")
  end))

  it("undoes all when its body throws, and tells where", with_database(function(database)
    local result, err, code = database:transaction(function(transaction)
      transaction:run "INSERT INTO t VALUES (1, 1)"
      return transaction.field.deeper
    end)
    assert.is_nil(result)
    assert.matches("sqlite_spec.lua:%d+: attempt to index a nil value %(field 'field'%)", err)
    assert.matches("stack traceback", err)
    assert.are.equal("InternalError", code)
    assert.are.same({}, database:all "SELECT * FROM t")
  end))

  it("waits for a lock while other tasks go on", with_database(function(database, path)
    local other <close> = assert(sqlite.open(path))
    assert(other:execute "BEGIN IMMEDIATE")
    local waiting = scheduler.spawn(database.transaction, database, function() return "done" end)
    scheduler.sleep(0.1)
    assert.is_false(waiting:ended())
    assert(other:execute "COMMIT")
    assert.are.same({ true, "done" }, { waiting:join(60) })
  end))

  -- One of a hundred senders on a slow disk failed after 10 s, though each of the others got on.
  it("waits longer than its patience as long as others commit",
    with_database(function(database, path)
    assert(database:execute "PRAGMA journal_mode = WAL; CREATE TABLE busy (x)")
    local other <close> = assert(sqlite.open(path))
    assert(other:execute "BEGIN IMMEDIATE")
    local holder = scheduler.spawn(function()
      for _ = 1, 30 do
        scheduler.sleep(0.2)
        assert(other:execute "INSERT INTO busy VALUES (1); COMMIT; BEGIN IMMEDIATE")
      end
      assert(other:execute "COMMIT")
    end)
    assert.is_true(database:transaction(function() return true end))
    assert.is_true(holder:ended())
  end, { patience = 4 }))

  it("gives up when its patience is over", with_database(function(database, path)
    local other <close> = assert(sqlite.open(path))
    assert(other:execute "BEGIN IMMEDIATE")
    local result, err, code = database:transaction(print)
    assert.is_nil(result)
    assert.are.same({ ("'%s': locked by another process for 0.1 s"):format(path), "SQLITE_BUSY" },
      { err, code })
  end, { patience = 0.1 }))
end)

describe("a receipt of an embedded queue", function()
  it("is two numbers, and nothing else is one", function()
    assert.are.same({ 12, 3 }, { sqlite.receipt "12.3" })
    assert.are.same({ 0, 0 }, { sqlite.receipt "0.0" })
    local longest = ("9"):rep(18)
    assert.are.same({ tonumber(longest), 1 }, { sqlite.receipt(longest .. ".1") })
    for _, text in ipairs {
      "", ".", "1", "1.", ".1", "1.2.3", "a.1", "1.a", "-1.2", "1.-2", " 1.2", "1.2 ", "1.2\n",
      "1.2\0", "1\0.2", "0x1.2", "1e1.2", longest .. "9.1", "1." .. longest .. "9",
    } do
      assert.are.equal(0, select("#", sqlite.receipt(text)), text)
    end
    assert.has_error(function() sqlite.receipt(nil) end)
  end)
end)
