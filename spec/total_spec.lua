-- The whole of it, judged strictly: watchers that are killed, ended and stopped for a while, on the
-- embedded queue, with and without groups, with each runner; some of their tasks are killed.
-- Large in `make soak`, small here. A calm run comes first: a kill would hide a heartbeat that is
-- missing.

local total = require "support.total"

-- With each queue, the runners of its calm runs and of its hurt ones: what one shows, another need
-- not show again. `make soak` has them all.
local RUNS = {
  embedded = {
    calm = { "process", "handler", "resident" },
    hurt = { "process", "handler", "batch handler", "resident", "lambda" },
  },
  ["embedded FIFO"] = {
    calm = { "handler" }, hurt = { "process", "batch handler", "resident" },
  },
}

describe("every message of the embedded queue", function()
  for queue, runs in pairs(RUNS) do
    for _, runner in ipairs(runs.calm) do
      it(("finishes once, is dead or is queued: %s, %s"):format(queue, runner), function()
        total.check { queue = queue, runner = runner }
      end)
    end

    for _, runner in ipairs(runs.hurt) do
      it(("survives kills, ends, standstills and locks: %s, %s"):format(queue, runner), function()
        total.check { queue = queue, runner = runner, hurts = 5 }
      end)
    end
  end

  -- Among all other faults, no run killed a watcher while one of its long tasks was at work.
  it("survives watchers that are killed again and again", function()
    total.check { queue = "embedded", runner = "process", hurts = 8, kinds = { "KILL" } }
  end)
end)
