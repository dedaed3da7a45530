-- Limits of an embedded queue: counted in the file, over all watchers, without a receive for a
-- message that has to wait.

local open = require "watchbot.queue".open
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

-- What a watcher gives its queue: `limits` by the name of an attribute.
local function lanes_of(limits)
  local calls = { count = 0 }
  return function(message)
    calls.count = calls.count + 1
    local lanes
    for name, limit in pairs(limits) do
      local value = message.attributes[name]
      if value then
        lanes = lanes or {}
        lanes[#lanes + 1] = {
          lane = name .. ":" .. value.value, concurrency = limit.concurrency, count = limit.count,
          period = limit.period,
        }
      end
    end
    return lanes
  end, calls
end

local function limited(folder, limits)
  local queue = assert(open(folder:url(), { max_receives = 3 }))
  local calls
  queue.lanes_of, calls = lanes_of(limits)
  return queue, calls
end

local function with_queue(limits, body)
  return workshop.task(function(folder)
    local queue <close>, calls = limited(folder, limits)
    body(queue, folder, calls)
  end)
end

local function send(queue, count, tenant, more)
  local messages = {}
  for index = 1, count do
    local message = {
      body = ("%s-%d"):format(tenant, index),
      attributes = { tenant = { type = "String", value = tenant } },
    }
    for name, value in pairs(more or {}) do message[name] = value end
    messages[index] = message
  end
  assert(queue:send(messages))
end

local function receive(queue, count, wait, visibility)
  return assert(queue:receive(count or 10, wait or 0, visibility or 60))
end

local function bodies(messages)
  local all = {}
  for index, message in ipairs(messages) do all[index] = message.body end
  return table.concat(all, " ")
end

local TWO = { tenant = { concurrency = 2 } }

