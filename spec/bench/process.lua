-- Process jobs a second on the embedded queue, compared with a C loop that only spawns (spawn.c).

local JOBS, WORKERS = 3000, 16

local POLICY = [[
return require "watchbot".policy {
  queue = "sqlite:jobs.db", command = { "/bin/true" }, workers = %d }
]]

return function(bench)
  local spawn = bench.compile("spawn", "spawn.c")
  bench.write("policy.lua", POLICY:format(WORKERS))
  local watcher, loop, ratio = bench.pairs(function()
    bench.fill(JOBS)
    return JOBS / bench.run { bench.watchbot, "run", "--drain", "policy.lua" }
  end, function()
    return JOBS / bench.run { spawn, tostring(JOBS), tostring(WORKERS) }
  end)
  bench.report("process jobs, /bin/true, %d workers: %.0f/s; a C loop that only spawns: %.0f/s; "
    .. "ratio %.2f (at least 0.75)",
    WORKERS, watcher, loop, ratio)
end
