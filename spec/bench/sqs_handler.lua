-- CPU a message of a Lua handler on SQS, compared with sqs-consumer with batches of ten and a
-- handler in the same process: one for each message, like watchbot's, and one for each batch.

local emptying = require "bench.emptying"

-- Messages for watchbot and for sqs-consumer: each should be busy for some seconds.
local JOBS, JOBS_OF_OTHER, WORKERS = 20000, 5000, 20

local POLICY = [[
return require "watchbot".policy { handler = function() end, workers = %d }
]]

return function(bench)
  local modules = emptying.modules(bench)
  local policy = bench.write("handler.lua", POLICY:format(WORKERS))
  local function ours()
    return emptying.measure(bench, JOBS, { bench.watchbot, "run", policy })
  end
  local function other(mode)
    return modules and function()
      local environment = { MODULES = modules, MODE = mode }
      return emptying.measure(bench, JOBS_OF_OTHER, { "node", bench.here .. "/consumer.mjs" },
        environment)
    end
  end
  for index, mode in ipairs { "message", "batch" } do
    local values = emptying.compare(bench, ours, other(mode))
    local one, two, ratio = values.ours, values.other, values.ratio
    if index == 1 then
      bench.report("SQS, Lua handlers, %d workers: %.0f jobs/s, %.2f API calls a job, %.1f us of "
        .. "CPU a message, %.1f MB at "
        .. "its peak", WORKERS, one.rate, one.calls, one.cpu * 1e6, one.memory / 1024)
    end
    if not modules then return end
    bench.report("  sqs-consumer 15, a handler for each %s: %.0f jobs/s, %.2f API calls, %.1f us, "
      .. "%.1f MB; ours takes 1/%.1f "
      .. "of the CPU (at most 1/10)", mode, two.rate, two.calls, two.cpu * 1e6, two.memory / 1024,
        1 / ratio.cpu)
  end
end
