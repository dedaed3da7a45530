-- A task that answers for the whole watcher (heartbeats, the followers of ECS tasks) died of one
-- odd answer, and nothing ever started it again: every slot was lost until a restart.

local leaping = require "support.leaping"
local scheduler = require "watchbot.scheduler"
local supervise = require "watchbot.lib.supervise"

describe("a supervised task", function()
  local reports

  local function report(name, err, pause)
    reports[#reports + 1] = { name = name, err = err, pause = pause }
  end

  before_each(function() reports = {} end)

  it("starts again after it has raised, and says so with its name and traceback",
    leaping.task(function()
    local runs = 0
    supervise("heartbeats", report, function(argument)
      runs = runs + 1
      if runs < 3 then error("odd answer " .. argument) end
    end, 7):join()
    assert.are.equal(3, runs)
    assert.are.equal(2, #reports)
    assert.are.equal("heartbeats", reports[1].name)
    assert.matches("odd answer 7\nstack traceback:", reports[1].err)
  end))

  it("waits longer each time, at most a minute, and begins anew after a long run",
    leaping.task(function()
    local runs = 0
    supervise("poll", report, function()
      runs = runs + 1
      if runs == 12 then scheduler.sleep(120) end
      if runs <= 12 then error "again" end
    end):join()
    local pauses = {}
    for index, one in ipairs(reports) do pauses[index] = one.pause end
    assert.are.same({ 0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 0.5 }, pauses)
  end))

  -- A watcher whose polls always failed did not end, and on the clock of watchbot.testing it spun.
  it("pauses no longer than until an event, and ends if it still fails then",
    leaping.task(function()
    for still_fails, runs_expected in pairs { [true] = 2, [false] = 2 } do
      local over, runs = scheduler.event(), 0
      local one = supervise("poll", report, function()
        runs = runs + 1
        if runs == 1 or still_fails then error "again" end
      end):ends_with(over)
      scheduler.sleep(0.1)
      local began = scheduler.now()
      over:set()
      assert.is_true(one:join(3600))
      assert.are.equal(0, scheduler.now() - began)
      assert.are.equal(runs_expected, runs)
    end
  end))

  it("goes on when the report raises", leaping.task(function()
    local runs = 0
    supervise("poll", function() error "the log is gone" end, function()
      runs = runs + 1
      if runs == 1 then error "once" end
    end):join()
    assert.are.equal(2, runs)
  end))

  it("ends by cancel, in the body and in the pause, without a report", leaping.task(function()
    local waiting = supervise("waits", report, function() scheduler.sleep(1000) end)
    local pausing = supervise("pauses", report, function() error "at once" end)
    scheduler.sleep(0.1)
    assert.are.equal(1, #reports)
    waiting:cancel()
    pausing:cancel()
    assert.is_true(waiting:join(1))
    assert.is_true(pausing:join(1))
    assert.is_true(waiting:ended())
    assert.are.equal(1, #reports)
  end))

  -- pcall in a body catches the cancel, too: the supervisor must not start it again after that.
  it("does not start again when the body swallows the cancel", leaping.task(function()
    local runs = 0
    local one = supervise("swallows", report, function()
      runs = runs + 1
      pcall(scheduler.sleep, 1000)
      error "after the cancel"
    end)
    scheduler.sleep(1)
    one:cancel()
    assert.is_true(one:join(1))
    assert.are.equal(1, runs)
    assert.are.equal(0, #reports)
  end))
end)
