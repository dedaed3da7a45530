-- The embedded queue: the contract of every queue, and what is its own: files, processes, clocks,
-- errors.

local cjson = require "cjson"
local contract = require "queue.contract"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"

local PATIENCE = 120

local function shell(command)
  assert(os.execute(command), command)
end

-- The body of a test, as a task, with its own folder.
local function task(body)
  return function()
    local pipe <close> = io.popen "mktemp -d"
    local folder = pipe:read "l"
    local removed <close> = setmetatable({}, {
      __close = function() shell("rm -rf '" .. folder .. "'") end,
    })
    scheduler.run(body, folder, removed)
  end
end

local function url_in(folder)
  return "sqlite:" .. folder .. "/jobs.db"
end

local function with_queue(options, body)
  return task(function(folder)
    local queue <close> = assert(open_queue(url_in(folder), options))
    body(queue, folder)
  end)
end

-- Runs SQL on the file behind the queue's back.
local function sql(folder, statement, ...)
  local database <close> = assert(sqlite.open(folder .. "/jobs.db"))
  return assert(database:run(statement, ...))
end

local function row(folder, statement, ...)
  local database <close> = assert(sqlite.open(folder .. "/jobs.db"))
  return database:first(statement, ...)
end

local function send(queue, ...)
  local messages = { ... }
  for index, message in ipairs(messages) do
    if type(message) == "string" then messages[index] = { body = message } end
  end
  return assert(queue:send(messages))
end

local function bodies(messages)
  local list = {}
  for index, message in ipairs(messages) do list[index] = message.body end
  return list
end

local function receive(queue, max, wait, visibility)
  return assert(queue:receive(max or 1, wait or 0, visibility))
end

local function receive_bodies(...)
  return bodies(receive(...))
end

