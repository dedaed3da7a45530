local scheduler = require "watchbot.scheduler"
local shell = require "support.shell"

describe("scheduler", function()
  it("runs a function as a task and returns what it returned", function()
    assert.are.same({ 1, nil, "three" },
      { scheduler.run(function(...) return ... end, 1, nil, "three") })
  end)

  it("raises the error of the function it runs, with the place", function()
    local ok, err = pcall(scheduler.run, function() error "boom" end)
    assert.is_false(ok)
    assert.matches("scheduler_spec.lua:%d+: boom", err)
    assert.matches("stack traceback", err)
  end)

  it("sleeps at least as long as it is told", function()
    scheduler.run(function()
      local before = scheduler.now()
      scheduler.sleep(0.02)
      assert.is_true(scheduler.now() - before >= 0.02)
    end)
  end)

  it("wakes sleepers in the order of their due times", function()
    local order = {}
    scheduler.run(function()
      local tasks = {}
      for _, delay in ipairs { 0.03, 0.01, 0.02, 0 } do
        tasks[#tasks + 1] = scheduler.spawn(function()
          scheduler.sleep(delay)
          order[#order + 1] = delay
        end)
      end
      for _, task in ipairs(tasks) do task:join() end
    end)
    assert.are.same({ 0, 0.01, 0.02, 0.03 }, order)
  end)

  it("keeps the timer heap in order under many starts and stops", function()
    scheduler.run(function()
      local woke, expected = {}, {}
      for index = 1, 500 do
        local delay = (index * 7919 % 500) / 10000
        local task = scheduler.spawn(function()
          scheduler.sleep(delay)
          woke[#woke + 1] = delay
        end)
        if index % 3 == 0 then
          scheduler.sleep(0)
          task:cancel()
        else
          expected[#expected + 1] = delay
        end
      end
      scheduler.sleep(0.2)
      table.sort(expected)
      table.sort(woke)
      assert.are.same(expected, woke)
    end)
  end)

  describe("join", function()
    it("tells success, failure and a timeout apart", function()
      scheduler.run(function()
        local good = scheduler.spawn(function() scheduler.sleep(0.01) return "a", nil, "c" end)
        local bad = scheduler.spawn(function() scheduler.sleep(0.01) error({ code = 7 }) end)
        local slow = scheduler.spawn(function() scheduler.sleep(60) end)
        assert.are.same({ true, "a", nil, "c" }, { good:join() })
        assert.are.same({ false, { code = 7 } }, { bad:join() })
        assert.are.same({ nil, "join: timed out after 0.01 s", "Timeout" }, { slow:join(0.01) })
        assert.are.same({ true, "a", nil, "c" }, { good:join() })
        slow:cancel()
      end)
    end)

    it("lets several tasks join one", function()
      scheduler.run(function()
        local event, heard = scheduler.event(), 0
        local one = scheduler.spawn(function() event:wait() return 42 end)
        local joiners = {}
        for index = 1, 5 do
          joiners[index] = scheduler.spawn(function()
            local _, value = one:join()
            heard = heard + value
          end)
        end
        scheduler.sleep(0)
        event:set()
        for _, task in ipairs(joiners) do task:join() end
        assert.are.equal(5 * 42, heard)
      end)
    end)

    it("refuses to join the task itself", function()
      assert.has_error(function()
        scheduler.run(function() scheduler.running():join() end)
      end)
    end)
  end)

  describe("cancel", function()
    it("raises the reason where the task waits, and closes what it holds", function()
      scheduler.run(function()
        local closed = false
        local task = scheduler.spawn(function()
          local guard <close> = setmetatable({}, { __close = function()
            scheduler.sleep(0.01)
            closed = true
          end })
          scheduler.sleep(60)
          return guard
        end)
        scheduler.sleep(0)
        assert.is_true(task:cancel "enough")
        assert.are.same({ false, "enough" }, { task:join() })
        assert.is_true(closed)
        assert.is_false(task:cancel())
      end)
    end)

    it("is not reported as a failure", function()
      scheduler.run(function()
        local reported = {}
        scheduler.on_failure(function(err) reported[#reported + 1] = err end)
        local task = scheduler.spawn(scheduler.sleep, 60)
        scheduler.sleep(0)
        task:cancel "enough"
        scheduler.spawn(error, "unheard")
        scheduler.sleep(0.01)
        scheduler.on_failure(nil)
        assert.are.equal(1, #reported)
        assert.matches("unheard", reported[1])
      end)
    end)

    it("can be caught, and the task goes on", function()
      scheduler.run(function()
        local task = scheduler.spawn(function()
          local ok, reason = pcall(scheduler.sleep, 60)
          scheduler.sleep(0.001)
          return ok, reason
        end)
        scheduler.sleep(0)
        task:cancel "enough"
        assert.are.same({ true, false, "enough" }, { task:join() })
      end)
    end)
  end)

  describe("event", function()
    it("wakes all that wait, and later waits at once", function()
      scheduler.run(function()
        local event, woken = scheduler.event(), 0
        for _ = 1, 3 do
          scheduler.spawn(function() event:wait() woken = woken + 1 end)
        end
        scheduler.sleep(0)
        event:set()
        scheduler.sleep(0)
        scheduler.sleep(0)
        assert.are.equal(3, woken)
        assert.is_true(event:is_set())
        assert.is_true(event:wait(0))
        event:clear()
        assert.are.same({ nil, "event: timed out after 0.01 s", "Timeout" }, { event:wait(0.01) })
      end)
    end)
  end)

  describe("every", function()
    it("calls until it is cancelled", function()
      scheduler.run(function()
        local calls, done = 0, scheduler.event()
        local task = scheduler.every(0.005, function(step)
          calls = calls + step
          if calls == 3 then done:set() end
        end, 1)
        done:wait(10)
        task:cancel()
        scheduler.sleep(0.02)
        assert.are.equal(3, calls)
      end)
    end)

    it("refuses an interval that is not above 0", function()
      for _, interval in ipairs { 0, -1, 0 / 0, "soon" } do
        assert.has_error(function() scheduler.every(interval, print) end)
      end
    end)
  end)

  describe("waiting", function()
    it("works inside pcall, iterators, metamethods and __close", function()
      scheduler.run(function()
        assert.is_true(pcall(scheduler.sleep, 0))
        assert.is_true(select("#", xpcall(scheduler.sleep, debug.traceback, 0)) == 1)
        for value in function(_, n) scheduler.sleep(0) return n < 2 and n + 1 or nil end, nil, 0 do
          assert.is_true(value <= 2)
        end
        local lazy = setmetatable({}, {
          __index = function(_, key) scheduler.sleep(0) return key end,
        })
        assert.are.equal("x", lazy.x)
        do
          local guard <close> = setmetatable({}, { __close = function() scheduler.sleep(0) end })
          assert.is_table(guard)
        end
      end)
    end)

    it("says so where Lua cannot suspend", function()
      scheduler.run(function()
        local ok, err = pcall(table.sort, { 2, 1 }, function() scheduler.sleep(0) end)
        assert.is_false(ok)
        assert.matches("cannot wait here", err)
      end)
    end)

    it("says so in a coroutine of the user's own, and outside of any task", function()
      scheduler.run(function()
        local ok, err = pcall(coroutine.wrap(function() scheduler.sleep(0) end))
        assert.is_false(ok)
        assert.matches("a coroutine of your own", err)
      end)
      local ok, err = pcall(scheduler.sleep, 0)
      assert.is_false(ok)
      assert.matches("scheduler.run", err)
    end)

    it("says so when a task yields by itself", function()
      scheduler.run(function()
        local _, err = scheduler.spawn(coroutine.yield):join()
        assert.matches("coroutine.yield", err)
      end)
    end)

    -- In a separate program: what another spec has left running here may wait for days.
    it("for what nobody can do any more is an error, not a hang", function()
      local folder = shell.folder()
      shell.write(folder .. "/wait.lua", [[
        local scheduler = require "watchbot.scheduler"
        print(pcall(scheduler.run, function() scheduler.event():wait() end))]])
      local out, code = shell.run("timeout 60 " .. shell.lua(folder .. "/wait.lua") .. " 2>&1")
      assert.are.equal(0, code, out)
      assert.matches("^false.*every task waits", out)
      shell.remove(folder)
    end)

    it("is refused a second loop inside the first", function()
      local ok, err = pcall(scheduler.run, function() scheduler.run(print) end)
      assert.is_false(ok)
      assert.matches("within a task", err)
    end)
  end)

  describe("with the clocks of a test", function()
    before_each(function() scheduler.leap(true) end)
    after_each(function() scheduler.leap(false) end)

    it("leaps where it would wait, all clocks alike", function()
      local now, boottime, time = scheduler.now(), scheduler.boottime(), scheduler.time()
      local real = os.time()
      scheduler.run(scheduler.sleep, 86400)
      assert.is_true(math.abs(scheduler.now() - now - 86400) < 1e-6)
      assert.is_true(math.abs(scheduler.boottime() - boottime - 86400) < 1e-6)
      assert.are.equal(86400000, scheduler.time() - time)
      assert.is_true(os.time() - real < 3600)
    end)

    it("keeps the order in which things are due, and stands still meanwhile", function()
      local order = {}
      scheduler.run(function()
        local event, began = scheduler.event(), scheduler.now()
        local waiting = scheduler.spawn(function()
          local came = event:wait(20)
          order[#order + 1] = came and "set" or "timeout"
        end)
        scheduler.spawn(function() scheduler.sleep(30) order[#order + 1] = "30" end)
        scheduler.spawn(function() scheduler.sleep(10) order[#order + 1] = "10" event:set() end)
        waiting:join()
        assert.is_true(math.abs(scheduler.now() - began - 10) < 1e-6)
        local now = scheduler.now()
        for _ = 1, 1000 do scheduler.sleep(0) end
        assert.are.equal(now, scheduler.now())
        scheduler.sleep(20)
        scheduler.sleep(0)
      end)
      assert.are.same({ "10", "set", "30" }, order)
    end)

    it("goes on where it stood, and the machine's clocks were never touched", function()
      scheduler.run(scheduler.sleep, 3600)
      local now = scheduler.now()
      scheduler.leap(false)
      assert.is_true(math.abs(scheduler.time() / 1000 - os.time()) < 60)
      scheduler.leap(true)
      assert.are.equal(now, scheduler.now())
    end)
  end)

  it("is quiet once all others wait for time", function()
    scheduler.run(function()
      local steps = 0
      scheduler.spawn(function()
        for _ = 1, 50 do scheduler.sleep(0) steps = steps + 1 end
        scheduler.sleep(60)
        steps = steps + 1
      end)
      scheduler.quiet()
      assert.are.equal(50, steps)
      scheduler.quiet()
    end)
    scheduler.run(scheduler.quiet)
  end)
end)
