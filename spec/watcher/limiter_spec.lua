-- Limits of a watcher whose queue does not apply them itself, as SQS: in this watcher alone.

local cloud = require "support.cloud"
local local_aws = require "support.local_aws"
local policy = require "watchbot.policy"
local open_stage = require("watchbot.testing.stage").open
local workshop = require "support.workshop"

local function tenant(job)
  return job.attributes.tenant and job.attributes.tenant.value
end

describe("a limit of one watcher", function()
  local made
  after_each(function() made:close() end)

  local function stage(limits, more)
    local fields = {
      queue = "sqlite:jobs.db", command = "true", workers = 4, limits = limits, prefetch = 0,
    }
    for name, value in pairs(more or {}) do fields[name] = value end
    made = open_stage(policy(fields), {})
    return made.watcher
  end

  local function send(count, name, more)
    made:drive(function()
      for index = 1, count do
        local message = { body = name .. index,
          attributes = { tenant = { type = "String", value = name } } }
        for key, value in pairs(more or {}) do message[key] = value end
        made.queue:send { message }
      end
    end)
  end

  local function running(watcher)
    local names = {}
    for index, entry in ipairs(watcher.jobs:all "running") do names[index] = entry.job.message end
    table.sort(names)
    return table.concat(names, " ")
  end

  -- By the clock of the stage.
  local function visible()
    local counts
    made:drive(function() counts = made.queue:counts() end)
    return counts.visible
  end

  local function finish(watcher, name)
    for _, entry in ipairs(watcher.jobs:all "running") do
      if entry.job.message == name then
        made:drive(function() entry.run:finish { code = 0, duration = 1 } end)
        return
      end
    end
    error(name .. " does not run")
  end

  it("holds back what is over it, at most as many as there are slots", function()
    local watcher = stage { { by = tenant, concurrency = 1 } }
    send(12, "a")
    assert.are.equal("a1", running(watcher))
    assert.are.equal(4, watcher.limiter.parked)
    assert.are.equal(0, watcher:capacity())
    assert.are.equal(7, visible())
    -- With heartbeats, and each received once.
    made:advance(600)
    assert.are.equal("a1", running(watcher))
    for _, item in pairs(made.queue.items) do assert.is_true(item.receives <= 1) end
    finish(watcher, "a1")
    assert.are.equal("a2", running(watcher))
    assert.are.equal(4, watcher.limiter.parked)
  end)

  it("lets the others go on, in their order", function()
    local watcher = stage({ { by = tenant, concurrency = 2 } }, { workers = 6 })
    send(4, "a")
    send(2, "b")
    assert.are.equal("a1 a2 b1 b2", running(watcher))
    finish(watcher, "a2")
    assert.are.equal("a1 a3 b1 b2", running(watcher))
    finish(watcher, "a1")
    finish(watcher, "a3")
    assert.are.equal("a4 b1 b2", running(watcher))
    assert.are.equal(0, watcher.limiter.parked)
  end)

  it("starts no more in a time than it says", function()
    local watcher = stage({ { rate = "2/min" } }, { workers = 6 })
    send(5, "a")
    assert.are.equal("a1 a2", running(watcher))
    made:advance(59)
    assert.are.equal("a1 a2", running(watcher))
    made:advance(2)
    assert.are.equal("a1 a2 a3 a4", running(watcher))
    made:advance(60)
    assert.are.equal("a1 a2 a3 a4 a5", running(watcher))
  end)

  -- Each tenant's starts were kept forever: with a tenant for each message, memory grew.
  it("forgets the starts of tenants that no longer count", function()
    local watcher = stage({ { by = tenant, rate = "1/min" } }, { workers = 100 })
    local function known()
      local count = 0
      for _ in pairs(watcher.limiter.starts) do count = count + 1 end
      return count
    end
    local function run(first, last)
      for index = first, last do send(1, "tenant" .. index .. "-") end
      for _, entry in ipairs(watcher.jobs:all "running") do
        made:drive(function() entry.run:finish { code = 0, duration = 1 } end)
      end
    end
    for round = 1, 25 do
      run(round * 100, round * 100 + 99)
      made:advance(30)
    end
    assert.is_true(known() <= 1000, known())
    -- Those that count are remembered.
    send(1, "tenant2599-")
    assert.are.equal("", running(watcher))
  end)

  it("is given back with its job when the watcher ends", function()
    local watcher = stage { { by = tenant, concurrency = 1 } }
    send(4, "a")
    assert.are.equal(3, watcher.limiter.parked)
    made:drive(function() watcher:stop() end)
    made:advance(1)
    assert.are.equal(0, watcher.limiter.parked)
    assert.are.equal(3, visible())
    for _, item in pairs(made.queue.items) do
      assert.are.equal(item.in_flight and 1 or 0, item.receives)
    end
  end)

  it("may change with a reload", function()
    local watcher = stage { { by = tenant, concurrency = 1 } }
    send(4, "a")
    assert.are.equal("a1", running(watcher))
    made:drive(function()
      assert(watcher:reload(policy { queue = "sqlite:jobs.db", command = "true", workers = 4,
        prefetch = 0, limits = { { by = tenant, concurrency = 3 } } }))
    end)
    assert.are.equal("a1 a2 a3", running(watcher))
    made:drive(function()
      assert(watcher:reload(policy { queue = "sqlite:jobs.db", command = "true", workers = 4,
        prefetch = 0 }))
    end)
    assert.are.equal("a1 a2 a3 a4", running(watcher))
  end)

  it("counts a job whose function fails with the others of these", function()
    local watcher = stage { { by = function(job) return job.attributes.nothing.value end,
      concurrency = 1 } }
    send(3, "a")
    assert.are.equal("a1", running(watcher))
    assert.matches('"where":"limits"', table.concat(made.witness.lines, "\n"))
  end)
end)

