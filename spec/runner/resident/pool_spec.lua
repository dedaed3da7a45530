-- Runtimes that end at random in every way: each message is done at least once, never by two at the
-- same time, and not more runtimes are started than have ended. SOAK=messages for more.

local scheduler = require "watchbot.scheduler"
local pool = require "watchbot.runner.resident.pool"
local resident = require "support.resident"
local workshop = require "support.workshop"

local MESSAGES = tonumber(os.getenv "SOAK" or "120")
local WORKERS = 4

-- What the runtimes noted: overlaps of one message, and how many runtimes there were.
local function judge(folder)
  local running, pids, overlaps, starts = {}, {}, 0, 0
  for _, line in ipairs(folder:lines "chaos") do
    local what, id, pid = line:match "^(%a+) (%S+) (%d+) "
    if not pids[pid] then pids[pid], starts = true, starts + 1 end
    if what == "begin" and running[id] then overlaps = overlaps + 1 end
    running[id] = what == "begin" or nil
  end
  return overlaps, starts
end

local function count(log, pattern)
  local _, found = log:gsub(pattern, "")
  return found
end

describe("runtimes that end at random", function()
  local function try(fields, ends)
    return workshop.task(function(folder)
      local seed = os.getenv "SEED" or tostring(os.time())
      local lines = {}
      for index = 1, MESSAGES do lines[index] = ('[["chaos","%s"]]'):format(seed) end
      workshop.send(folder, lines)
      folder:write("policy.lua", ([[local policy = require "watchbot".policy {
        queue = %q, max_receives = 1000, workers = %d, visibility = %d, kill_grace = 0.2,
        lambda = { command = { "python3", "-S", %q, "seen" }, handler = "none", %s } }
        function policy:backoff() return 0 end
        return policy]]):format(folder:url(), WORKERS, ends and 3 or 60,
          resident.runtimes .. "scripted.py", fields))
      local logs = {}
      if ends then
        local child = workshop.start(folder, { "run", "--drain", "policy.lua" })
        scheduler.sleep(2)
        child:kill(ends)
        child:wait()
        logs[1] = child:output()
      end
      local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
      logs[#logs + 1] = log
      assert.equal(0, exit.code, "SEED=" .. seed .. "\n" .. log)
      log = table.concat(logs)
      local overlaps, starts = judge(folder)
      local done = count(log, '{"outcome":"complete"')
      assert.is_true(ends and done >= MESSAGES - WORKERS or done == MESSAGES,
        ("SEED=%s: %d of %d done"):format(seed, done, MESSAGES))
      if not ends then assert.equal(0, overlaps, "SEED=" .. seed) end
      local queue = assert(require "watchbot.queue".open(folder:url()))
      assert.same({ visible = 0, delayed = 0, in_flight = 0, dead = 0 }, queue:counts())
      queue:close()
      local failed = count(log, '{"outcome":"retry"')
      assert.is_true(starts <= failed + MESSAGES + 2 * WORKERS, starts .. " runtimes were started")
    end)
  end

  it("lose nothing, and do nothing twice at a time", try "")

  it("lose nothing when the watcher is killed", try("", "KILL"))
end)

-- A pool whose channel cannot be opened, and jobs that note how they end.
describe("a pool", function()
  local function failing(raises)
    local tries = 0
    local parts = {
      options = { batch = 1, window = 0, recycle = {} }, workers = 1,
      channel = { open = function()
        tries = tries + 1
        if raises then error "no luck" end
        return nil, "no luck", "Unlucky"
      end },
    }
    return pool.new(parts), function() return tries end
  end

  local function job()
    local run = { job = { received = { body = "" } } }
    function run:finish(exit) self.exit = self.exit or exit end
    return run
  end

  -- The pause was read when the other runtime's answer had reset it: no runtime was started again.
  it("starts again although another runtime answers while it rests", workshop.task(function()
    local one, tries = failing()
    local first, second = job(), job()
    one:add(first)
    one:answered {}
    one:add(second)
    assert.same({ true, "no luck", "Unlucky" },
      { first.exit.not_started, first.exit.reason, first.exit.error })
    workshop.eventually(function() return second.exit end, "the second job hears of it")
    assert.equal(2, tries())
  end))

  it("keeps its count when a start raises", workshop.task(function()
    local one = failing(true)
    local run = job()
    one:add(run)
    assert.matches("no luck", run.exit.reason)
    assert.equal(0, one.alive)
  end))

  -- A job that was being decided on when the drain began waited for all of the drain's time.
  it("gives back at once what comes after the drain has begun", workshop.task(function()
    local one, tries = failing()
    one:drain()
    local run = job()
    one:add(run)
    assert.is_true(run.exit.stopped)
    assert.equal(0, tries())
  end))
end)

-- A program asked for its first message after its watcher had been suspended for longer than the
-- visibility timeout: it got a message that another watcher was working on.
describe("a message whose lease lapses before a program asks", function()
  it("is not given to it", workshop.task(function(folder)
    folder:write("worker", [[#!/bin/sh
      : >asks
      until [ -e go ]; do sleep 0.02; done
      echo '{"ready":true}' >&3
      while read -r line <&3; do
        echo "$line" >>seen
        echo '{"code":0}' >&3
      done]])
    resident.send(folder, "a")
    resident.policy(folder, "visibility = 5, workers = 1, resident = { command = { './worker' } }")
    local child = workshop.start(folder, { "run", "--drain", "policy.lua" })
    workshop.eventually(function() return io.open(folder:file "asks") end, "the program starts")
    child:kill "STOP"
    local queue <close> = assert(require "watchbot.queue".open(folder:url()))
    local other = workshop.eventually(function()
      return assert(queue:receive(1, 0, 600))[1]
    end, "another watcher receives the message")
    folder:write("go", "")
    child:kill "CONT"
    workshop.eventually(function()
      return child:output():find([["code":"LeaseLapsed"]], 1, true)
    end, "the lease has lapsed")
    assert(queue:delay(other.receipt, 0, true))
    assert.equal(0, child:wait(workshop.PATIENCE).code)
    local log = child:output()
    child:close()
    assert.equal(1, count(log, [["code":"LeaseLapsed"]]), log)
    local receives = {}
    for index, one in ipairs(resident.read(folder, "seen")) do receives[index] = one.receives end
    assert.same({ 2 }, receives)
  end))

  it("is not given to a free one", workshop.task(function()
    local given = 0
    local one = pool.new { options = { batch = 1, window = 0 }, workers = 1 }
    one.alive = 1
    one.free[1] = {
      state = "idle", give = function(_, runs)
        given = given + #runs
        return true
      end,
    }
    local ends = {}
    for index, over in ipairs { true, false } do
      one:add {
        job = { id = "m" .. index }, lapsed = function() return over end,
        finish = function(_, exit) ends[index] = exit end,
      }
    end
    assert.same({ { cause = "lapsed" } }, ends)
    assert.equal(1, given)
  end))
end)