describe("a limit of concurrency", function()
  it("holds over all watchers of the file, and costs no receive", with_queue(TWO,
    function(queue, folder)
    local other <close> = limited(folder, TWO)
    send(queue, 5, "a")
    send(queue, 2, "b")
    local first = receive(queue, 1)
    assert.equal("a-1", bodies(first))
    assert.equal("a-2 b-1 b-2", bodies(receive(other)))
    assert.equal("", bodies(receive(queue)))
    -- They wait, and are not in flight.
    local counts = queue:counts()
    assert.same({ 3, 0, 4 }, { counts.visible, counts.delayed, counts.in_flight })
    assert(queue:delete(first[1].receipt))
    local third = receive(other)
    assert.equal("a-3", bodies(third))
    assert.equal(1, third[1].receives)
    assert.equal("", bodies(receive(queue)))
  end))

  it("lets a job that is returned make room, and counts a retry again", with_queue(
    { tenant = { concurrency = 1 } }, function(queue)
    send(queue, 2, "a")
    local first = receive(queue)[1]
    assert(queue:delay(first.receipt, 600))
    local second = receive(queue)
    assert.equal("a-2", bodies(second))
    assert(queue:delete(second[1].receipt))
    assert.equal("", bodies(receive(queue)))
  end))

  it("is woken by a job that ends, while a receive waits", with_queue(
    { tenant = { concurrency = 1 } }, function(queue, folder)
    send(queue, 2, "a")
    local first = receive(queue)[1]
    local other <close> = limited(folder, { tenant = { concurrency = 1 } })
    local waiting = scheduler.spawn(receive, other, 1, workshop.PATIENCE)
    scheduler.sleep(0.2)
    assert.is_false(waiting:ended())
    assert(queue:delete(first.receipt))
    assert.equal("a-2", bodies(select(2, waiting:join())))
  end))

  -- A watcher that is killed says nothing: its messages count until their leases have lapsed.
  it("is free again when a lease has lapsed", with_queue({ tenant = { concurrency = 1 } },
    function(queue)
    send(queue, 2, "a")
    assert.equal("a-1", bodies(receive(queue, 1, 0, 0.3)))
    assert.equal("", bodies(receive(queue)))
    local again = receive(queue, 1, workshop.PATIENCE)
    assert.equal(again[1].body == "a-1" and 2 or 1, again[1].receives)
    assert.equal("", bodies(receive(queue)))
    assert(queue:delete(again[1].receipt))
    assert.equal(again[1].body == "a-1" and "a-2" or "a-1", bodies(receive(queue)))
  end))

  it("is kept by a heartbeat", with_queue({ tenant = { concurrency = 1 } }, function(queue)
    send(queue, 2, "a")
    local first = receive(queue, 1, 0, 0.2)[1]
    assert(queue:extend(first.receipt, 60))
    scheduler.sleep(0.3)
    assert.equal("", bodies(receive(queue)))
  end))

  it("lets its messages through in their order, urgent ones first", with_queue(
    { tenant = { concurrency = 1 } }, function(queue)
    send(queue, 3, "a")
    send(queue, 1, "a", { body = "urgent", priority = 5 })
    local order = {}
    for index = 1, 4 do
      local message = receive(queue, 1)[1]
      order[index] = message.body
      assert(queue:delete(message.receipt))
    end
    assert.equal("urgent a-1 a-2 a-3", table.concat(order, " "))
    send(queue, 3, "a")
    local running = receive(queue, 1)[1]
    assert.equal("", bodies(receive(queue)))
    send(queue, 1, "a", { body = "urgent", priority = 5 })
    assert.equal("", bodies(receive(queue)))
    assert(queue:delete(running.receipt))
    assert.equal("urgent", bodies(receive(queue)))
  end))

  it("keeps the order of groups", with_queue({ tenant = { concurrency = 1 } }, function(queue)
    send(queue, 2, "a", { group = "g" })
    send(queue, 2, "a", { group = "h" })
    send(queue, 1, "b", { group = "h" })
    local seen = {}
    for _ = 1, 5 do
      for _, message in ipairs(receive(queue)) do
        seen[#seen + 1] = message.group .. ":" .. message.body
        assert(queue:delete(message.receipt))
      end
    end
    assert.equal(5, #seen, table.concat(seen, " "))
    local order = table.concat(seen, " ")
    assert.is_true(order:find("g:a-1", 1, true) < order:find("g:a-2", 1, true), order)
    assert.matches("h:a%-1.*h:a%-2.*h:b%-1", order)
  end))

  it("is one of several, which all hold", with_queue(
    { tenant = { concurrency = 2 }, kind = { concurrency = 1 } }, function(queue)
    local function both(kind)
      return { attributes = { tenant = { type = "String", value = "a" },
        kind = { type = "String", value = kind } } }
    end
    send(queue, 2, "x", both "x")
    send(queue, 3, "y", both "y")
    local taken = receive(queue)
    assert.equal("x-1 y-1", bodies(taken))
    assert.equal("", bodies(receive(queue)))
    assert(queue:delete(taken[2].receipt))
    assert.equal("y-2", bodies(receive(queue)))
    assert(queue:delete(taken[1].receipt))
    assert.equal("x-2", bodies(receive(queue)))
  end))

  it("looks at each message of a backlog once", with_queue({ tenant = { concurrency = 1 } },
    function(queue, _, calls)
    send(queue, 1000, "noisy")
    local done, running = 0, nil
    repeat
      if running then assert(queue:delete(running.receipt)) end
      running = receive(queue, 1, workshop.PATIENCE)[1]
      done = done + 1
    until done == 50
    local before
    repeat
      before = calls.count
      assert.equal("", bodies(receive(queue)))
    until calls.count == before
    -- Each that is received is looked at a second time, and so is the next one behind it.
    assert.is_true(calls.count <= 1000 + 3 * done, calls.count)
    calls.count = 0
    send(queue, 1, "quiet")
    assert.equal("quiet-1", bodies(receive(queue, 1)))
    assert.is_true(calls.count <= 3, calls.count)
  end))

  it("leaves nothing to a watcher without it that stands still", with_queue(TWO,
    function(queue, folder)
    send(queue, 40, "a")
    assert.equal(2, #receive(queue, 10, 0, 0.2))
    assert.equal("", bodies(receive(queue)))
    queue:close()
    local plain <close> = assert(open(folder:url()))
    local done, until_time = 0, scheduler.now() + workshop.PATIENCE
    while done < 40 and scheduler.now() < until_time do
      for _, message in ipairs(receive(plain, 10, 1)) do
        done = done + 1
        assert(plain:delete(message.receipt))
      end
    end
    assert.equal(40, done)
    local database <close> = assert(sqlite.open(folder:file "jobs.db"))
    assert.equal(0, assert(database:first "SELECT count(*) AS n FROM holds").n)
  end))

  it("moves on when the first that waits is deleted, expires, or is in a paused group",
    with_queue({ tenant = { concurrency = 1 } }, function(queue, folder)
    send(queue, 1, "a")
    send(queue, 1, "a", { body = "grouped", group = "g" })
    send(queue, 3, "a")
    local running = receive(queue, 1)[1]
    assert.equal("", bodies(receive(queue)))
    assert(queue:pause(nil, "g"))
    local database <close> = assert(sqlite.open(folder:file "jobs.db"))
    assert(queue:delete(running.receipt))
    local next_one = receive(queue, 1)[1]
    assert.equal("a-1", next_one.body)
    assert(database:run([[DELETE FROM messages
      WHERE seq = (SELECT seq FROM contents WHERE body = 'a-2')]]))
    assert(queue:delete(next_one.receipt))
    assert.equal("a-3", bodies(receive(queue)))
    assert(queue:resume "g")
  end))
end)

describe("a limit of the rate", function()
  local RATE = { tenant = { count = 3, period = 0.5 } }

  it("holds over all watchers, and over their restarts", workshop.task(function(folder)
    local starts = {}
    local until_time = scheduler.now() + workshop.PATIENCE
    do
      local queue <close> = limited(folder, RATE)
      send(queue, 11, "a")
    end
    while #starts < 11 and scheduler.now() < until_time do
      local queue <close> = limited(folder, RATE)
      for _, message in ipairs(receive(queue, 10, 0.2)) do
        -- As the file has it: the time of the transaction is before this.
        starts[#starts + 1] = message.first_received
        assert.equal(1, message.receives)
        assert(queue:delete(message.receipt))
      end
    end
    assert.equal(11, #starts)
    for index = 4, #starts do
      assert.is_true(starts[index] - starts[index - 3] >= 500, index)
    end
  end))

  it("does not count what goes back without having run", with_queue(
    { tenant = { count = 1, period = 600 } }, function(queue)
    send(queue, 2, "a")
    local first = receive(queue)
    assert.equal("a-1", bodies(first))
    assert.equal("", bodies(receive(queue)))
    assert(queue:delay(first[1].receipt, 0, true))
    local again = receive(queue)
    assert.equal(1, #again)
    assert.equal(1, again[1].receives)
    assert(queue:delete(again[1].receipt))
    assert.equal("", bodies(receive(queue)))
  end))

  it("forgets what no longer counts", with_queue({ tenant = { count = 2, period = 0.1 } },
    function(queue, folder)
    send(queue, 2, "a")
    receive(queue)
    local database <close> = assert(sqlite.open(folder:file "jobs.db"))
    workshop.eventually(function()
      receive(queue)
      return assert(database:first "SELECT count(*) AS n FROM starts").n == 0
    end, "the starts are forgotten")
  end))
end)

-- Whatever happens, each message is received in the end, and never more at once than may be.
describe("watchers with limits, at random", function()
  local function try(folder, seed)
    math.randomseed(seed)
    local limits = { tenant = { concurrency = 2 }, kind = { concurrency = 3, count = 40,
      period = 1 } }
    local queues = {}
    for index = 1, 3 do queues[index] = limited(folder, limits) end
    queues[4] = assert(open(folder:url(), { max_receives = 1000 }))
    for index = 1, 3 do queues[index].max_receives = 1000 end
    local total, done, held = 200, {}, {}
    for index = 1, total do
      local tenant = ("t%d"):format(math.random(4))
      assert(queues[1]:send { {
        body = tostring(index), group = math.random(3) == 1 and "g" .. math.random(3) or nil,
        priority = math.random(5) == 1 and 3 or nil,
        attributes = {
          tenant = math.random(5) > 1 and { type = "String", value = tenant } or nil,
          kind = { type = "String", value = "k" .. math.random(2) },
        },
      } })
    end
    local function running(name)
      local counts, now = {}, scheduler.now()
      for _, one in ipairs(held) do
        local value = one.message.attributes[name]
        if value and one.ends > now then
          counts[value.value] = (counts[value.value] or 0) + 1
        end
      end
      return counts
    end
    local count, until_time = 0, scheduler.now() + workshop.PATIENCE
    while count < total do
      assert(scheduler.now() < until_time, ("SEED=%d: %d of %d"):format(seed, count, total))
      local queue = queues[math.random(3)]
      local seconds = math.random(4) == 1 and 0.05 or 60
      local before = scheduler.now()
      for _, message in ipairs(receive(queue, math.random(5), 0.02, seconds)) do
        held[#held + 1] = { message = message, queue = queue, ends = before + seconds - 0.002 }
      end
      for name, most in pairs { tenant = 2, kind = 3 } do
        for value, number in pairs(running(name)) do
          assert.is_true(number <= most, ("SEED=%d: %d of %s"):format(seed, number, value))
        end
      end
      for index = #held, 1, -1 do
        if math.random(2) == 1 then
          local one = table.remove(held, index)
          local what = math.random(6)
          if what == 1 then
            one.queue:delay(one.message.receipt, 0, math.random(2) == 1)
          elseif one.queue:delete(one.message.receipt) then
            count = count + (done[one.message.body] and 0 or 1)
            done[one.message.body] = true
          end
        end
      end
    end
    local counts = queues[4]:counts()
    assert.same({ 0, 0, 0, 0 }, { counts.visible, counts.delayed, counts.in_flight, counts.dead },
      "SEED=" .. seed)
    local database <close> = assert(sqlite.open(folder:file "jobs.db"))
    assert.equal(0, assert(database:first "SELECT count(*) AS n FROM holds").n)
    for _, queue in ipairs(queues) do queue:close() end
  end

  it("receive every message, within the limits", workshop.task(function(folder)
    try(folder, tonumber(os.getenv "SEED") or os.time())
  end))

  -- Two limits sent their messages to wait for each other, forever.
  it("receive every message, also where lanes have crossed", workshop.task(function(folder)
    try(folder, 1795878764)
  end))
end)

-- Two watchers of one file: three programs of one tenant ran at once.
describe("two watchers with a policy's limits", function()
  it("run no more at once than it says", workshop.task(function(folder)
    folder:write("worker", [[#!/bin/sh
      mkdir -p here/$1; : >here/$1/$$; ls here/$1 | wc -l >>most-$1; sleep 0.05
      rm here/$1/$$]])
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, workers = 6,
      limits = { { by = function(job) return job.attributes.tenant.value end, concurrency = 2 } },
      command = function(job) return { "./worker", job.attributes.tenant.value } end }]]):format(
      folder:url()))
    local lines = {}
    for index = 1, 30 do lines[index] = "m" .. index end
    for _, tenant in ipairs { "a", "b" } do
      workshop.send(folder, lines, "--attribute", "tenant=" .. tenant)
    end
    local watchers, log = {}, ""
    for index = 1, 2 do
      watchers[index] = workshop.start(folder, { "run", "--drain", "policy.lua" })
    end
    for _, child in ipairs(watchers) do
      assert.equal(0, assert(child:wait(workshop.PATIENCE)).code)
      log = log .. child:output()
    end
    assert.equal(60, select(2, log:gsub('"outcome":"complete"', "")))
    assert.equal(60, select(2, log:gsub('"receives":1}', "")))
    for _, tenant in ipairs { "a", "b" } do
      local most = 0
      for _, line in ipairs(folder:lines("most-" .. tenant)) do
        most = math.max(most, tonumber(line))
      end
      assert.equal(2, most, tenant)
    end
  end))
end)
