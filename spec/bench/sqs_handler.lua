-- CPU a message of a Lua handler on SQS, beside sqs-consumer with a handler in the same process and batches of ten.

local emptying = require "bench.emptying"

-- Messages for us and for sqs-consumer: each is to be busy for some seconds.
local JOBS, JOBS_OF_OTHER, WORKERS = 20000, 5000, 20

local POLICY = [[
return require "watchbot".policy { handler = function() end, workers = %d }
]]

return function(bench)
  local modules = emptying.modules(bench)
  local policy = bench.write("handler.lua", POLICY:format(WORKERS))
  local values = emptying.compare(bench, function()
    return emptying.measure(bench, JOBS, { bench.watchbot, "run", policy })
  end, modules and function()
    return emptying.measure(bench, JOBS_OF_OTHER, { "node", bench.here .. "/consumer.mjs" }, { MODULES = modules })
  end)
  local ours, other, ratio = values.ours, values.other, values.ratio
  bench.report("SQS, Lua handlers, %d workers: %.0f jobs/s, %.2f API calls a job, %.1f us of CPU a message, %.1f MB at "
    .. "its peak", WORKERS, ours.rate, ours.calls, ours.cpu * 1e6, ours.memory / 1024)
  if not modules then return end
  bench.report("  sqs-consumer 15: %.0f jobs/s, %.2f API calls, %.1f us, %.1f MB; ours takes 1/%.1f of the CPU (at most 1/10)",
    other.rate, other.calls, other.cpu * 1e6, other.memory / 1024, 1 / ratio.cpu)
end
