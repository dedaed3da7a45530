-- Work that raises: it must neither spoil what shares its transaction, nor end the task that
-- commits for all, after which nothing would ever be received or deleted again.

local committer = require "watchbot.queue.sqlite.committer"
local schema = require "watchbot.queue.sqlite.schema"
local scheduler = require "watchbot.scheduler"
local shell = require "support.shell"

describe("the committer", function()
  local folder, database, one

  local function task(body)
    return function()
      scheduler.run(function()
        folder = shell.folder()
        database = assert(schema.open(folder .. "/jobs.db", {
          synchronous = "NORMAL", create = true,
        }))
        assert(database:execute "CREATE TABLE t (n)")
        one = committer.new(database, function() end)
        body()
        one:close()
        shell.remove(folder)
      end)
    end
  end

  local function insert(transaction, _, value)
    if type(value) == "table" then error "broken row" end
    return transaction:run("INSERT INTO t VALUES (?)", value)
  end

  local function rows()
    return assert(database:first "SELECT count(*) AS n FROM t").n
  end

  it("fails only the work that raises", task(function()
    local entries = {}
    for index = 1, 5 do entries[index] = one:add(insert, false, index == 3 and {} or index) end
    for index = 1, 5 do
      local ok, err, code = committer.wait(entries[index])
      if index == 3 then
        assert.is_nil(ok)
        assert.matches("broken row", err)
        assert.are.equal("InternalError", code)
      else
        assert.are.equal(1, ok)
      end
    end
    assert.are.equal(4, rows())
  end))

  it("goes on after what raises around a transaction, and answers those who waited", task(function()
    local transaction = database.transaction
    database.transaction = function()
      database.transaction = transaction
      error "not enough memory"
    end
    local ok, err, code = one:submit(insert, true, 1)
    assert.is_nil(ok)
    assert.matches("not enough memory", err)
    assert.are.equal("InternalError", code)
    assert.are.equal(1, (one:submit(insert, true, 2)))
    assert.are.equal(1, rows())
  end))
end)
