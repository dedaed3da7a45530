local cloud = require "support.cloud"
local job = require "watchbot.message.job"
local moving = require "watchbot.queue.moving"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local sqs = require "watchbot.queue.sqs"
local workshop = require "support.workshop"

local task = workshop.task

local function open(folder, name)
  return assert(open_queue(folder:url(name), { max_receives = math.maxinteger }))
end

local function move(from, to, options)
  local one = moving.new(from, to, options or {})
  return one, one:run()
end

-- The messages of a queue, as jobs.
local function all(queue, count)
  local jobs = {}
  while #jobs < count do
    local messages = assert(queue:receive(10, 5, 60))
    assert.is_true(#messages > 0, ("%d of %d"):format(#jobs, count))
    for _, message in ipairs(messages) do
      jobs[#jobs + 1] = job.new(message)
      jobs[#jobs].priority = message.priority
    end
  end
  return jobs
end

describe("moving between embedded queues", function()
  it("keeps what a message has", task(function(folder)
    local from, to = open(folder, "a.db"), open(folder, "b.db")
    assert(from:send { { body = "b\0dy", subject = "s", group = "g", priority = 7,
      deduplication = "d", attributes = { a = { type = "Number", value = "7" } } } })
    local one, ok = move(from, to)
    assert.is_true(ok)
    assert.are.equal(1, one.moved)
    local got = all(to, 1)[1]
    assert.are.same({ "b\0dy", "s", "g", 7, 1 },
      { got.message, got.subject, got.group, got.priority, got.receives })
    assert.are.same({ type = "Number", value = "7" }, got.attributes.a)
    assert.are.equal("d", got.attributes.watchbot_deduplication_id.value)
    local counts = from:counts()
    assert.are.equal(0, counts.visible + counts.delayed + counts.in_flight + counts.dead)
    from:close()
    to:close()
  end))

  it("keeps the rest of a delay, and the order of a group behind it", task(function(folder)
    local from, to = open(folder, "a.db"), open(folder, "b.db")
    assert(from:send { { body = "1", group = "g", delay = 3600 }, { body = "2", group = "g" } })
    assert(from:send { { body = "due", delay = 100 * 86400 } })
    local one = move(from, to)
    assert.are.equal(3, one.moved)
    local rows = assert(to.reader:all [[
      SELECT body, visible_at - sent AS delay FROM messages JOIN contents USING (seq)
      ORDER BY seq]])
    local delays = {}
    for _, row in ipairs(rows) do delays[row.body] = row.delay or "behind" end
    assert.are.equal("behind", delays["2"])
    assert.is_true(delays["1"] > 3000000 and delays["1"] <= 3600000, delays["1"])
    assert.is_true(delays.due > 99 * 86400000)
    from:close()
    to:close()
  end))

  it("leaves what a watcher has in flight", task(function(folder)
    local from, to = open(folder, "a.db"), open(folder, "b.db")
    assert(from:send { { body = "running" } })
    local running = assert(from:receive(1, 0, 600))[1]
    assert(from:send { { body = "waiting" } })
    assert.are.equal(1, move(from, to).moved)
    assert.is_true(from:delete(running.receipt))
    from:close()
    to:close()
  end))

  -- A message that is dropped as a duplicate must not come back as a new one when a move that was
  -- killed runs again.
  -- A queue by two names, as a symbolic link is, was moved to itself forever.
  it("ends where both are the same one, and loses nothing", task(function(folder)
    local from = open(folder, "a.db")
    assert(from:send { { body = "x" }, { body = "y" }, { body = "z", delay = 600 } })
    assert(os.execute(("ln -s a.db '%s'"):format(folder:file "b.db")))
    local to = open(folder, "b.db")
    local _, ok, err, code = move(from, to)
    assert.is_nil(ok)
    assert.are.same({ "both queues are the same one", "Usage" }, { err, code })
    local counts = from:counts()
    assert.are.same({ 2, 1, 0 }, { counts.visible, counts.delayed, counts.in_flight })
    to:close()
    from:close()
  end))

  it("twice within five minutes has one message", task(function(folder)
    local from, to = open(folder, "a.db"), open(folder, "b.db")
    assert(from:send { { body = "x" } })
    local delete = from.delete
    from.delete = function() return nil, "no", "Planted" end
    local one = move(from, to)
    assert.are.equal(0, one.moved)
    assert.matches("it was sent, but is still in the first queue: no", one.failures[1].message)
    from.delete = delete
    assert.are.equal(1, move(from, to).moved)
    assert.are.equal(1, to:counts().visible)
    from:close()
    to:close()
  end))

  it("keeps to its rate", task(function(folder)
    local from, to = open(folder, "a.db"), open(folder, "b.db")
    for index = 1, 10 do assert(from:send { { body = tostring(index) } }) end
    local began = scheduler.now()
    assert.are.equal(10, move(from, to, { rate = 20 }).moved)
    assert.is_true(scheduler.now() - began >= 0.45)
    from:close()
    to:close()
  end))
end)

describe("moving to and from SQS", function()
  local account

  cloud.around(function(...) account = ... end)

  local function queue(options)
    return assert(sqs.open(account:queue(options or {}), { client = account:client "sqs" }))
  end

  it("keeps what SQS has, and names what it refuses", task(function(folder)
    local from, to = open(folder, "a.db"), queue()
    assert(from:send {
      { body = "fits", subject = "s", attributes = { a = { type = "String", value = "v" } } },
      { body = "not\1text" }, { body = "later", delay = 3600 }, { body = "soon", delay = 600 },
    })
    local one = move(from, to)
    assert.are.same({ 2, 1, 1 }, { one.moved, #one.failures, one.later })
    assert.are.equal("InvalidMessageContents", one.failures[1].code)
    local got = all(to, 1)[1]
    assert.are.same({ "fits", "s", "v" }, { got.message, got.subject, got.attributes.a.value })
    -- Those that stay are there for the next receive, and no receive was counted.
    local stayed = assert(from:receive(1, 0, 1))[1]
    assert.are.same({ "not\1text", 1 }, { stayed.body, stayed.receives })
    assert.are.equal(1, from:counts().delayed)
    from:close()
  end))

  -- What it had received and not moved stayed hidden for five minutes.
  it("gives back what it has received when it is interrupted", task(function(folder)
    local from, to = open(folder, "a.db"), queue()
    assert(from:send { { body = "not\1text" }, { body = "1" }, { body = "2" }, { body = "3" } })
    local one = moving.new(from, to, { rate = 1 })
    local work = scheduler.spawn(one.run, one)
    workshop.eventually(function() return one.moved > 0 end, "one is moved")
    work:cancel "interrupted"
    work:join()
    local receives = {}
    for _, message in ipairs(assert(from:receive(10, 0, 60))) do
      receives[message.body] = message.receives
    end
    assert.are.equal(1, receives["not\1text"])
    from:close()
  end))

  it("keeps the order of groups in FIFO queues", task(function(folder)
    local from, middle, to = open(folder, "a.db"), queue { fifo = true }, open(folder, "b.db")
    local sent = {}
    for index = 1, 30 do sent[index] = { body = tostring(index), group = "g" .. index % 3 } end
    assert(from:send(sent))
    assert.are.equal(30, move(from, middle).moved)
    assert.are.equal(30, move(middle, to).moved)
    local last = {}
    for _ = 1, 30 do
      local message = assert(to:receive(1, 5, 60))[1]
      local number, group = tonumber(message.body), message.group
      assert.is_true(number > (last[group] or 0))
      last[group] = number
      assert(to:delete(message.receipt))
    end
    from:close()
    to:close()
  end))

  it("stops behind a message that a FIFO queue refuses, in its group alone", task(function(folder)
    local from, to = open(folder, "a.db"), queue { fifo = true }
    assert(from:send {
      { body = "bad\1", group = "a" }, { body = "after", group = "a" },
      { body = "good", group = "b" },
    })
    local one = move(from, to)
    assert.are.equal(1, one.moved)
    assert.are.equal("good", all(to, 1)[1].message)
    local first = assert(from:receive(1, 0, 60))[1]
    assert.are.equal("bad\1", first.body)
    from:close()
  end))
end)
