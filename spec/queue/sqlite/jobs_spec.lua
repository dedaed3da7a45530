-- Looking at the messages of a queue file: lists by page, one message whole, and numbers.

local cancels = require "watchbot.queue.sqlite.cancels"
local history = require "watchbot.queue.sqlite.history"
local jobs = require "watchbot.queue.sqlite.jobs"
local old_queue = require "support.old_queue"
local open = require "watchbot.queue".open
local scheduler = require "watchbot.scheduler"
local sections = require "watchbot.queue.sqlite.sections"
local workshop = require "support.workshop"

local KEEP = { seconds = 3600, rows = 1000000 }

local function with_queue(body)
  return workshop.task(function(folder)
    local queue <close> = assert(open(folder:url()))
    body(queue, folder)
  end)
end

-- Adds attempts as a watcher does, in a transaction.
local function record(queue, attempts)
  assert(queue.settling:submit(function(transaction, now)
    history.set(transaction, KEEP)
    history.add(transaction, now, attempts)
    return true
  end, true))
end

local function attempt(id, outcome, more)
  local one = { id = id, receives = 1, outcome = outcome, duration = 20 }
  for name, value in pairs(more or {}) do one[name] = value end
  return one
end

local function column(page, name)
  local all = {}
  for index, row in ipairs(page.rows) do all[index] = row[name] or false end
  return all
end