-- A script in another process, with the same interpreter and paths; what it prints.
local function start(script, ...)
  local words = {
    "ASAN_OPTIONS=detect_leaks=0", "LUA_PATH='" .. package.path .. "'",
    "LUA_CPATH='" .. package.cpath .. "'", arg[-1], "-",
  }
  if arg[-1]:match "/lua$" then words[#words] = "/dev/stdin" end
  for _, word in ipairs { ... } do words[#words + 1] = "'" .. word .. "'" end
  return assert(io.popen(table.concat(words, " ") .. " 2>&1 <<'END_OF_SCRIPT'\n" .. script
    .. "\nEND_OF_SCRIPT\n"))
end

local function output_of(pipe)
  local text = pipe:read "a"
  assert(pipe:close(), text)
  return text
end

do
  local folder
  setup(function() folder = io.popen "mktemp -d":read "l" end)
  teardown(function() shell("rm -rf '" .. folder .. "'") end)
  local files = 0
  contract(function(options)
    files = files + 1
    return open_queue(("sqlite:%s/%d.db"):format(folder, files), options)
  end)
end

describe("a queue's URL", function()
  it("names a file, relative or absolute", task(function(folder)
    for _, form in ipairs { "sqlite:%s/jobs.db", "sqlite://%s/jobs.db" } do
      local queue <close> = assert(open_queue(form:format(folder)))
      assert.are.equal(form:format(folder), queue.name)
      send(queue, form)
    end
    assert.are.equal(2, row(folder, "SELECT count(*) AS n FROM messages").n)
    local name = folder:match "[^/]*$" .. ".db"
    local queue = assert(open_queue("sqlite:" .. name))
    queue:close()
    assert(os.remove(name))
  end))

  it("that is wrong is told with what is expected", task(function()
    for _, url in ipairs { "mysql:jobs", "jobs.db", "", "sqlite:", "sqlite:folder/" } do
      local queue, err, code = open_queue(url)
      assert.is_nil(queue)
      assert.are.equal("Usage", code)
      assert.is_truthy(err:find("'" .. url .. "'", 1, true), err)
    end
    assert.matches("sqlite:FILE or https://sqs", select(2, open_queue "mysql:jobs"))
    assert.matches("write sqlite:jobs.db", select(2, open_queue "sqlite://jobs.db"))
    assert.matches("nil", select(2, open_queue(nil)))
  end))
end)

describe("the embedded queue", function()
  it("takes any bytes, empty ones and a megabyte of them", with_queue({}, function(queue)
    local all = {}
    for byte = 0, 255 do all[#all + 1] = string.char(byte) end
    local wild = table.concat(all)
    local large = wild:rep(4096)
    send(queue, wild, "", large, {
      body = "x", subject = "a\0b\xff", attributes = { Raw = { type = "Binary", value = wild } },
    })
    local messages = receive(queue, 10)
    assert.are.equal(wild, messages[1].body)
    assert.are.equal("", messages[2].body)
    assert.is_true(large == messages[3].body)
    assert.are.equal("a\0b\xff", messages[4].subject)
    assert.are.equal(wild, messages[4].attributes.Raw.value)
    assert.are.same({}, messages[1].attributes)
  end))

  it("refuses a message that is too long, and takes the others", with_queue({}, function(queue)
    local answers = send(queue, "short", ("x"):rep((1 << 20) + 1))
    assert.is_string(answers[1].id)
    assert.are.equal("MessageTooLong", answers[2].code)
    assert.matches("1048577", answers[2].message)
    assert.are.same({ "short" }, receive_bodies(queue, 10))
  end))

  it("makes ids that are UUIDs of version 4", with_queue({}, function(queue)
    for _, answer in ipairs(send(queue, "1", "2", "3")) do
      assert.matches(
        "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$", answer.id)
    end
  end))

  it("raises errors that are the caller's", with_queue({}, function(queue)
    assert.has_error(function() queue:send { "text" } end)
    assert.has_error(function() queue:send { { body = 7 } } end)
    assert.has_error(function() queue:send { { body = "x", delay = -1 } } end)
    assert.has_error(function() queue:send { { body = "x", group = {} } } end)
    assert.has_error(function() queue:send { { body = "x", attributes = { a = "b" } } } end)
    assert.has_error(function() queue:receive(0, 0) end)
    assert.has_error(function() queue:delete(7) end)
    assert.has_error(function() queue:delay "1.1" end)
    assert.has_error(function() queue:extend({}, 1) end)
  end))

  it("copes with times that are no times", with_queue({}, function(queue)
    send(queue, { body = "never", delay = 365 * 86400 }, "now")
    local message = receive(queue, 10, 0, 0 / 0)[1]
    assert.are.equal("now", message.body)
    for _, seconds in ipairs { -5, math.huge, 0 / 0 } do
      assert(queue:delay(message.receipt, seconds))
    end
    assert.are.same({ "now" }, receive_bodies(queue))
  end))

  -- 1e300 seconds, and milliseconds that were meant as seconds, were a century silently.
  it("refuses a delay that is a mistake, and takes the others", with_queue({}, function(queue)
    local answers = assert(queue:send {
      { body = "a", delay = 1 }, { body = "b", delay = 365 * 86400 + 1 },
      { body = "c", delay = 1e300 }, { body = "d", delay = math.huge }, { body = "e", delay = 901 },
    })
    for index, refused in ipairs { false, true, true, true, false } do
      assert.are.equal(refused and "InvalidDelay" or nil, answers[index].code)
    end
    for _, delay in ipairs { -1, 0 / 0, "5", {} } do
      assert.has_error(function() queue:send { { body = "x", delay = delay } } end)
    end
    assert.are.equal(2, assert(queue:counts()).delayed)
  end))

  -- With the default retention of 14 days, what was sent with a longer delay was removed unread.
  it("keeps what was delayed for as long after its delay as its retention says",
    with_queue({ retention = 60 }, function(queue, folder)
    send(queue, { body = "delayed", delay = 3600 }, { body = "old", delay = 3600 })
    -- An hour passes, and for one of them another minute.
    sql(folder, "UPDATE messages SET sent = sent - ?1, born = born - ?1, due = due - ?1, "
      .. "visible_at = visible_at - ?1", 3600000)
    sql(folder, "UPDATE messages SET born = born - 61000, visible_at = 0 WHERE seq = 2")
    assert.are.same({ "delayed" }, receive_bodies(queue))
    assert.are.equal(1, assert(queue:counts()).in_flight)
  end))

  it("offers what was visible first, first", with_queue({}, function(queue)
    send(queue, "1", "2", "3", "4")
    assert.are.same({ "1", "2" }, receive_bodies(queue, 2))
    assert.are.same({ "3", "4" }, receive_bodies(queue, 10))
  end))

  it("is there when it is opened again", task(function(folder)
    local queue = assert(open_queue(url_in(folder)))
    send(queue, "kept")
    queue:close()
    queue:close()
    local again <close> = assert(open_queue(url_in(folder), { create = false }))
    assert.are.same({ "kept" }, receive_bodies(again))
  end))

  it("knows a receipt only while it is the newest one", with_queue({}, function(queue)
    send(queue, "twice")
    local first = receive(queue, 1, 0, 0)[1]
    local second = receive(queue, 1, 1)[1]
    for _, operation in ipairs { "delete", "delay", "extend" } do
      for _, receipt in ipairs { first.receipt, "nonsense" } do
        assert.are.equal("ReceiptHandleIsInvalid", select(3, queue[operation](queue, receipt, 0)))
      end
    end
    assert.is_true(queue:delete(second.receipt))
    for _, operation in ipairs { "delete", "delay", "extend" } do
      assert.are.equal("MessageNotInflight", select(3, queue[operation](queue, second.receipt, 9)))
    end
  end))

  it("never lets an old receipt hit a newer message", with_queue({}, function(queue)
    send(queue, "first")
    local first = receive(queue)[1]
    assert(queue:delete(first.receipt))
    send(queue, "second")
    assert.are.equal("second", receive(queue)[1].body)
    assert.is_nil((queue:delete(first.receipt)))
    assert.are.equal(1, assert(queue:counts()).in_flight)
  end))

  -- Deletes that share a transaction are one statement over a range of numbers where those follow
  -- each other. Two deletes of one message and the number of all of them must not make a range that
  -- another message is in.
  it("deletes several messages at once, and no other between them",
    with_queue({}, function(queue, folder)
    send(queue, "1", "2", "3", "4", "5", "6")
    local first = receive(queue, 6)
    assert(queue:delay(first[5].receipt, 0))
    local again = receive(queue, 6)
    assert.are.equal("5", again[1].body)

    local function deleted(...)
      local tasks, results = { ... }, {}
      for index, receipt in ipairs(tasks) do
        tasks[index] = scheduler.spawn(queue.delete, queue, receipt)
      end
      for index, one in ipairs(tasks) do
        local _, ok, _, code = one:join()
        results[index] = ok or code
      end
      return results
    end

    local one, three = first[1].receipt, first[3].receipt
    assert.are.same({ true, true, "MessageNotInflight" }, deleted(one, three, one))
    assert.are.equal(4, row(folder, "SELECT count(*) AS n FROM contents").n)
    -- Not in order; 5 was received twice: its first receipt is old.
    assert.are.same({ true, "ReceiptHandleIsInvalid", true },
      deleted(first[6].receipt, first[5].receipt, first[4].receipt))
    assert.are.same({ true, "ReceiptHandleIsInvalid" }, deleted(again[1].receipt, "5.nonsense"))
    assert.are.equal("2", row(folder, "SELECT body FROM contents").body)
    assert.are.same({ true }, deleted(first[2].receipt))
    assert.are.equal(0, assert(queue:counts()).in_flight)
  end))

  it("takes a receive off its count, and the receipt that had it stays old",
    with_queue({}, function(queue)
    send(queue, "held")
    local first = receive(queue)[1]
    assert(queue:delay(first.receipt, 0, true))
    local second = receive(queue)[1]
    assert.are.equal(1, second.receives)
    assert.is_nil((queue:delete(first.receipt)))
    assert.is_true(queue:delete(second.receipt))
  end))

  it("removes what is older than its retention, and tells how much", task(function(folder)
    local told
    local function on_expired(count) told = count end
    local queue <close> = assert(open_queue(url_in(folder), {
      retention = 3600, on_expired = on_expired,
    }))
    send(queue, "old 1", "old 2", "new")
    sql(folder, "UPDATE messages SET born = born - 3600001 WHERE seq < 3")
    assert.are.same({ "new" }, receive_bodies(queue, 10))
    scheduler.sleep(0)
    scheduler.sleep(0)
    assert.are.equal(2, told)
    assert.are.same({ visible = 0, delayed = 0, in_flight = 1, dead = 0 }, assert(queue:counts()))
  end))

  it("expires nothing unless told to", with_queue({}, function(queue, folder)
    send(queue, "ancient")
    sql(folder, "UPDATE messages SET sent = 0, born = 0")
    assert.are.same({ "ancient" }, receive_bodies(queue))
  end))

  it("forgets a deduplication id after five minutes", with_queue({}, function(queue, folder)
    local first = send(queue, { body = "x", deduplication = "id" })
    assert.are.equal(first[1].id, send(queue, { body = "x", deduplication = "id" })[1].id)
    sql(folder, "UPDATE deduplications SET expires = expires - 300001")
    assert.are_not.equal(first[1].id, send(queue, { body = "x", deduplication = "id" })[1].id)
    assert.are.equal(2, assert(queue:counts()).visible)
  end))

  describe("keeps dead letters:", function()
    local function kill(queue, ...)
      send(queue, ...)
      for _, message in ipairs(receive(queue, 100, 1, 0)) do
        assert.are.equal(1, message.receives)
      end
      scheduler.sleep(0.01)
      assert.are.same({}, receive(queue, 100))
    end

    it("lists them by pages, oldest first", with_queue({ max_receives = 1 }, function(queue)
      kill(queue, {
        body = "a\0", subject = "s", group = "g", attributes = {
          n = { type = "String", value = "v" },
        },
      })
      kill(queue, "b", "c")
      local page = assert(queue:dead(2))
      assert.are.same({ "a\0", "b" }, bodies(page))
      assert.are.same({ "c" }, bodies(assert(queue:dead(2, page[2]))))
      assert.are.same({}, assert(queue:dead(2, assert(queue:dead(2, page[2]))[1])))
      local letter = page[1]
      assert.are.same({ "s", "g", 1, { n = { type = "String", value = "v" } } },
        { letter.subject, letter.group, letter.receives, letter.attributes })
      assert.is_true(letter.died >= letter.sent)
      assert.are.equal(3, assert(queue:counts()).dead)
    end))

    it("replays one or all of them, with their ids",
      with_queue({ max_receives = 1 }, function(queue)
      local ids = {}
      for _, body in ipairs { "a", "b", "c" } do
        kill(queue, {
          body = body, subject = "s", attributes = { n = { type = "String", value = "v" } },
        })
      end
      for index, letter in ipairs(assert(queue:dead(10))) do ids[index] = letter.id end
      assert.are.equal(1, assert(queue:replay { ids[2], "unknown" }))
      local message = receive(queue, 10)[1]
      assert.are.same({ "b", ids[2], 1, "s", "v" },
        { message.body, message.id, message.receives, message.subject, message.attributes.n.value })
      assert.are.equal(2, assert(queue:replay()))
      assert.are.same({ "a", "c" }, receive_bodies(queue, 10))
      assert.are.equal(0, assert(queue:replay()))
      assert.are.same({ visible = 0, delayed = 0, in_flight = 3, dead = 0 }, assert(queue:counts()))
    end))

    it("purges one or all of them", with_queue({ max_receives = 1 }, function(queue)
      kill(queue, "a", "b", "c")
      assert.are.equal(1, assert(queue:purge_dead { assert(queue:dead(1))[1].id }))
      assert.are.same({ "b", "c" }, bodies(assert(queue:dead(10))))
      assert.are.equal(2, assert(queue:purge_dead()))
      assert.are.equal(0, assert(queue:counts()).dead)
    end))

    it("also when there are more than one transaction moves",
      with_queue({ max_receives = 1 }, function(queue, folder)
      local messages = {}
      for index = 1, 1000 do messages[index] = { body = tostring(index) } end
      assert(queue:send(messages))
      sql(folder, "UPDATE messages SET receives = 1")
      send(queue, "alive")
      assert.are.same({ "alive" }, receive_bodies(queue, 10, 5))
      assert.are.equal(1000, assert(queue:counts()).dead)
      assert.are.equal(1000, assert(queue:replay()))
      assert.are.equal(1000, assert(queue:counts()).visible)
    end))
  end)

  describe("keeps groups in order:", function()
    it("a head that backs off holds up its group, and no other", with_queue({}, function(queue)
      send(queue, { body = "a1", group = "a" }, { body = "a2", group = "a" },
        { body = "b1", group = "b" }, "free")
      local messages = receive(queue, 10)
      assert.are.same({ "a1", "b1", "free" }, bodies(messages))
      assert.is_string(messages[1].sequence)
      assert(queue:delay(messages[1].receipt, 2))
      assert.are.same({}, receive(queue, 10))
      local again = receive(queue, 10, 10)
      assert.are.same({ "a1" }, bodies(again))
      assert(queue:delete(again[1].receipt))
      assert.are.same({ "a2" }, receive_bodies(queue, 10))
    end))

    it("a delayed head holds up its group too, a delayed follower waits its own time",
      with_queue({}, function(queue)
      local started = scheduler.now()
      send(queue, { body = "1", group = "g", delay = 0.1 },
      { body = "2", group = "g", delay = 0.4 },
        { body = "3", group = "g" })
      for index = 1, 3 do
        local message = receive(queue, 10, 10)[1]
        assert.are.equal(tostring(index), message.body)
        if index == 2 then assert.is_true(scheduler.now() - started > 0.3) end
        assert(queue:delete(message.receipt))
      end
    end))

    it("moves up when the head is dead or expired",
      with_queue({ max_receives = 1, retention = 3600 }, function(queue, folder)
      send(queue, { body = "dead", group = "g" }, { body = "old", group = "g" },
        { body = "next", group = "g" })
      sql(folder, "UPDATE messages SET receives = 1 WHERE seq = 1")
      sql(folder, "UPDATE messages SET born = born - 3600001 WHERE seq = 2")
      assert.are.same({ "next" }, receive_bodies(queue, 10))
    end))

    it("puts a replayed message behind the others", with_queue({ max_receives = 1 }, function(queue)
      send(queue, { body = "1", group = "g" }, { body = "2", group = "g" })
      receive(queue, 1, 0, 0)
      scheduler.sleep(0.01)
      local second = receive(queue, 10)
      assert.are.same({ "2" }, bodies(second))
      assert.are.equal(1, assert(queue:replay()))
      assert.are.same({}, receive(queue, 10))
      assert(queue:delete(second[1].receipt))
      assert.are.same({ "1" }, receive_bodies(queue, 10))
    end))
  end)

  describe("a receive that waits", function()
    it("is woken by a send of the same process, whichever receives wait",
      with_queue({}, function(queue)
      local tasks = {}
      for index = 1, 3 do tasks[index] = scheduler.spawn(receive_bodies, queue, 1, 60) end
      scheduler.sleep(0.01)
      send(queue, "1", "2", "3")
      local got = {}
      for _, each in ipairs(tasks) do
        local ok, list = each:join(PATIENCE)
        assert.is_true(ok)
        got[#got + 1] = list[1]
      end
      table.sort(got)
      assert.are.same({ "1", "2", "3" }, got)
    end))

    it("is woken by a message whose time has come", with_queue({}, function(queue)
      send(queue, { body = "soon", delay = 0.2 })
      assert.are.same({ "soon" }, receive_bodies(queue, 1, 60))
    end))

    it("sees what another process sends, and takes hardly any time of the processor",
      with_queue({}, function(queue, folder)
      local pipe = start([[
        local scheduler, queues = require "watchbot.scheduler", require "watchbot.queue"
        scheduler.run(function()
          local queue = assert(queues.open(arg[1]))
          scheduler.sleep(1)
          print(scheduler.time())
          assert(queue:send { { body = "from afar" } })
          queue:close()
        end)]], url_in(folder))
      local before, started = os.clock(), scheduler.now()
      local message = receive(queue, 1, 60)[1]
      local used, arrived = (os.clock() - before) / (scheduler.now() - started), scheduler.time()
      assert.are.equal("from afar", message.body)
      local sent = tonumber((output_of(pipe):gsub("%s", "")))
      -- On a quiet machine it is 50 ms and half a percent; a loop that never sleeps would be at 100
      -- %.
      assert.is_true(arrived - sent < 20000, arrived - sent)
      assert.is_true(used < 0.2, used)
    end))

    it("leaves nothing in flight when it is cancelled", with_queue({}, function(queue)
      -- Cancelled in each of the turns that a receive takes, while messages come in.
      for turns = 0, 6 do
        send(queue, "precious")
        local task_ = scheduler.spawn(queue.receive, queue, 10, 60)
        for _ = 1, turns do scheduler.sleep(0) end
        task_:cancel "enough"
        local ok, messages = task_:join(PATIENCE)
        if ok then assert(queue:delay(messages[1].receipt, 0, true)) end
        local counts = assert(queue:counts())
        assert.are.same({ 1, 0 }, { counts.visible, counts.in_flight },
          "cancelled after turn " .. turns)
        local message = receive(queue)[1]
        assert.are.equal(1, message.receives)
        assert(queue:delete(message.receipt))
      end
    end))

    it("is answered when the queue is closed", task(function(folder)
      local queue = assert(open_queue(url_in(folder)))
      local waiting = scheduler.spawn(queue.receive, queue, 1, 60)
      scheduler.sleep(0.01)
      queue:close()
      local _, messages, _, code = waiting:join(PATIENCE)
      assert.is_nil(messages)
      assert.are.equal("Closed", code)
      assert.are.equal("Closed", select(3, queue:send { { body = "x" } }))
      assert.are.equal("Closed", select(3, queue:counts()))
      assert.are.equal("Closed", select(3, queue:delete "1.1"))
    end))
  end)

  -- A clock that was ahead when messages were sent, and was set right, hid them until the wrong
  -- time came.
  it("does not hide messages when the clock is set back", with_queue({}, function(queue, folder)
    send(queue, { body = "sent", deduplication = "id" }, { body = "delayed", delay = 30 },
    { body = "1", group = "g" },
      { body = "2", group = "g" })
    local ahead = 10 * 365 * 86400 * 1000
    sql(folder, "UPDATE state SET clock = clock + ?", ahead)
    sql(folder, "UPDATE messages SET visible_at = visible_at + ?1, due = due + ?1, sent = sent + "
      .. "?1", ahead)
    sql(folder, "UPDATE deduplications SET expires = expires + ?", ahead)
    local messages = receive(queue, 10)
    table.sort(messages, function(a, b) return a.body < b.body end)
    assert.are.same({ "1", "sent" }, bodies(messages))
    local delayed = row(folder, "SELECT visible_at FROM messages WHERE receives = 0 AND "
      .. "visible_at IS NOT NULL").visible_at
    assert.is_true(delayed - scheduler.time() < 31000, "a delay stays as long as it was")
    assert.is_true(row(folder, "SELECT expires FROM deduplications").expires - scheduler.time()
      < 301000)
    assert(queue:delete(messages[1].receipt))
    assert.are.same({ "2" }, receive_bodies(queue, 10))
  end))

  -- A message that was sent before the clock of a small machine was set was too old as soon as it
  -- was.
  it("goes by the latest time it has seen to tell how old a message is",
    with_queue({ retention = 60 }, function(queue, folder)
    send(queue, "before")
    local hour = 3600 * 1000
    -- The clock stands an hour behind what it was, then it is set right.
    sql(folder, "UPDATE state SET clock = clock + ?1, latest = latest + ?1", hour)
    send(queue, "behind")
    local message = row(folder, "SELECT sent, born FROM messages ORDER BY seq DESC LIMIT 1")
    assert.is_true(message.born - message.sent > hour - 60000)
    sql(folder, "UPDATE messages SET sent = sent - ?1, born = born - ?1", hour)
    assert.are.same({ "behind" }, receive_bodies(queue, 10))
  end))

  it("finds everything in an index, however much there is",
    with_queue({ max_receives = 2, retention = 60 }, function(queue)
    for _ = 1, 2 do
      send(queue, { body = "a", group = "g", deduplication = "a" }, { body = "b", group = "g" },
        { body = "c", delay = 60 })
      local messages = receive(queue, 10)
      assert(queue:delay(messages[1].receipt, 0))
      assert(queue:delay(receive(queue, 10)[1].receipt, 0))
      assert(queue:delete(receive(queue, 10)[1].receipt))
      queue:delete "1.1"
      assert(queue:counts() and queue:dead(10) and queue:replay() and queue:replay { "x" }
        and queue:purge_dead())
    end
    local looked = 0
    for _, database in ipairs { queue.sending.database, queue.settling.database } do
      for statement in pairs(database.statements) do
        if not statement:match "^PRAGMA" and not statement:match "sqlite_master" then
          local explain = assert(database.connection:prepare("EXPLAIN QUERY PLAN " .. statement))
          local _, parameters = (statement .. " "):gsub("%?%D", "")
          for number in statement:gmatch "%?(%d+)" do
            parameters = math.max(parameters, tonumber(number))
          end
          for _, step in ipairs(explain:all(table.unpack({}, 1, parameters))) do
            local detail = step.detail
            local bad = detail:match "^SCAN %a+$" and not detail:match "state"
              and not detail:match "CONSTANT" or
              detail:match "TEMP B%-TREE"
            assert.is_falsy(bad, statement .. "\n" .. detail)
            looked = looked + 1
          end
        end
      end
    end
    assert.is_true(looked > 10)
  end))

  describe("gives back space:", function()
    it("the file and its WAL do not grow forever", with_queue({}, function(queue, folder)
      local large = ("x"):rep(1 << 20)
      local function size(suffix)
        local file <close> = io.open(folder .. "/jobs.db" .. suffix)
        return file and file:seek "end" or 0
      end
      local messages = {}
      for index = 1, 40 do messages[index] = { body = large } end
      assert(queue:send(messages))
      assert.is_true(size "" + size "-wal" > 40 << 20)
      local left = 40
      while left > 0 do
        local receipts = {}
        for index, message in ipairs(receive(queue, 100)) do receipts[index] = message.receipt end
        assert.is_true(#receipts > 0)
        for _, receipt in ipairs(receipts) do assert(queue:delete(receipt)) end
        left = left - #receipts
      end
      -- The quiet moments of an empty queue give the pages back bit by bit.
      for _ = 1, 40 do receive(queue) end
      send(queue, "one more")
      assert.is_true(row(folder, "SELECT page_count FROM pragma_page_count").page_count * 4096
        < 24 << 20)
      assert.is_true(size "-wal" <= 17 << 20, size "-wal")
    end))
  end)
end)

describe("a queue file", function()
  it("is private", with_queue({}, function(queue, folder)
    send(queue, "secret")
    local pipe <close> = io.popen("stat -c %a " .. folder .. "/jobs.db*")
    for mode in pipe:lines() do assert.are.equal("600", mode) end
  end))

  it("in a folder that is not there is an error, and so is one that is to be there and is not",
    task(function(folder)
    local queue, err, code = open_queue("sqlite:" .. folder .. "/nowhere/jobs.db")
    assert.is_nil(queue)
    assert.are.equal("ENOENT", code)
    assert.matches("nowhere/jobs.db': no such file or directory", err)
    queue, err, code = open_queue(url_in(folder), { create = false })
    assert.is_nil(queue)
    assert.are.equal("SQLITE_CANTOPEN", code)
    assert.matches("jobs.db': unable to open database file: no such file or directory", err)
    assert.is_nil(io.open(folder .. "/jobs.db"))
    queue, err = open_queue("sqlite:/dev/null/jobs.db")
    assert.is_nil(queue)
    assert.matches("/dev/null/jobs.db': not a directory", err)
  end))

  it("may be an empty file", task(function(folder)
    io.open(folder .. "/jobs.db", "w"):close()
    local queue <close> = assert(open_queue(url_in(folder), { create = false }))
    send(queue, "x")
    assert.are.same({ "x" }, receive_bodies(queue))
  end))

  it("that is no database, or somebody else's, is left alone", task(function(folder)
    local text = ("this is no database\n"):rep(100)
    local file = io.open(folder .. "/jobs.db", "w")
    file:write(text)
    file:close()
    local queue, err, code = open_queue(url_in(folder))
    assert.is_nil(queue)
    assert.are.equal("SQLITE_NOTADB", code)
    assert.matches("jobs.db': file is not a database", err)
    assert.are.equal(text, io.open(folder .. "/jobs.db"):read "a")
    os.remove(folder .. "/jobs.db")
    local database = assert(sqlite.open(folder .. "/jobs.db", { create = true }))
    assert(database:execute "CREATE TABLE precious (x)")
    database:close()
    queue, err, code = open_queue(url_in(folder))
    assert.is_nil(queue)
    assert.are.equal("NotAQueue", code)
    assert.matches("a database, but not a watchbot queue", err)
  end))

  it("of a newer watchbot is left alone", task(function(folder)
    assert(open_queue(url_in(folder))):close()
    sql(folder, "PRAGMA user_version = 1000")
    local queue, err, code = open_queue(url_in(folder))
    assert.is_nil(queue)
    assert.are.equal("NewerFormat", code)
    assert.matches("made by a newer watchbot %(format 1000", err)
  end))

  it("that is locked is waited for, and then that is said; afterwards all goes on",
    task(function(folder)
    local queue <close> = assert(open_queue(url_in(folder), { patience = 0.2 }))
    send(queue, "patient")
    local locker = assert(sqlite.open(folder .. "/jobs.db"))
    assert(locker:execute "BEGIN IMMEDIATE")
    local messages, err, code = queue:receive(1, 0)
    assert.is_nil(messages)
    assert.are.equal("SQLITE_BUSY", code)
    assert.matches("jobs.db': locked by another process for 0.2 s", err)
    assert.are.equal("SQLITE_BUSY", select(3, queue:send { { body = "x" } }))
    local patient <close> = assert(open_queue(url_in(folder), { patience = 60 }))
    local waiting = scheduler.spawn(receive_bodies, patient, 1, 60)
    scheduler.sleep(0.05)
    assert(locker:execute "ROLLBACK")
    locker:close()
    assert.are.same({ true, { "patient" } }, { waiting:join(PATIENCE) })
    send(queue, "goes on")
    assert.are.same({ "goes on" }, receive_bodies(queue))
  end))

  it("that another process keeps for itself is waited for when it is opened", task(function(folder)
    assert(open_queue(url_in(folder))):close()
    local locker = assert(sqlite.open(folder .. "/jobs.db"))
    assert(locker:first "PRAGMA locking_mode = EXCLUSIVE")
    assert(locker:execute "BEGIN EXCLUSIVE")
    local queue, err, code = open_queue(url_in(folder), { patience = 0.1 })
    assert.is_nil(queue)
    assert.are.equal("SQLITE_BUSY", code)
    assert.matches("locked by another process for 0.1 s", err)
    local opening = scheduler.spawn(open_queue, url_in(folder))
    scheduler.sleep(0.05)
    locker:close()
    local ok, opened = opening:join(PATIENCE)
    assert.is_true(ok)
    opened:close()
  end))

  it("that has reached its limit refuses what is sent, and keeps what it has",
    with_queue({}, function(queue)
    send(queue, "early")
    assert(queue.sending.database:first "PRAGMA max_page_count = 64")
    local answers, err, code = queue:send { { body = ("x"):rep(500000) } }
    assert.is_nil(answers)
    assert.are.equal("SQLITE_FULL", code)
    assert.matches("database or disk is full", err)
    local messages = receive(queue, 10)
    assert.are.same({ "early" }, bodies(messages))
    assert.is_true(queue:delete(messages[1].receipt))
    send(queue, "late")
    assert.are.same({ "late" }, receive_bodies(queue))
  end))

  -- A watcher went on with a file that an `rm` had taken away: it heard of nothing any more, and
  -- what it sent was lost.
  it("that is taken away is an error for all, also for a receive that waits",
    with_queue({}, function(queue, folder)
    send(queue, "lost")
    local waiting = scheduler.spawn(function()
      receive(queue)
      return queue:receive(1, 60)
    end)
    scheduler.sleep(0.1)
    assert(os.rename(folder .. "/jobs.db", folder .. "/old.db"))
    local ok, messages, err, code = waiting:join(PATIENCE)
    assert.is_true(ok)
    assert.is_nil(messages)
    assert.are.equal("FileMoved", code)
    assert.matches("jobs.db': the file was moved, deleted or replaced", err)
    assert.are.equal("FileMoved", select(3, queue:send { { body = "x" } }))
    assert(os.rename(folder .. "/old.db", folder .. "/jobs.db"))
    send(queue, "found")
    assert.are.same({ "found" }, receive_bodies(queue))
  end))

  -- The watcher went on with what was in memory, silently; the next program that opened the
  -- file had SQLite delete the WAL, which had everything.
  it("that another program truncates is reported, and nothing more is lost", task(function(folder)
    local queue = assert(open_queue(url_in(folder)))
    send(queue, "one", "two", "three")
    local waiting = scheduler.spawn(function()
      local messages = receive(queue, 3)
      return messages[1].receipt, queue:receive(1, 60)
    end)
    scheduler.sleep(0.1)
    assert(io.open(folder .. "/jobs.db", "w")):close()
    local ok, receipt, messages, err, code = waiting:join(PATIENCE)
    assert.is_true(ok)
    assert.is_nil(messages)
    assert.are.equal("FileEmptied", code)
    assert.matches("jobs.db': another program truncated the file to 0 bytes", err)
    assert.are.equal("FileEmptied", select(3, queue:send { { body = "x" } }))
    assert.are.equal("FileEmptied", select(3, queue:delete(receipt)))
    local second, _, why = open_queue(url_in(folder))
    assert.are.same({ nil, "FileEmptied" }, { second, why })
    queue:close()
    local saved = assert(require "watchbot.queue.sqlite.salvage".run(folder .. "/jobs.db",
      "sqlite:" .. folder .. "/saved.db"))
    assert.are.equal(3, saved.messages)
  end))

  it("that is damaged is an error, not a crash", task(function(folder)
    local queue = assert(open_queue(url_in(folder)))
    local messages = {}
    for index = 1, 500 do messages[index] = { body = ("x"):rep(index) } end
    assert(queue:send(messages))
    queue:close()
    local file = assert(io.open(folder .. "/jobs.db", "r+b"))
    local size = file:seek "end"
    file:seek("set", 4096)
    file:write(("\xa5"):rep(size - 4096))
    file:close()
    local err, code
    queue, err, code = open_queue(url_in(folder))
    if queue then
      messages, err, code = queue:receive(10, 0)
      assert.is_nil(messages)
      queue:close()
    end
    assert.are.equal("SQLITE_CORRUPT", code)
    assert.matches("jobs.db': database disk image is malformed; 'watchbot queue salvage'", err)
  end))

  -- A mount that only this test sees; needs root, and a kernel that lets it.
  local function with_mount(mount, script)
    return task(function(folder)
      if not os.execute "unshare -m true 2>/dev/null" then
        return pending "needs the right to mount, which only root has"
      end
      assert(open_queue(url_in(folder))):close()
      local file <close> = io.open(folder .. "/script.lua", "w")
      file:write(script)
      file:close()
      local command =
        ("export ASAN_OPTIONS=detect_leaks=0 LUA_PATH='%s' LUA_CPATH='%s'; script=$(cat "
          .. "%s/script.lua); %s; "
        .. "echo \"$script\" | %s %s %s 2>&1"):format(package.path, package.cpath, folder,
          mount:gsub("FOLDER", folder),
        arg[-1], arg[-1]:match "/lua$" and "/dev/stdin" or "-", url_in(folder))
      local pipe = io.popen(("unshare -m sh -e -c %s 2>&1"):format("'" .. command:gsub("'", "'\\''")
        .. "'"))
      assert.are.equal("ok\n", output_of(pipe))
    end)
  end

  it("on a full disk refuses what is sent, keeps what it has, and goes on when there is room",
    with_mount(
    "mount -t tmpfs -o size=1m none FOLDER", [[
      local scheduler, queues = require "watchbot.scheduler", require "watchbot.queue"
      scheduler.run(function()
        local queue = assert(queues.open(arg[1]))
        assert(queue:send { { body = "early" }, { body = "later" } })
        local filler = io.open(arg[1]:match ":(.*)/" .. "/filler", "w")
        repeat until not (filler:write(("x"):rep(4096)) and filler:flush())
        filler:close()
        local answers, err, code = queue:send { { body = ("x"):rep(300000) } }
        assert(not answers and (code == "SQLITE_FULL" or code == "SQLITE_IOERR"), code)
        assert(err:match "full" or err:match "no space left", err)
        local receiving, receive_err, receive_code = queue:receive(10, 0)
        assert(receiving or receive_code == "SQLITE_FULL" or receive_code == "SQLITE_IOERR",
          receive_err)
        os.remove(arg[1]:match ":(.*)/" .. "/filler")
        local messages = receiving or assert(queue:receive(10, 5))
        assert(#messages == 2 and messages[1].body == "early" and messages[1].receives == 1)
        assert(queue:delete(messages[1].receipt) and queue:delete(messages[2].receipt))
        assert(queue:send { { body = ("x"):rep(300000) } })
        assert(#assert(queue:receive(1, 5))[1].body == 300000)
        queue:close()
        print "ok"
      end)]]))

  it("in a folder that cannot be written says so", with_mount(
    "mount --bind FOLDER FOLDER; mount -o remount,ro,bind FOLDER", [[
      local scheduler, queues = require "watchbot.scheduler", require "watchbot.queue"
      scheduler.run(function()
        local queue, err, code = queues.open(arg[1])
        assert(not queue and code == "SQLITE_READONLY", code)
        assert(err:match "jobs.db': cannot be written: read%-only file system", err)
        queue, err, code = queues.open(arg[1] .. "2")
        assert(not queue and code == "EROFS", code)
        assert(err:match "could not create '.*jobs.db2': read%-only file system", err)
        print "ok"
      end)]]))
end)

describe("several processes on one file", function()
  local WORKER = [[
    local scheduler, queues = require "watchbot.scheduler", require "watchbot.queue"
    local cjson = require "cjson"
    local hands = require "watchbot.lib.hands"
    local url, name, messages = arg[1], arg[2], tonumber(arg[3])
    scheduler.run(function()
      local queue <close> = assert(queues.open(url, { patience = 100 }))
      local function delete(receipt) return queue:delete(receipt) end
      local sender = scheduler.spawn(function()
        for first = 1, messages, 20 do
          local batch = {}
          for index = first, math.min(first + 19, messages) do
            batch[#batch + 1] = {
              body = name .. "." .. index, group = index % 5 == 0 and "g" .. index % 7 or nil }
          end
          for _, answer in ipairs(assert(queue:send(batch))) do assert(answer.id) end
          scheduler.sleep(0)
        end
      end)
      local done, empty, order = {}, 0, assert(io.open(arg[4], "a"))
      while empty < 5 do
        local receipts = {}
        for index, message in ipairs(assert(queue:receive(16, 0.2, 600))) do
          assert(message.receives == 1, "a message came twice")
          if message.group then
            order:write(message.group, " ", message.body, "\n")
            order:flush()
          end
          receipts[index] = message.receipt
          done[#done + 1] = message.body
        end
        for _, answer in ipairs(hands(receipts, 16, delete)) do assert(answer[1] == true) end
        empty = sender:ended() and #receipts == 0 and empty + 1 or 0
      end
      assert(sender:join())
      print(cjson.encode(done))
    end)]]

  -- Of each sender, the messages of a group were received in the order they were sent, by
  -- whichever watcher.
  local function check_order(path)
    local last, lines = {}, 0
    for group, sender, index in io.open(path):read "a":gmatch "(%S+) (%w+)%.(%d+)\n" do
      local stream = group .. sender
      assert.is_true(tonumber(index) > (last[stream] or 0), stream)
      last[stream], lines = tonumber(index), lines + 1
    end
    return lines
  end

  it("lose nothing, double nothing, and keep groups in order", task(function(folder)
    local WORKERS, MESSAGES = 4, 1500
    local pipes, seen, count = {}, {}, 0
    for index = 1, WORKERS do
      pipes[index] = start(WORKER, url_in(folder), "w" .. index, MESSAGES, folder .. "/order")
    end
    for _, pipe in ipairs(pipes) do
      local text = output_of(pipe)
      local ok, list = pcall(cjson.decode, text)
      assert.is_true(ok, text)
      for _, body in ipairs(list) do
        assert.is_nil(seen[body], body)
        seen[body], count = true, count + 1
      end
    end
    assert.are.equal(WORKERS * MESSAGES, count)
    assert.are.equal(WORKERS * MESSAGES // 5, check_order(folder .. "/order"))
    local queue <close> = assert(open_queue(url_in(folder)))
    assert.are.same({ visible = 0, delayed = 0, in_flight = 0, dead = 0 }, assert(queue:counts()))
    assert.are.equal("ok", row(folder, "PRAGMA integrity_check").integrity_check)
  end))

  it("may make the file at the same moment", task(function(folder)
    local pipes = {}
    for index = 1, 8 do
      pipes[index] = start([[
        local scheduler, queues = require "watchbot.scheduler", require "watchbot.queue"
        scheduler.run(function()
          local queue <close> = assert(queues.open(arg[1]))
          assert(queue:send { { body = "x" } })
        end)]], url_in(folder))
    end
    for _, pipe in ipairs(pipes) do assert.are.equal("", output_of(pipe)) end
    local queue <close> = assert(open_queue(url_in(folder)))
    assert.are.equal(8, assert(queue:counts()).visible)
  end))

  it("may be killed at any moment", task(function(folder)
    local queue <close> = assert(open_queue(url_in(folder)))
    local messages = {}
    for index = 1, 2000 do messages[index] = { body = tostring(index) } end
    assert(queue:send(messages))
    local done, seed = io.open(folder .. "/done", "w"), os.time()
    done:close()
    math.randomseed(seed)
    -- Writes what it has received before it deletes it, as a job's effect would be; its visibility
    -- is over at once.
    local victim = [[
      local scheduler, queues = require "watchbot.scheduler", require "watchbot.queue"
      scheduler.run(function()
        local queue = assert(queues.open(arg[1], { max_receives = 1000 }))
        local file = io.open(arg[2], "a")
        while true do
          local receipts = {}
          local messages = assert(queue:receive(10, 0, 0.05))
          local counts = assert(queue:counts())
          if counts.visible + counts.in_flight == 0 then return end
          for index, message in ipairs(messages) do
            file:write(message.body, "\n")
            receipts[index] = message.receipt
          end
          file:flush()
          for _, receipt in ipairs(receipts) do assert(queue:delete(receipt)) end
        end
      end)]]
    for _ = 1, 10 do
      local pipe = start("io.stdout:write(io.open('/proc/self/stat'):read('n'), '\\n') "
        .. "io.stdout:flush()\n" .. victim,
        url_in(folder), folder .. "/done")
      local pid = pipe:read "l"
      scheduler.sleep(math.random() * 0.1)
      os.execute("kill -9 " .. pid .. " 2>/dev/null")
      pipe:close()
    end
    output_of(start(victim, url_in(folder), folder .. "/done"))
    local seen = {}
    for line in io.lines(folder .. "/done") do seen[line] = true end
    for index = 1, 2000 do
      assert.is_true(seen[tostring(index)], ("%d is lost, seed %d"):format(index, seed))
    end
    assert.are.same({ visible = 0, delayed = 0, in_flight = 0, dead = 0 }, assert(queue:counts()))
  end))
end)
