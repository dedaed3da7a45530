-- The same as total_spec, on SQS: calls fail at random, too, and a message may run again only if a
-- call about it did, or the watcher that ran it.

local total = require "support.total"

local RUNS = {
  SQS = { calm = { "process", "resident" }, hurt = { "process", "handler", "resident", "lambda" } },
  ["SQS FIFO"] = { calm = { "process" }, hurt = { "process", "resident" } },
}

describe("every message of an SQS queue", function()
  for queue, runs in pairs(RUNS) do
    for _, runner in ipairs(runs.calm) do
      it(("finishes once, is dead or is queued: %s, %s"):format(queue, runner), function()
        total.check { queue = queue, runner = runner }
      end)
    end

    for _, runner in ipairs(runs.hurt) do
      it(("survives lost calls, kills and standstills: %s, %s"):format(queue, runner), function()
        total.check { queue = queue, runner = runner, hurts = 4, factor = 2 }
      end)
    end
  end

  -- Among all other faults, entries that SQS fails may not come up at all, and handlers had done
  -- everything before the first one did.
  it("survives entries of batches that fail", function()
    total.check { queue = "SQS", runner = "handler", fails = 1000 }
  end)
end)
