-- The watcher's own CPU a job with few and with many jobs in flight: nothing in the loop may grow
-- with their number.

local JOBS = 3000

-- At its end the watcher reports its own usage: utime and stime of proc(5), in ticks, without its
-- children.
local POLICY = [[
local policy = require "watchbot".policy {
  queue = "sqlite:jobs.db", command = { "sleep", "%g" }, workers = %d }
function policy:stop()
  local file <close> = io.open "/proc/self/stat"
  local fields = {}
  for field in file:read "a":match "%%) (.*)":gmatch "%%S+" do
    fields[#fields + 1] = tonumber(field) or 0 end
  io.stderr:write(fields[12] + fields[13], "\n")
end
return policy
]]

local function ticks(bench, workers, seconds)
  bench.write("policy.lua", POLICY:format(seconds, workers))
  bench.fill(JOBS)
  bench.run { "sh", "-c", "exec '" .. bench.watchbot .. "' run --drain policy.lua 2> ticks" }
  local file <close> = io.open(bench.folder .. "/ticks")
  return assert(file:read "n", "the watcher did not tell its CPU time")
end

return function(bench)
  local many, few, ratio = bench.pairs(function()
    return ticks(bench, 1000, 1)
  end, function()
    return ticks(bench, 10, 0.01)
  end)
  bench.report("the watcher's CPU a job: %.2f ms with 1000 workers, %.2f ms with 10; ratio %.2f "
    .. "(at most 1.2)",
    many * 10 / JOBS, few * 10 / JOBS, ratio)
end