describe("a limit of a watcher of SQS", function()
  local server, account

  setup(workshop.task(function()
    server = local_aws.own()
    account = cloud.of(server)
    account:open()
  end))
  teardown(function() server:close() end)

  local function run(folder, fifo)
    local url = account:queue { fifo = fifo }
    for index = 1, 12 do
      local group = fifo and "g" .. index % 3 or nil
      assert(account.sqs:SendMessage {
        QueueUrl = url, MessageBody = "m" .. index, MessageGroupId = group,
        MessageDeduplicationId = fifo and "d" .. index or nil,
        MessageAttributes = { tenant = { DataType = "String", StringValue = "t" .. index % 2 } },
      })
    end
    folder:write("worker", [[#!/bin/sh
      mkdir -p here/$1; : >here/$1/$$; ls here/$1 | wc -l >>most-$1; sleep 0.05
      rm here/$1/$$]])
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, workers = 5,
      limits = { { by = function(job) return job.attributes.tenant.value end, concurrency = 1 } },
      command = function(job) return { "./worker", job.attributes.tenant.value } end }]]):format(
      url))
    local exit, log, problem = workshop.run(folder, { "run", "--drain", "policy.lua" },
      account:environment())
    assert.are.equal(0, exit.code, problem)
    assert.are.equal(12, select(2, log:gsub('"outcome":"complete"', "")), log)
    assert.are.equal(12, select(2, log:gsub('"receives":1}', "")), log)
    for _, name in ipairs { "t0", "t1" } do
      for _, line in ipairs(folder:lines("most-" .. name)) do
        assert.are.equal(1, tonumber(line))
      end
    end
    return log
  end

  it("holds, and burns no receive", workshop.task(function(folder) run(folder, false) end))

  it("keeps the order of groups", workshop.task(function(folder)
    local log, seen = run(folder, true), {}
    for number in log:gmatch '"message":"m(%d+)"' do
      number = tonumber(number)
      local group = number % 3
      assert.is_true(number > (seen[group] or 0), log)
      seen[group] = number
    end
  end))
end)
