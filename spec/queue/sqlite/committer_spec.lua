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

  -- Each delete is a statement with triggers, half of a small job's SQL: those of several tasks are
  -- one, and an old receipt among them must fail for its own task only, with its own answer.
  it("does deletes together, with an answer for each", function()
    scheduler.run(function()
      folder = shell.folder()
      local queue <close> = assert(require "watchbot.queue".open("sqlite:" .. folder .. "/q.db"))
      local messages = {}
      for index = 1, 40 do messages[index] = { body = "message-" .. index } end
      assert(queue:send(messages))
      local received, answers = assert(queue:receive(40, 0, 60)), {}
      assert(queue:delay(received[7].receipt, 0))
      assert.are.equal(1, #assert(queue:receive(1, 0, 60)))
      assert(queue:delete(received[11].receipt))
      received[13].receipt = "not a receipt"
      local tasks = {}
      for index, message in ipairs(received) do
        tasks[index] = scheduler.spawn(function()
          answers[index] = table.pack(queue:delete(message.receipt))
        end)
      end
      for _, one_task in ipairs(tasks) do assert(one_task:join()) end
      local codes = {
        [7] = "ReceiptHandleIsInvalid", [11] = "MessageNotInflight",
        [13] = "ReceiptHandleIsInvalid",
      }
      for index, answer in ipairs(answers) do
        assert.are.equal(not codes[index] or nil, answer[1])
        assert.are.equal(codes[index], answer[3])
      end
      local counts = assert(queue:counts())
      assert.are.equal(2, counts.visible + counts.delayed + counts.in_flight)
      shell.remove(folder)
    end)
  end)
end)
