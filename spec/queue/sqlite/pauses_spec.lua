-- A pause of an embedded queue is in its file: all watchers see it, and it survives their restart.

local open = require "watchbot.queue".open
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

local function with_queue(body, options)
  return workshop.task(function(folder)
    local queue <close> = assert(open(folder:url(), options or {}))
    local database <close> = assert(sqlite.open(folder:file "jobs.db"))
    body(queue, database, folder)
  end)
end

local function send(queue, ...)
  for _, body in ipairs { ... } do
    local group = body:match "^(%a+)%-"
    assert(queue:send { { body = body, group = group } })
  end
end

local function receive(queue, count, wait)
  local all = {}
  for index, message in ipairs(assert(queue:receive(count or 10, wait or 0, 60))) do
    all[index] = message.body
    assert.is_nil(message.lane)
  end
  return table.concat(all, " ")
end

describe("a paused queue", function()
  it("gives nothing until it is resumed, and then everything", with_queue(function(queue, _, folder)
    send(queue, "1", "acme-2", "3")
    local other <close> = assert(open(folder:url()))
    assert.is_true(queue:pause())
    assert.equal("", receive(queue))
    assert.equal("", receive(other, 10, 0.3))
    assert.same({ {} }, other:pauses())
    -- It does not look empty.
    assert.equal(3, other:counts().visible)
    assert.is_true(other:is_stuck())
    assert.is_true(other:resume())
    assert.is_false(queue:resume())
    assert.same({}, queue:pauses())
    assert.is_false(queue:is_stuck())
    assert.equal("1 acme-2 3", receive(queue))
  end))

  it("gives messages again when the time is over, to a receive that waits",
    with_queue(function(queue)
    send(queue, "1")
    local before = scheduler.time()
    assert(queue:pause(2))
    local ends = assert(queue:pauses())[1].ends
    assert.is_true(ends >= before + 2000 and ends <= scheduler.time() + 2000)
    assert.is_false(queue:is_stuck())
    assert.equal("1", receive(queue, 1, workshop.PATIENCE))
    assert.is_true(scheduler.time() >= ends)
    assert.same({}, queue:pauses())
  end))

  it("is resumed for a receive that waits", with_queue(function(queue, _, folder)
    send(queue, "1")
    assert(queue:pause())
    local waiting = scheduler.spawn(receive, queue, 1, workshop.PATIENCE)
    local other <close> = assert(open(folder:url()))
    scheduler.sleep(0.2)
    assert.is_false(waiting:ended())
    assert(other:resume())
    assert.same({ true, "1" }, { waiting:join() })
  end))

  -- A hook that paused for 1e300 seconds broke `status`, and each look of every watcher.
  it("has an end that is a date, whatever was written", with_queue(function(queue, database)
    for _, ends in ipairs { 1e300, "x", math.maxinteger, scheduler.time() + 60000.5 } do
      assert(database:run("INSERT OR REPLACE INTO pauses VALUES ('', ?)", ends))
      local list = assert(queue:pauses())
      assert.are.equal(1, #list)
      assert.are.equal("integer", math.type(list[1].ends), ends)
      assert.is_string(scheduler.iso_date(list[1].ends))
    end
  end))

  it("stays paused when its file is opened again", workshop.task(function(folder)
    local queue = assert(open(folder:url()))
    send(queue, "1")
    assert(queue:pause())
    queue:close()
    local again <close> = assert(open(folder:url()))
    assert.equal("", receive(again))
  end))

  it("lets what is in flight end", with_queue(function(queue)
    send(queue, "1", "2")
    local first, second = table.unpack(assert(queue:receive(2, 0, 60)))
    assert(queue:pause())
    assert.is_true(queue:extend(first.receipt, 60))
    assert.is_true(queue:delete(first.receipt))
    assert.is_true(queue:delay(second.receipt, 0))
    assert.equal("", receive(queue))
    assert(queue:resume())
    assert.equal("2", receive(queue))
  end))

  -- A clock that was set back by an hour made a pause of ten minutes one of seventy.
  it("ends in time although the clock is set back", with_queue(function(queue, database)
    send(queue, "1")
    assert(queue:pause(600))
    assert(database:run [[UPDATE state SET clock = clock + 3600000]])
    assert(database:run [[UPDATE pauses SET ends = ends + 3600000]])
    assert.equal("", receive(queue))
    local left = assert(queue:pauses())[1].ends - scheduler.time()
    assert.is_true(left <= 601000, left)
  end))
end)

describe("a paused group", function()
  it("waits in its order while the others go on", with_queue(function(queue)
    send(queue, "acme-1", "acme-2", "other-1", "plain")
    assert(queue:pause(nil, "acme"))
    assert.same({ { group = "acme" } }, queue:pauses())
    assert.equal("other-1 plain", receive(queue))
    assert.equal(2, queue:counts().visible)
    send(queue, "acme-3", "next")
    assert.equal("next", receive(queue))
    assert.is_true(queue:resume "acme")
    local message = assert(queue:receive(10, 0, 60))
    assert.equal("acme-1", message[1].body)
    assert.is_nil(message[2])
    assert(queue:delete(message[1].receipt))
    assert.equal("acme-2", receive(queue))
  end))

  it("waits although its first message is deleted", with_queue(function(queue)
    send(queue, "acme-1", "acme-2")
    local first = assert(queue:receive(1, 0, 60))[1]
    assert(queue:pause(nil, "acme"))
    assert(queue:delete(first.receipt))
    assert.equal("", receive(queue))
    assert(queue:resume "acme")
    assert.equal("acme-2", receive(queue))
  end))

  it("goes on when the time is over; a later pause moves the end", with_queue(function(queue)
    send(queue, "acme-1")
    assert(queue:pause(3600, "acme"))
    assert.equal("", receive(queue))
    assert(queue:pause(0.3, "acme"))
    assert.equal("acme-1", receive(queue, 1, workshop.PATIENCE))
  end))

  it("is paused for good only if all that is left is in it", with_queue(function(queue)
    send(queue, "acme-1", "acme-2", "plain")
    assert(queue:pause(nil, "acme"))
    assert.is_false(queue:is_stuck())
    assert(queue:delete(assert(queue:receive(10, 0, 60))[1].receipt))
    assert.is_true(queue:is_stuck())
    assert(queue:pause(600, "acme"))
    assert.is_false(queue:is_stuck())
  end))

  it("is salvaged with its messages", with_queue(function(queue, _, folder)
    send(queue, "acme-1", "acme-2", "plain")
    assert(queue:pause(nil, "acme"))
    assert.equal("plain", receive(queue))
    queue:close()
    local found = assert(require "watchbot.queue.sqlite.salvage".run(folder:file "jobs.db",
      folder:url "saved.db"))
    assert.same({ messages = 3, dead = 0, lost = 0 }, found)
    local saved <close> = assert(open(folder:url "saved.db"))
    assert.equal("acme-1 plain", receive(saved))
  end))
end)

-- A receive that waits in a paused queue looked twenty times a second for a file that was gone.
describe("a receive of a paused queue", function()
  it("fails when the file is gone", with_queue(function(queue, _, folder)
    send(queue, "1")
    assert(queue:pause())
    assert.equal("", receive(queue))
    os.remove(folder:file "jobs.db")
    local _, err, code = queue:receive(1, workshop.PATIENCE, 60)
    assert.equal("FileMoved", code, err)
  end))
end)
