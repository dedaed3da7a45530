-- A run that keeps its own time limit.

local leaping = require "support.leaping"
local limits = require "watchbot.runner.limits"
local policy = require "watchbot.policy"
local scheduler = require "watchbot.scheduler"
local testing = require "watchbot.testing"

local Run = {}
Run.__index = Run

function Run:ended(seconds)
  if self.over_event:wait(seconds) then return { code = self.code or 0 } end
end

function Run:stop(reason)
  self.reason = self.reason or reason
  self.code = 143
  self.over_event:set()
end

limits.extend(Run)

local function begin(timeout)
  return limits.begin(setmetatable({ over_event = scheduler.event() }, Run),
    { timeout = timeout, kill_grace = 1 })
end

describe("a run with a time limit", function()
  it("has started when it has run for a second", leaping.task(function()
    local run = begin(0)
    assert.is_true(run:starts())
    run:stop "x"
    run = begin(0)
    run.over_event:set()
    assert.is_false(run:starts())
    assert.are.same({ code = 0 }, run:wait())
  end))

  it("is stopped at its limit, also within its first second", leaping.task(function()
    for _, limit in ipairs { 0.5, 1, 10 } do
      local run = begin(limit)
      run:starts()
      local exit = run:wait()
      assert.is_true(exit.timed_out)
      assert.are.equal(("timed out after %g s"):format(limit), run.reason)
    end
  end))

  it("has not timed out when it was stopped for another reason", leaping.task(function()
    local run = begin(10)
    run:stop "stopped: the watcher is draining"
    assert.is_nil(run:wait().timed_out)
  end))

  -- The clock of a test moved to the end of a timeout, which was a nanosecond later now and then.
  it("is over when a test has moved the clock by just that long", function()
    for seconds = 1, 40 do
      local w <close> = testing.watch(policy {
        queue = "sqlite:x.db", command = "true", timeout = seconds * 37,
      })
      w:message "x"
      w:advance(seconds * 37)
      assert.are.equal("retry", w:outcome())
    end
  end)
end)
