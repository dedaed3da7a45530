-- Lua-handler jobs a second on the embedded queue.

local JOBS, WORKERS = 50000, 16

local POLICY = [[
return require "watchbot".policy {
  queue = "sqlite:jobs.db", handler = function() end, workers = %d }
]]

return function(bench)
  bench.write("policy.lua", POLICY:format(WORKERS))
  local rates = {}
  for round = 1, bench.rounds do
    bench.fill(JOBS)
    rates[round] = JOBS / bench.run { bench.watchbot, "run", "--drain", "policy.lua" }
  end
  bench.report("lua handlers, %d workers, one core: %.0f jobs/s (aim: 10000)", WORKERS,
    bench.median(rates))
end
