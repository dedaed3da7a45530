-- A watcher of a paused queue: it receives nothing, finishes what runs, and is ready.

local policy = require "watchbot.policy"
local open_stage = require("watchbot.testing.stage").open
local pauses = require "watchbot.watcher.pauses"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

describe("a paused queue", function()
  local made
  after_each(function() made:close() end)

  local function stage(more, hooks)
    local fields = { queue = "sqlite:jobs.db", command = "true", workers = 2 }
    for name, value in pairs(more or {}) do fields[name] = value end
    local one = policy(fields)
    for name, hook in pairs(hooks or {}) do one[name] = hook end
    made = open_stage(one, {})
    return made.watcher
  end

  local function send(...)
    local bodies = { ... }
    made:drive(function()
      for _, body in ipairs(bodies) do made.queue:send { { body = body } } end
    end)
  end

  local function log() return table.concat(made.witness.lines, "\n") end

  it("is looked at by its watcher, which lets running tasks finish", function()
    local watcher = stage()
    send "a"
    assert.are.equal(1, watcher.jobs.slots)
    made:drive(function() made.queue:pause(600) end)
    made:advance(2)
    assert.is_true(watcher.pauses:is_paused())
    send "b"
    assert.are.equal(1, watcher.jobs.slots)
    assert.matches('"event":"paused","until":"', log())
    made:advance(700)
    assert.are.equal(2, watcher.jobs.slots)
    assert.is_false(watcher.pauses:is_paused())
    assert.matches('"event":"resumed"', log())
  end)

  -- SQS itself hands out messages all the same: the watcher does not ask.
  it("is not asked by a watcher of SQS, which looks at its tag each minute", function()
    local watcher = stage()
    made.queue.embedded = false
    made:drive(function() made.queue:pause() end)
    made:advance(70)
    assert.are.equal(0, watcher:capacity())
    made.queue.take = nil
    made.queue.paused = false
    made:advance(70)
    assert.are.equal(2, watcher:capacity())
  end)

  -- The log said that messages were received, while none were.
  it("stays paused while SQS does not say whether it is", function()
    local watcher = stage()
    made.queue.embedded = false
    made:drive(function() made.queue:pause() end)
    made:advance(70)
    function made.queue.pauses() return nil, "slow down", "ThrottlingException" end
    made:advance(70)
    assert.are.equal(0, watcher:capacity())
    assert.matches("is not known, so the pause that is known stays: slow down", log(), 1, true)
    assert.is_nil(log():find("so messages are received", 1, true))
  end)

  it("is not paused where that was never known", function()
    local watcher = stage()
    made.queue.embedded = false
    function made.queue.pauses() return nil, "no permission", "NotAllowed" end
    made:advance(70)
    assert.are.equal(2, watcher:capacity())
    assert.matches("is not known, so messages are received: no permission", log(), 1, true)
  end)

  it("is paused by the hook admit, which costs the message no receive", function()
    local calls = 0
    stage({}, { admit = function()
      calls = calls + 1
      if calls == 1 then return "pause", 300 end
      return true
    end })
    send "a"
    assert.are.equal(1, calls)
    assert.are.equal(0, made.queue.items[1].receives)
    assert.is_not_nil(made.queue:pauses()[1].ends)
    made:advance(299)
    assert.are.equal(1, calls)
    made:advance(5)
    assert.are.equal(2, calls)
    assert.are.equal(1, made.queue.items[1].receives)
  end)

  it("is paused by no hook with a wrong number of seconds", function()
    stage({}, { admit = function() return "pause", -1 end })
    send "a"
    assert.are.same({}, made.queue:pauses())
    assert.matches("admit: 'pause' needs seconds above 0, or none until it is resumed, not %-1",
      log())
  end)

  it("rests alone where the queue cannot be paused", function()
    local pausing = true
    local watcher = stage({}, { admit = function() return not pausing or "pause", 30 end })
    made.queue.pause = function() return nil, "not today", "NotAllowed" end
    send("a", "b")
    assert.matches("only this watcher rests: not today", log())
    assert.are.equal(0, watcher:capacity())
    pausing = false
    made:advance(31)
    assert.are.equal(2, watcher.jobs.slots)
  end)
end)

-- A queue that cannot say whether it is paused filled the log, a line a minute.
describe("a look at a queue that fails", function()
  it("is said once, and again only after it has succeeded", workshop.task(function()
    local told, fails = 0, true
    local one = pauses.new({
      embedded = false,
      pauses = function()
        if fails then return nil, "no", "NotAllowed" end
        return {}
      end,
    }, { warning = function() told = told + 1 end, info = function() end })
    one:look()
    one:look()
    assert.are.equal(1, told)
    assert.is_nil(one.answered)
    fails = false
    one:look()
    assert.is_true(one.answered <= scheduler.boottime())
    fails = true
    one:look()
    assert.are.equal(2, told)
  end))
end)