-- All pages of a list.
local function whole(queue, filter)
  local rows, pages = {}, 0
  repeat
    local page = assert(jobs.list(queue, filter))
    table.move(page.rows, 1, #page.rows, #rows + 1, rows)
    filter.cursor, pages = page.next, pages + 1
    assert.is_true(pages < 10000, "the list ends")
  until not page.next
  return rows, pages
end

-- One of each state, and one that failed before: it is in backoff.
local function fill(queue)
  queue:send { { body = "runs" }, { body = "backs off", subject = "retried" } }
  local taken = assert(queue:receive(2, 0, 60))
  assert(queue:delay(taken[2].receipt, 600))
  queue:send { { body = "bad" } }
  local bad = assert(queue:receive(1, 0, 60))[1]
  assert(queue:bury(bad.receipt, bad, "not an image"))
  queue:send {
    { body = "later", delay = 900 }, { body = "urgent", priority = 5 }, { body = "waits" },
    { body = "first", group = "group-7" }, { body = "second", group = "group-7" },
  }
  record(queue, {
    attempt(taken[2].id, "retry", { code = 1, reason = "exit code 1", output = "no such file\n" }),
    attempt("gone", "complete"), attempt("refused", "reject", { code = 3 }),
  })
  return taken
end

describe("the jobs of a queue", function()
  it("are listed by state, with what matters in it", with_queue(function(queue)
    local taken = fill(queue)
    local page = assert(jobs.list(queue))
    assert.is_nil(page.next)
    assert.are.same({
      "running", "waiting", "waiting", "waiting", "waiting", "delayed", "delayed", "dead", "failed",
      "done", "failed",
    }, column(page, "state"))
    assert.are.same({
      "runs", "urgent", "waits", "first", "second", "backs off", "later", "bad", false, false,
      false,
    }, column(page, "message"))
    local runs, second, backs_off = page.rows[1], page.rows[5], page.rows[6]
    assert.is_true(runs.taken >= runs.sent and runs.taken <= scheduler.time())
    assert.is_true(second.behind)
    assert.are.equal("exit code 1", backs_off.reason)
    assert.is_true(backs_off.due > scheduler.time() + 500000)
    assert.are.equal("not an image", page.rows[8].reason)
    assert.are.same({ "refused", 3, "gone" },
      { page.rows[9].id, page.rows[9].code, page.rows[10].id })
    assert.is_true(page.rows[11].has_output)
    assert.are.equal(taken[2].id, page.rows[11].id)
    local counts = assert(jobs.counts(queue))
    assert.are.same({ 1, 4, 2, 1, 3600 },
      { counts.running, counts.waiting, counts.delayed, counts.dead, counts.history })
  end))

  -- An extended lease is still one; a message that was returned uncounted is not running.
  it("run while a watcher has them, and no longer", with_queue(function(queue)
    queue:send { { body = "one" } }
    local message = assert(queue:receive(1, 0, 60))[1]
    local function state() return assert(jobs.list(queue)).rows[1].state end
    assert.are.equal("running", state())
    assert(queue:extend(message.receipt, 120))
    assert.are.equal("running", state())
    assert(queue:delay(message.receipt, 120, true))
    assert.are.equal("delayed", state())
    assert.are.equal("begun", cancels.retry(queue, message.id))
    assert.are.equal("waiting", state())
    assert(queue:receive(1, 0, 60))
    assert.are.equal("running", state())
  end))

  it("are found by their state, a text and a time", with_queue(function(queue)
    fill(queue)
    local function found(filter) return column(assert(jobs.list(queue, filter)), "message") end
    assert.are.same({ "runs" }, found { states = { "running" } })
    assert.are.same({ "backs off", "later" }, found { states = { "delayed" } })
    assert.are.same({ "backs off" }, found { match = "retried" })
    assert.are.same({ "first", "second" }, found { match = "group-7" })
    assert.are.same({}, found { match = "group-7", states = { "delayed" } })
    assert.are.same({}, found { match = "%" })
    assert.are.same({}, found { since = scheduler.time() + 60000 })
    assert.are.equal(11, #found { since = scheduler.time() - 60000 })
    local outputs = assert(jobs.list(queue, { match = "no such file" })).rows
    assert.are.same({ 1, "failed" }, { #outputs, outputs[1].state })
    assert.are.same({ "gone" }, column(assert(jobs.list(queue, { states = { "done" } })), "id"))
    assert.are.equal(2, #assert(jobs.list(queue, { states = { "failed" } })).rows)
    assert.are.equal(3, #assert(jobs.list(queue, { states = { "failed", "done" } })).rows)
  end))

  it("come in pages that have each of them once", with_queue(function(queue)
    fill(queue)
    local all = assert(jobs.list(queue)).rows
    for limit = 1, 12 do
      local rows, pages = whole(queue, { limit = limit })
      assert.are.same(all, rows)
      assert.are.equal(math.max(1, math.ceil(#all / limit)), pages)
    end
    local page, err, code = jobs.list(queue, { cursor = "nowhere:1" })
    assert.are.same({ nil, "Usage" }, { page, code })
    assert.matches("the cursor 'nowhere:1'", err)
  end))

  it("come whole, one by one, with their attempts", with_queue(function(queue)
    local taken = fill(queue)
    local long = ("x"):rep(5000)
    queue:send { { body = long, attributes = { a = { type = "String", value = "1" } } } }
    local row = assert(jobs.list(queue, { match = "xxx" })).rows[1]
    assert.are.same({ 200, 5000 }, { #row.message, row.size })
    local one = assert(jobs.show(queue, row.id))
    assert.are.same({ long, "1", {} }, { one.message, one.attributes.a.value, one.attempts })
    one = assert(jobs.show(queue, taken[2].id))
    assert.are.same({ "delayed", 1, "no such file\n", "retry", 20 }, {
      one.state, #one.attempts, one.attempts[1].output, one.attempts[1].outcome,
      one.attempts[1].duration,
    })
    one = assert(jobs.show(queue, "gone"))
    assert.are.same({ "done", 1 }, { one.state, #one.attempts })
    assert.are.equal("failed", assert(jobs.show(queue, "refused")).state)
    assert.are.equal("dead", assert(jobs.show(queue,
      assert(jobs.list(queue, { states = { "dead" } })).rows[1].id)).state)
    assert.is_false(jobs.show(queue, "never there"))
  end))

  it("are counted by time and outcome", with_queue(function(queue)
    local since = scheduler.time() - 10000
    fill(queue)
    local steps = assert(jobs.activity(queue, since, 60000))
    assert.are.equal(1, #steps)
    assert.are.same({ at = since, count = 3, duration = 60,
      outcomes = { complete = 1, reject = 1, retry = 1 } }, steps[1])
    steps = assert(jobs.activity(queue, scheduler.time() - 10 * 60000, 60000))
    local count = 0
    for _, step in ipairs(steps) do count = count + step.count end
    assert.are.same({ 11, 3 }, { #steps, count })
  end))

  it("are those of a guest in another program's database, too", workshop.task(function(folder)
    local sqlite = require "watchbot.sqlite"
    local app = assert(sqlite.open(folder:file "app.db", { create = true }))
    assert(app:execute "PRAGMA journal_mode = WAL; CREATE TABLE attempts (mine TEXT)")
    app:close()
    local queue <close> = assert(open(folder:url "app.db" .. "?prefix=watchbot_"))
    local taken = fill(queue)
    assert.are.equal(11, #assert(jobs.list(queue)).rows)
    assert.are.equal("retried", assert(jobs.show(queue, taken[2].id)).subject)
    assert.are.equal(1, #assert(jobs.list(queue, { match = "no such file" })).rows)
    assert.are.equal("asked", cancels.cancel(queue, taken[1].id))
    assert.are.same({ 1, {} }, { assert(jobs.counts(queue)).running,
      assert(jobs.watchers(queue)) })
  end))
end)

describe("a file that others have written", function()
  -- One odd value must not keep all other jobs from being seen.
  it("is listed without what is not of its type", with_queue(function(queue)
    local taken = fill(queue)
    for _, damage in ipairs {
      "UPDATE attempts SET receives = 'many', ended = 'x', outcome = x'00', code = 'y', cpu = 0.5",
      "UPDATE messages SET receives = 'many', lease = 'x', sent = 'y', taken = 'z'",
      "UPDATE contents SET subject = 7, attributes = '{'",
      "UPDATE dead SET receives = x'ff', reason = 5, sent = 'z'",
    } do
      assert(queue.sending.database:execute(damage))
      local page = assert(jobs.list(queue))
      for _, row in ipairs(page.rows) do
        assert.are.equal("integer", math.type(row.receives))
        for _, name in ipairs { "sent", "ended", "code", "cpu", "taken" } do
          assert.is_true(row[name] == nil or math.type(row[name]) == "integer")
        end
        assert.is_true(row.subject == nil or type(row.subject) == "string")
      end
      assert(jobs.show(queue, taken[2].id))
    end
  end))

  it("that is too old, and cannot be written, says so", workshop.task(function(folder)
    if not workshop.has_other_user() then return pending "needs another user" end
    old_queue.make(folder:file "jobs.db", 6):close()
    assert(os.execute(("chmod 0755 '%s'; chmod 0444 '%s'"):format(folder.path,
      folder:file "jobs.db")))
    local look = folder:write("look.lua", [[
      local scheduler, queues = require "watchbot.scheduler", require "watchbot.queue"
      scheduler.run(function()
        local queue = assert(queues.open(arg[1], { read_only = true }))
        print(select(2, require "watchbot.queue.sqlite.jobs".list(queue)))
      end)]])
    local pipe <close> = assert(io.popen(("ASAN_OPTIONS=detect_leaks=0 LUA_PATH='%s' "
      .. "LUA_CPATH='%s' setpriv --reuid=65534 --regid=65534 --clear-groups %s %s %s 2>&1"):format(
      package.path, package.cpath, arg[-1], look, folder:url())))
    assert.matches("was made by an older watchbot, and cannot be written", pipe:read "a")
  end))
end)

-- What EXPLAIN QUERY PLAN says of a statement.
local function plan_of(queue, sql, values)
  local rows = assert(queue.reader:all("EXPLAIN QUERY PLAN " .. sql,
    table.unpack(values, 1, values.n)))
  local details = {}
  for index, row in ipairs(rows) do details[index] = row.detail end
  return table.concat(details, "\n")
end

describe("a list of jobs", function()
  -- A page of a console must not read a table.
  it("is read by an index, in its order", with_queue(function(queue)
    for _, states in ipairs { {}, { "done" }, { "failed" }, { "done", "failed" } } do
      for _, section in ipairs(sections.plan(states[1] and states or nil)) do
        local values = { 50, 0, 0, nil, 1, 1, 1, 1, n = 4 + section.keys }
        local plan = plan_of(queue, section.scan, values)
        assert.is_nil(plan:find "SCAN", section.name .. ": " .. plan)
        assert.is_nil(plan:find "TEMP B%-TREE", section.name .. ": " .. plan)
        plan = plan_of(queue, section.details, { 1, 200, n = 2 })
        assert.is_nil(plan:find "SCAN [^C]", section.name .. ": " .. plan)
      end
    end
  end))

  it("of 100,000 attempts is paged without reading them all", with_queue(function(queue)
    local batch = {}
    for index = 1, 1000 do
      batch[index] = attempt(("id-%d"):format(index), index % 500 == 0 and "retry" or "complete",
        { output = ("o"):rep(200) })
    end
    for _ = 1, 100 do record(queue, batch) end
    local rows, pages = whole(queue, { limit = 1000 })
    assert.are.same({ 100000, 100 }, { #rows, pages })
    local keys = {}
    for _, row in ipairs(rows) do keys[row.key] = true end
    local count = 0
    for _ in pairs(keys) do count = count + 1 end
    assert.are.equal(100000, count)
    assert.are.equal(200, #whole(queue, { states = { "failed" } }))
    assert.are.same({ "done", 1 },
      { assert(jobs.show(queue, "id-7")).state, #jobs.show(queue, "id-7").attempts })
    assert.are.equal(100, #assert(jobs.show(queue, "id-500")).attempts)
  end))
end)
