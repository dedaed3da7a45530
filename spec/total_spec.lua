-- The whole of it, judged strictly: watchers that are killed, ended and stopped for a while, on the
-- embedded queue, with and without groups, with processes and handlers. Large in `make soak`, small
-- here. A calm run comes first: a kill would hide a heartbeat that is missing.

local total = require "support.total"

describe("every message of the embedded queue", function()
  for _, queue in ipairs { "embedded", "embedded FIFO" } do
    for _, runner in ipairs { "process", "handler", "resident" } do
      it(("finishes once, is dead or is queued: %s, %s"):format(queue, runner), function()
        total.check { queue = queue, runner = runner }
      end)

      it(("survives kills, ends, standstills and locks: %s, %s"):format(queue, runner), function()
        total.check { queue = queue, runner = runner, hurts = 5 }
      end)
    end
  end
end)
