-- What a watcher notes of each attempt: with real programs and handlers, watchers that are killed,
-- and files that are full.

local jobs = require "watchbot.queue.sqlite.jobs"
local open = require "watchbot.queue".open
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

local task = workshop.task

local POLICY = [[
local policy = require "watchbot".policy {
  queue = "sqlite:jobs.db", history = 3600, %s }
function policy:backoff() return 0 end
return policy]]

-- Runs a policy on these messages until the queue is empty; => the file's queue, the log
local function drain(folder, fields, messages)
  local queue = assert(open(folder:url()))
  assert(queue:send(messages))
  folder:write("policy.lua", POLICY:format(fields))
  local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
  assert(exit.code == 0, log)
  return queue, log
end

local function attempts_of(queue, state)
  local all = {}
  for _, row in ipairs(assert(jobs.list(queue, { states = state and { state } })).rows) do
    for _, one in ipairs(assert(jobs.show(queue, row.id)).attempts) do all[#all + 1] = one end
  end
  return all
end

local function outcomes(attempts)
  local all = {}
  for index, one in ipairs(attempts) do all[index] = one.outcome end
  return all
end

describe("the history of a watcher", function()
  it("has what is known of a process", task(function(folder)
    local before = scheduler.time()
    local queue <close> = drain(folder, [[command = "echo out; echo err >&2; kill -9 $$",
      max_receives = 1]], { { body = "one", subject = "the subject", group = "g", attributes = {
        traceparent = { type = "String",
          value = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } } } })
    local one = attempts_of(queue)[1]
    assert.are.same({ "the subject", "g", 1, "retry", "KILL", "killed by signal KILL" },
      { one.subject, one.group, one.receives, one.outcome, one.signal, one.reason })
    assert.are.equal("0af7651916cd43dd8448eb211c80319c", one.trace)
    assert.matches("out\n", one.output)
    assert.matches("err\n", one.output)
    assert.is_true(one.started >= before and one.ended >= one.started)
    assert.is_true(one.wait >= 0 and one.duration >= 0 and one.cpu >= 0)
    assert.is_true(one.sent >= before)
    assert.are.equal("dead", assert(jobs.show(queue, one.id)).state)
  end))

  it("has a row for each attempt", task(function(folder)
    local queue <close> = drain(folder, [[max_receives = 9, handler = function(job)
      if job.receives < 3 then error("not yet", 0) end
      return job.message end]], { { body = "complete" }, { body = "reject" }, { body = "bury" } })
    local function shown(body)
      local id = assert(jobs.list(queue, { states = { "done", "failed", "dead" } })).rows
      for _, row in ipairs(id) do
        local attempts = assert(jobs.show(queue, row.id)).attempts
        if attempts[3].outcome == body then return attempts end
      end
    end
    for _, body in ipairs { "complete", "reject", "bury" } do
      local attempts = shown(body)
      assert.are.same({ "retry", "retry", body }, outcomes(attempts))
      assert.are.same({ 1, 2, 3 },
        { attempts[1].receives, attempts[2].receives, attempts[3].receives })
      assert.matches("not yet", attempts[1].reason)
    end
  end))

  -- A success writes nothing of what it printed, unless that is asked for.
  it("keeps the output of failures, or of all", task(function(folder)
    local queue <close> = drain(folder, [[command = "echo printed; exit $Message"]],
      { { body = "0" }, { body = "3" } })
    assert.is_nil(attempts_of(queue, "done")[1].output)
    assert.are.equal("printed\n", attempts_of(queue, "failed")[1].output)
    local other <close> = drain(folder, [[history_output = "all",
      command = "echo printed; exit $Message"]], { { body = "0" } })
    assert.are.equal("printed\n", attempts_of(other, "done")[1].output)
  end))

  it("keeps what a handler has printed, the newest 4 KiB", task(function(folder)
    local queue <close> = drain(folder, [[handler = function(job)
      print "a line"
      if job.message == "long" then
        for index = 1, 400 do print(("\u{fc}"):rep(20) .. index) end
      end
      io.write "the end"
      return "reject" end, workers = 4]], { { body = "short" }, { body = "long" } })
    local all = attempts_of(queue, "failed")
    table.sort(all, function(a, b) return #a.output < #b.output end)
    assert.are.equal("a line\nthe end\n", all[1].output)
    assert.is_true(#all[2].output <= 4096 and #all[2].output > 4000)
    assert.matches("400\nthe end\n$", all[2].output)
    assert.is_truthy(utf8.len(all[2].output))
  end))

  it("is off unless it is asked for, and then writes nothing", task(function(folder)
    local queue <close> = assert(open(folder:url()))
    assert(queue:send { { body = "one" } })
    local exit = workshop.run(folder,
      { "run", "--drain", "--queue", folder:url(), "--", "true" })
    assert.are.equal(0, exit.code)
    assert.are.equal(0, assert(queue.reader:first "SELECT count(*) AS n FROM attempts").n)
    assert.are.equal(0, assert(jobs.counts(queue)).history)
  end))

  -- What people want to keep out of the log must not be in a file for a week.
  it("has no subject where messages are not logged, and no password in a reason",
    task(function(folder)
    local queue <close> = drain(folder, [[log_messages = false, handler = function()
      return 3, "GET https://user:secret@example.com/ failed" end]],
      { { body = "x", subject = "private" } })
    local one = attempts_of(queue)[1]
    assert.is_nil(one.subject)
    assert.is_nil(one.reason:find "secret")
    assert.matches("failed", one.reason)
  end))

  it("goes on over a watcher that is killed", task(function(folder)
    local queue <close> = assert(open(folder:url()))
    local messages = {}
    for index = 1, 300 do messages[index] = { body = tostring(index) } end
    assert(queue:send(messages))
    folder:write("policy.lua", POLICY:format [[command = "sleep 0.01", workers = 8,
      visibility = 3]])
    for _ = 1, 5 do
      local child = workshop.start(folder, { "run", "policy.lua" })
      scheduler.sleep(0.4)
      child:kill "KILL"
      child:wait()
    end
    local exit = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code)
    local done, cursor = {}, nil
    repeat
      local page = assert(jobs.list(queue, { states = { "done" }, cursor = cursor, limit = 77 }))
      for _, row in ipairs(page.rows) do done[row.id] = (done[row.id] or 0) + 1 end
      cursor = page.next
    until not cursor
    local count = 0
    for _, times in pairs(done) do
      assert.are.equal(1, times, "a message that was deleted was completed once")
      count = count + 1
    end
    assert.are.equal(300, count)
    -- Those of the killed watchers are there as well, as interrupted.
    assert.are.equal(300, assert(queue.reader:first
      "SELECT count(*) AS n FROM attempts WHERE outcome = 'complete'").n)
    assert.are.equal("ok", assert(queue.reader:first "PRAGMA integrity_check").integrity_check)
  end))
end)

describe("a history that cannot be written", function()
  -- The promise: what is noted of a job must not decide about its message.
  it("lets messages be settled all the same, and says so", task(function(folder)
    local queue = assert(open(folder:url()))
    assert(queue:send { { body = "one" }, { body = "two" }, { body = "three" } })
    queue:close()
    local database = assert(sqlite.open(folder:file "jobs.db"))
    assert(database:execute [[CREATE TRIGGER full BEFORE INSERT ON attempts
      BEGIN SELECT RAISE(ABORT, 'disk I/O error, planted'); END]])
    database:close()
    queue = assert(open(folder:url()))
    folder:write("policy.lua", POLICY:format [[handler = function(job)
      print("ran " .. job.message) end]])
    local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code)
    for _, body in ipairs { "one", "two", "three" } do
      local _, times = log:gsub("ran " .. body, "")
      assert.are.equal(1, times, "each runs once")
    end
    assert.matches('"error":"the history was not written: .-planted', log)
    assert.are.equal(0, assert(queue:traffic()).there)
    queue:close()
  end))

  -- A file that may not grow: there is room for a delete, and none for a row.
  it("lets messages of a full file be settled, each once", task(function(folder)
    local queue <close> = assert(open(folder:url()))
    local lost = 0
    queue:keep_history({ seconds = 3600, rows = 100000 }, function(count, _, code)
      assert.are.equal("SQLITE_FULL", code)
      lost = lost + count
    end)
    for index = 1, 100 do queue:send { { body = tostring(index) } } end
    local database = queue.settling.database
    local pages = assert(database:first "PRAGMA page_count").page_count
    assert(database:first(("PRAGMA max_page_count = %d"):format(pages)))
    local seen = {}
    while true do
      local messages = assert(queue:receive(1, 0, 60))
      if #messages == 0 then break end
      local message = messages[1]
      assert.is_nil(seen[message.body])
      seen[message.body] = true
      assert(queue:delete(message.receipt, {
        id = message.id, receives = 1, outcome = "retry", output = ("x"):rep(4096),
      }))
    end
    assert.are.equal(0, assert(queue:traffic()).there)
    assert.is_true(lost > 0, "some rows found no room")
    local rows = assert(queue.reader:first "SELECT count(*) AS n FROM attempts").n
    assert.are.equal(100, rows + lost)
    assert.are.equal(rows, assert(queue.reader:first "SELECT attempts FROM state").attempts)
  end))

  it("is not in the way of deletes that share its transaction", task(function(folder)
    local queue <close> = assert(open(folder:url()))
    local lost = {}
    queue:keep_history({ seconds = 3600, rows = 100 }, function(count, err, code)
      lost[#lost + 1] = { count = count, err = err, code = code }
    end)
    for index = 1, 20 do queue:send { { body = tostring(index) } } end
    local messages = assert(queue:receive(20, 0, 60))
    assert(queue.settling.database:execute "DROP TABLE attempts")
    local tasks = {}
    for index, message in ipairs(messages) do
      tasks[index] = scheduler.spawn(function()
        local record = index % 2 == 0
          and { id = message.id, receives = 1, outcome = "complete" } or nil
        return queue:delete(message.receipt, record)
      end)
    end
    for _, one in ipairs(tasks) do assert.are.same({ true, true }, { one:join() }) end
    assert.are.equal(0, assert(queue:traffic()).there)
    assert.are.equal(1, #lost)
    assert.matches("no such table", lost[1].err)
    assert.are.equal(10, lost[1].count)
  end))
end)
