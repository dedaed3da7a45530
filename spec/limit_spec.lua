-- Limits on code of a user's: a handler `repeat local ok = pcall(f) until ok`, a loop in a
-- coroutine or one in a hook ran forever, whatever the policy's timeout was, and two TERMs did not
-- end it.

local scheduler = require "watchbot.scheduler"

local LIMIT, PATIENCE = 0.05, 60

-- Runs `body` with a limit, in a task; returns what pcall says, and that it took no longer than it
-- may.
local function limited(body, ...)
  local arguments = { ... }
  return scheduler.run(function()
    local began = scheduler.now()
    local results = table.pack(pcall(scheduler.limit, LIMIT, "time is over", body,
      table.unpack(arguments)))
    assert.is_true(scheduler.now() - began < PATIENCE)
    return table.unpack(results, 1, results.n)
  end)
end

local function spin()
  while true do end -- luacheck: ignore
end

describe("scheduler.limit", function()
  it("returns what the function returns, and raises what it raises", function()
    assert.are.same({ true, 1, nil, "x" }, { limited(function(...) return ... end, 1, nil, "x") })
    assert.are.same({ false, { code = 7 } }, { limited(error, { code = 7 }) })
    assert.are.equal(0, select("#", select(2, limited(function() end))))
  end)

  local loops = {
    ["a loop"] = spin,
    ["pcall in a loop"] = function() repeat local ok = pcall(spin) until ok end,
    ["pcall of pcall in a loop"] = function() while true do pcall(pcall, pcall, spin) end end,
    ["xpcall with a handler in a loop"] =
      function() while true do xpcall(spin, function(err) return err end) end end,
    ["a wait"] = function() scheduler.sleep(PATIENCE * 2) end,
    ["waits that are caught"] = function() while true do pcall(scheduler.sleep, PATIENCE) end end,
    ["waits of 0 that are caught"] = function() while true do pcall(scheduler.sleep, 0) end end,
    ["a wait for an event"] = function() scheduler.event():wait() end,
    ["a loop in a coroutine"] = function() coroutine.wrap(spin)() end,
    ["a loop in a coroutine of a coroutine"] = function()
      coroutine.wrap(function() coroutine.wrap(spin)() end)()
    end,
    ["coroutines that are resumed in a loop"] = function()
      while true do coroutine.resume(coroutine.create(spin)) end
    end,
    ["a coroutine that yields in a loop"] = function()
      local turn = coroutine.wrap(function() while true do coroutine.yield() end end)
      while true do turn() end
    end,
    ["a loop in a metamethod"] = function() return setmetatable({}, { __index = spin }).x end,
    ["a loop in table.sort"] = function() table.sort({ 3, 1, 2 }, spin) end,
    ["a loop in gsub"] = function() ("x"):gsub(".", spin) end,
    ["a loop in a __close"] = function()
      local guard <close> = setmetatable({}, { __close = spin })
      return guard
    end,
    ["goto"] = function() ::again:: goto again end,
  }

  for name, loop in pairs(loops) do
    it("ends " .. name, function()
      assert.are.same({ false, "time is over" }, { limited(loop) })
    end)
  end

  it("ends a coroutine that was made before there was a limit", function()
    local created, wrapped = coroutine.create(spin), coroutine.wrap(spin)
    assert.are.same({ false, "time is over" },
      { limited(function() error((select(2, coroutine.resume(created))), 0) end) })
    assert.are.same({ false, "time is over" }, { limited(wrapped) })
  end)

  it("leaves coroutine.resume and wrap what they were", function()
    local one = coroutine.create(function(...) return "end", coroutine.yield(...) end)
    assert.are.same({ true, 1, 2 }, { coroutine.resume(one, 1, 2) })
    assert.are.same({ true, "end", "x" }, { coroutine.resume(one, "x") })
    assert.are.same({ false, "cannot resume dead coroutine" }, { coroutine.resume(one) })
    assert.has_error(function() coroutine.resume(7) end)
    assert.has_error(function() coroutine.wrap() end)
    local values = {}
    for value in coroutine.wrap(function()
      for n = 1, 3 do coroutine.yield(n) end end) do values[#values + 1] = value
    end
    assert.are.same({ 1, 2, 3 }, values)
  end)

  it("cannot be taken away by debug.sethook", function()
    local ok, err = limited(function() debug.sethook() end)
    assert.is_false(ok)
    assert.matches("sethook", err)
    assert.has_no.errors(function() debug.sethook() end)
  end)

  it("lets what follows wait and compute again", function()
    scheduler.run(function()
      pcall(scheduler.limit, LIMIT, "over", spin)
      local sum = 0
      for n = 1, 1000000 do sum = sum + n end
      assert.are.equal(500000500000, sum)
      scheduler.sleep(LIMIT * 2)
      assert.is_nil((debug.gethook()))
    end)
  end)

  it("nests: the limit that is over first counts, and the outer one goes on", function()
    scheduler.run(function()
      local inner, outer
      local ok, err = pcall(scheduler.limit, 3, "outer", function()
        inner = { pcall(scheduler.limit, LIMIT, "inner", spin) }
        outer = { pcall(scheduler.limit, PATIENCE, "inner", spin) }
        spin()
      end)
      assert.are.same({ false, "inner" }, inner)
      assert.is_nil(outer) -- its pcall was left by the outer limit, too
      assert.are.same({ false, "outer" }, { ok, err })
    end)
  end)

  it("says at once what is wrong with its arguments", function()
    assert.has_error(function() scheduler.limit(1, "reason", print) end)
    scheduler.run(function()
      local function refused(...) assert.is_false((pcall(scheduler.limit, ...))) end
      refused(-1, "x", print)
      refused("soon", "x", print)
      refused(1, nil, print)
      refused(1, "x", "print")
      refused(0 / 0, "x", print)
    end)
  end)

  it("holds with the clocks of a test, which stand still", function()
    scheduler.run(function()
      scheduler.leap(true)
      local computed = { pcall(scheduler.limit, LIMIT, "over", spin) }
      local waited = { pcall(scheduler.limit, 3600, "over", scheduler.sleep, 7200) }
      scheduler.leap(false)
      assert.are.same({ false, "over" }, computed)
      assert.are.same({ false, "over" }, waited)
    end)
  end)

  it("keeps a task that the function spawns from running longer without a wait", function()
    scheduler.run(function()
      local task
      pcall(scheduler.limit, LIMIT, "over", function() task = scheduler.spawn(spin) end)
      assert.is_false((task:join(PATIENCE)))
    end)
  end)
end)

describe("task:abort", function()
  it("raises in a task that waits and catches", function()
    scheduler.run(function()
      local task = scheduler.spawn(function()
        while true do pcall(scheduler.sleep, PATIENCE) end
      end)
      scheduler.sleep(0)
      assert.is_true(task:abort "enough")
      assert.are.same({ false, "enough" }, { task:join(PATIENCE) })
      assert.is_false(task:abort())
    end)
  end)

  it("keeps the first reason, and is no failure to report", function()
    scheduler.run(function()
      local reported = 0
      scheduler.on_failure(function() reported = reported + 1 end)
      local task = scheduler.spawn(function() repeat until pcall(scheduler.sleep, PATIENCE) end)
      scheduler.sleep(0)
      task:abort "first"
      task:abort "second"
      scheduler.sleep(0.01)
      scheduler.on_failure(nil)
      assert.are.same({ false, "first" }, { task:join() })
      assert.are.equal(0, reported)
    end)
  end)

  it("ends a task that has not begun", function()
    scheduler.run(function()
      local began = false
      local task = scheduler.spawn(function()
        began = true
        spin()
      end)
      task:abort()
      assert.are.same({ false, "task aborted" }, { task:join(PATIENCE) })
      assert.is_false(began)
    end)
  end)

  it("wins over a limit that the task is in", function()
    scheduler.run(function()
      local task = scheduler.spawn(function()
        pcall(scheduler.limit, PATIENCE, "limit", scheduler.sleep, PATIENCE)
        return "went on"
      end)
      scheduler.sleep(0)
      task:abort "enough"
      assert.are.same({ false, "enough" }, { task:join(PATIENCE) })
    end)
  end)
end)

-- A policy kept `scheduler.running()` of a handler, and cancelled it once the same task ran the job
-- of another message: that job was never settled, and its slot was lost.
describe("the handle that code in a limit gets of its own task", function()
  -- => a task that has left its limit and waits for `go`, the handle from within, and `go`
  local function kept()
    local go, handle = scheduler.event(), nil
    local task = scheduler.spawn(function()
      scheduler.limit(math.huge, "limit", function() handle = scheduler.running() end)
      return go:wait()
    end)
    scheduler.sleep(0)
    return task, handle, go
  end

  for _, method in ipairs { "cancel", "abort", "expire" } do
    it("reaches nothing after the limit: " .. method, function()
      scheduler.run(function()
        local task, handle, go = kept()
        assert.is_false(handle[method](handle, "late"))
        assert.is_true(handle:ended())
        assert.are.same({ true }, { handle:join(PATIENCE) })
        assert.is_false(task:ended())
        go:set()
        assert.are.same({ true, true }, { task:join(PATIENCE) })
      end)
    end)

    it("reaches its own limit, not what follows it: " .. method, function()
      scheduler.run(function()
        local handle
        local task = scheduler.spawn(function()
          local result = { pcall(scheduler.limit, math.huge, "limit", function()
            handle = scheduler.running()
            scheduler.sleep(PATIENCE)
          end) }
          scheduler.sleep(0)
          return table.unpack(result)
        end)
        scheduler.sleep(0)
        assert.is_true(handle[method](handle, "enough"))
        assert.are.same({ true, false, "enough" }, { task:join(PATIENCE) })
      end)
    end)
  end

  it("is one value during a stay, another in the next, and never the task", function()
    scheduler.run(function()
      local function twice() return scheduler.running(), scheduler.running() end
      local first, again = scheduler.limit(math.huge, "limit", twice)
      local inner = scheduler.limit(math.huge, "limit", twice)
      assert.are.equal(first, again)
      assert.are_not.equal(first, inner)
      assert.are_not.equal(first, scheduler.running())
      assert.are.equal(scheduler.current(), scheduler.running())
      assert.are.equal(scheduler.current(), scheduler.limit(math.huge, "x", scheduler.current))
    end)
  end)

  it("can be waited for: its limit, and the end of a task that code in a limit has spawned",
    function()
      scheduler.run(function()
        local go, handle = scheduler.event(), nil
        local task = scheduler.spawn(function()
          scheduler.limit(math.huge, "limit", function()
            handle = scheduler.running()
            go:wait()
          end)
          scheduler.sleep(PATIENCE)
        end)
        scheduler.sleep(0)
        assert.are.equal("Timeout", select(3, handle:join(0)))
        scheduler.spawn(go.set, go)
        assert.are.same({ true }, { handle:join(PATIENCE) })
        task:cancel()

        scheduler.limit(math.huge, "limit", function()
          local own
          scheduler.spawn(function()
            own = scheduler.running()
            scheduler.sleep(0)
            return "result"
          end)
          scheduler.sleep(0)
          assert.are.same({ true, "result" }, { own:join(PATIENCE) })
        end)
      end)
    end)
end)

-- A hook of a policy may wait for an hour, but one that computes for long stops all heartbeats.
describe("a limit of a turn", function()
  local function in_a_turn(body)
    return scheduler.run(function()
      return pcall(scheduler.limit_turn, 0.2, "too long", body)
    end)
  end

  it("lets wait for any time", function()
    assert.is_true((in_a_turn(function() scheduler.sleep(0.5) return true end)))
    assert.is_true((in_a_turn(function()
      for _ = 1, 5 do
        scheduler.sleep(0.1)
      end
    end)))
  end)

  it("ends what computes, however often it catches that", function()
    local ok, err = in_a_turn(function() while true do pcall(error, "again") end end)
    assert.is_false(ok)
    assert.are.equal("too long", err)
    ok = in_a_turn(function()
      scheduler.sleep(0.3)
      while true do pcall(error) end
    end)
    assert.is_false(ok)
  end)

  it("is over with its body", function()
    scheduler.run(function()
      pcall(scheduler.limit_turn, 0.05, "too long", function() while true do pcall(error) end end)
      local began = scheduler.now()
      while scheduler.now() - began < 0.3 do pcall(error) end
    end)
  end)
end)
