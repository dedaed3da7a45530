-- Resident memory of an idle watcher, CPU while idle, and the time from its start to its first
-- receive.

local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"

local POLICY = [[
local policy = require "watchbot".policy { queue = "sqlite:jobs.db", command = { "/bin/true" } }
function policy:poll(state)
  io.stderr:write "first\n"
  return require "watchbot".policy.poll(self, state)
end
return policy
]]

-- A program that ends with its first receive: the time from its start to then, its loading
-- included.
local ENDS = [[
local policy = require "watchbot".policy { queue = "sqlite:jobs.db", command = { "/bin/true" } }
function policy:poll() os.exit(0) end
return policy
]]

local function start_to_receive(bench)
  bench.write("ends.lua", ENDS)
  local times = {}
  for round = 1, bench.rounds * 5 do
    local child = assert(process.start {
      argv = { bench.watchbot, "run", "ends.lua" }, cwd = bench.folder,
    })
    times[round] = child:wait().duration
  end
  return bench.median(times)
end

return function(bench)
  local SECONDS = 5
  bench.write("policy.lua", POLICY)
  local child = assert(process.start {
    argv = { bench.watchbot, "run", "policy.lua" }, cwd = bench.folder, output = "capture",
  })
  while not select(2, child:output()):find "first" do scheduler.sleep(0.01) end
  local before = bench.cpu(child:pid())
  scheduler.sleep(SECONDS)
  local memory, cpu = bench.status(child:pid(), "VmRSS"), bench.cpu(child:pid()) - before
  child:kill "TERM"
  child:wait()
  bench.report("idle: %.1f MB resident (at most 16), %.2f %% of a core; start to first receive "
    .. "%.1f ms (under 30)",
    memory / 1024, cpu / SECONDS * 100, start_to_receive(bench) * 1000)
end
