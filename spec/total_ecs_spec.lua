-- The same as total_spec, with ECS tasks that really run: they outlive their watchers, so that what
-- is done to those is no reason to run a message again.

local total = require "support.total"

describe("every message of a queue whose tasks run on ECS", function()
  for _, queue in ipairs { "embedded", "SQS FIFO" } do
    it("finishes once, is dead or is queued: " .. queue, function()
      total.check { queue = queue, runner = "ECS", max_receives = 3 }
    end)
  end

  it("survives lost calls, kills and standstills: SQS", function()
    total.check {
      queue = "SQS", runner = "ECS", messages = 60, max_receives = 8, hurts = 3, factor = 2,
    }
  end)
end)
