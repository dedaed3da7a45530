-- Process jobs a second and API calls a job on SQS, compared with ecs-watchbot on the same queue
-- server, and with a C loop that only spawns: on a machine that is slow to start processes, that
-- limits all of them.

local emptying = require "bench.emptying"

-- Messages for watchbot and for ecs-watchbot: each should be busy for some seconds.
local JOBS, JOBS_OF_OTHER, WORKERS = 2000, 500, 20

local POLICY = [[
return require "watchbot".policy { command = "true", workers = %d }
]]

local function ecs_watchbot(bench, modules)
  local volume = bench.folder .. "/volume" -- is emptied after each job
  os.execute(("mkdir -p '%s'"):format(volume))
  local program = modules .. "/node_modules/@mapbox/watchbot/bin/watchbot.js"
  return function()
    return emptying.measure(bench, JOBS_OF_OTHER, { "node", program, "listen", "true" },
      { Volumes = volume, maxJobDuration = "0" })
  end
end

return function(bench)
  local modules = emptying.modules(bench)
  local policy = bench.write("process.lua", POLICY:format(WORKERS))
  local spawn = bench.compile("spawn", "spawn.c")
  local values = emptying.compare(bench, function()
    local ours = emptying.measure(bench, JOBS, { bench.watchbot, "run", policy })
    ours.limit = JOBS / bench.run { spawn, tostring(JOBS), tostring(WORKERS), "sh", "-c", "true" }
    return ours
  end, modules and ecs_watchbot(bench, modules))
  local ours, other, ratio = values.ours, values.other, values.ratio
  bench.report("SQS, processes, `true`, %d workers: %.0f jobs/s, %.2f API calls a job (at most "
    .. "0.3), %.2f ms of the watcher's "
    .. "CPU, %.1f MB at its peak; a C loop that only spawns sh: %.0f/s", WORKERS, ours.rate,
      ours.calls, ours.cpu * 1000,
    ours.memory / 1024, ours.limit)
  if not modules then return end
  bench.report("  ecs-watchbot 4.7.1: %.0f jobs/s, %.2f API calls, %.2f ms, %.1f MB; ours are "
    .. "%.1f times the jobs (at least "
    .. "15), 1/%.1f of the memory (at most 1/6)", other.rate, other.calls, other.cpu * 1000,
      other.memory / 1024, ratio.rate,
    1 / ratio.memory)
end
