-- What a simulated message costs: a million against ten thousand, the memory, and the CPU of a
-- message against that of a real handler job on the embedded queue in the same run.

local MANY, FEW, JOBS = 1000000, 10000, 50000

local POLICY = [[
return require "watchbot".policy {
  queue = "sqlite:jobs.db", handler = function() return true end, workers = 16 }
]]

local LOADED = [[
return require "watchbot".policy { queue = "sqlite:jobs.db", command = "true", workers = 200 }
]]

-- Seconds of CPU of a command, by the shell that waits for it: `times` writes a line for the shell
-- and one for its children.
local function measure(bench, argv)
  local _, out = bench.run { "sh", "-c", "\"$@\" > simulate.out && times", "sh",
    table.unpack(argv) }
  local seconds = 0
  for minutes, rest in out:gmatch "(%d+)m([%d.]+)s" do
    seconds = seconds + 60 * tonumber(minutes) + tonumber(rest)
  end
  return seconds
end

-- KiB at the highest point, asked while it runs.
local function highest(bench, argv)
  local child, most = bench.start(argv, { log = "simulate.out" }), 0
  while not child:wait(0.2) do
    local ok, size = pcall(bench.status, child:pid(), "VmHWM")
    if ok and size then most = math.max(most, size) end
  end
  return most
end

local function simulation(bench, policy, messages, ...)
  return { bench.watchbot, "simulate", policy, "--messages", tostring(messages), ... }
end

local function compare_sizes(bench)
  local load = {
    "--arrive", "50/s", "--run", "lognormal:2s:1.5", "--exit", "0=97%,1=2%,75=1%",
    "--watchers", "3",
  }
  local function each(messages)
    return measure(bench, simulation(bench, "loaded.lua", messages, table.unpack(load))) / messages
  end
  local few = {}
  for round = 1, bench.rounds do few[round] = each(FEW) end
  local many, base = each(MANY), bench.median(few)
  bench.report("simulate, 50/s: %.1f us of CPU a message of %d, %.1f us of %d: %.2f (aim: 1.3)",
    many * 1e6, MANY, base * 1e6, FEW, many / base)
  bench.report("simulate, %d messages: %.0f MB at most (aim: 1024)", MANY,
    highest(bench, simulation(bench, "loaded.lua", MANY, table.unpack(load))) / 1024)
end

local function compare_with_jobs(bench)
  local one, job, ratio = bench.pairs(function()
    return measure(bench, simulation(bench, "policy.lua", JOBS, "--run", "0.1s")) / JOBS
  end, function()
    bench.fill(JOBS)
    return measure(bench, { bench.watchbot, "run", "--drain", "policy.lua" }) / JOBS
  end)
  bench.report("simulate, a burst: %.1f us of CPU a message, a real handler job %.1f us: %.2f "
    .. "(aim: 1.5)", one * 1e6, job * 1e6, ratio)
end

return function(bench)
  bench.write("policy.lua", POLICY)
  bench.write("loaded.lua", LOADED)
  compare_with_jobs(bench)
  compare_sizes(bench)
end
