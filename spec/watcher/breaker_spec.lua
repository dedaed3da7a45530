local breaker = require "watchbot.watcher.breaker"
local scheduler = require "watchbot.scheduler"

-- Fails the step for each id; returns how many receives counted, and which failure opened it.
local function fail(one, step, fault, ids)
  local counted, opened_at = 0, nil
  for index, id in ipairs(ids) do
    local counts, opened = one:failed(step, id, fault)
    if counts then counted = counted + 1 end
    if opened then opened_at = opened_at or index end
  end
  return counted, opened_at
end

local SIX = { "a", "b", "c", "d", "e", "f" }

describe("breaker", function()
  it("opens at the fifth failure in a row of what no message can be blamed for", function()
    local one = breaker.new()
    local _, opened = fail(one, "start", "policy", { "a", "a", "a", "a", "a" })
    assert.are.equal(5, opened)
    assert.is_true(one.open)
    assert.are.equal(0, (fail(one, "start", "policy", { "a", "b" })))
  end)

  -- A drain that waits for the queue to be empty ends where nothing can be started.
  it("is exhausted where it has been open for as long as its user waits", function()
    scheduler.run(function()
      local one, patient = breaker.new(0.2), breaker.new()
      assert.is_false(one:exhausted())
      fail(one, "start", "policy", SIX)
      fail(patient, "start", "policy", SIX)
      assert.is_false(one:exhausted())
      scheduler.sleep(0.25)
      assert.is_true(one:exhausted())
      assert.is_false(patient:exhausted())
      one:try("a", 60)
      assert.is_false(one:exhausted())
      one:left "a"
      assert.is_true(one:passed "start")
      assert.is_false(one:exhausted())
    end)
  end)

  it("tries more often where its user waits", function()
    assert.are.equal(60, breaker.new():longest(60))
    assert.are.equal(1, breaker.new(10):longest(60))
    assert.are.equal(0.05, breaker.new(10):longest(0.05))
  end)

  it("counts only failures in a row", function()
    local one = breaker.new()
    for _ = 1, 20 do
      fail(one, "start", "policy", { "a", "b", "c", "d" })
      assert.is_false(one:passed "start")
    end
    assert.is_false(one.open)
  end)

  it("closes at the first success of the step that has opened it, and says so", function()
    local one = breaker.new()
    fail(one, "start", "policy", SIX)
    assert.is_false(one:passed "environment")
    assert.is_true(one.open)
    assert.is_true(one:passed "start")
    assert.is_false(one.open)
  end)

  -- A hook that raised for six messages opened it, good ones waited for minutes, and the six never
  -- came to an end.
  describe("of a step that may fail by the message", function()
    it("needs five different messages", function()
      local one = breaker.new()
      local counted, opened = fail(one, "start", "either", { "a", "a", "a", "a", "a", "b", "a" })
      assert.are.same({ 7, nil }, { counted, opened })
      assert.are.equal(3, select(2, fail(one, "start", "either", { "c", "d", "e" })))
    end)

    it("tries the next messages at once, then after growing pauses", function()
      scheduler.leap(true)
      local one = breaker.new()
      fail(one, "start", "either", SIX)
      one:wait(60)
      local pauses = {}
      for index = 1, 30 do
        assert.are.equal(index <= 20, one:may_try())
        one:try("m" .. index, 60)
        assert.is_false(one:may_try()) -- one at a time
        one:left("m" .. index)
        pauses[index] = one.probe_at - scheduler.now()
      end
      scheduler.leap(false)
      assert.are.equal(0, pauses[19])
      assert.are.same({ 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60 },
        table.move(pauses, 20, 30, 1, {}))
    end)

    it("is the message's own fault once others have got through", function()
      local one = breaker.new()
      fail(one, "start", "either", SIX)
      assert.is_true(one.open)
      assert.is_true(one:passed "start")
      for _ = 1, 3 do
        assert.are.equal(6, (fail(one, "start", "either", SIX)))
        assert.is_false(one.open)
      end
    end)

    it("remembers that for each step", function()
      local one = breaker.new()
      fail(one, "admit", "either", { "a" })
      one:passed "start"
      local counted, opened = fail(one, "admit", "either", { "a", "b", "c", "d", "e" })
      assert.are.same({ 5, 5 }, { counted, opened })
    end)
  end)

  it("waits as long as the policy says where no message is to blame", function()
    scheduler.leap(true)
    local one = breaker.new()
    fail(one, "start", "policy", SIX)
    one:wait(60)
    assert.is_false(one:may_try())
    scheduler.run(scheduler.sleep, 60)
    assert.is_true(one:may_try())
    scheduler.leap(false)
  end)
end)
