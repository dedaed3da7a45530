-- The whole of it, judged strictly: watchers that are killed, ended and stopped for a while, on the
-- embedded queue, with and without groups, with each runner; some of their tasks are killed.
-- Large in `make soak`, small here. A calm run comes first: a kill would hide a heartbeat that is
-- missing.

local total = require "support.total"

describe("every message of the embedded queue", function()
  for _, queue in ipairs { "embedded", "embedded FIFO" } do
    for _, runner in ipairs { "process", "handler", "batch handler", "resident", "lambda" } do
      it(("finishes once, is dead or is queued: %s, %s"):format(queue, runner), function()
        total.check { queue = queue, runner = runner }
      end)

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
