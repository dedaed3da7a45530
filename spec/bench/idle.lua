-- Resident memory of an idle watcher, CPU while idle, and the time from its start to its first receive.

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

return function(bench)
  local SECONDS = 5
  bench.write("policy.lua", POLICY)
  local starts, memory, cpu = {}, nil, nil
  for round = 1, bench.rounds do
    local begun = scheduler.now()
    local child = assert(process.start {
      argv = { bench.watchbot, "run", "policy.lua" }, cwd = bench.folder, output = "capture",
    })
    while not select(2, child:output()):find "first" do scheduler.sleep(0.0005) end
    starts[round] = scheduler.now() - begun
    if round == bench.rounds then
      local before = bench.cpu(child:pid())
      scheduler.sleep(SECONDS)
      memory, cpu = bench.status(child:pid(), "VmRSS"), bench.cpu(child:pid()) - before
    end
    child:kill "TERM"
    child:wait()
  end
  bench.report("idle: %.1f MB resident (at most 16), %.2f %% of a core; start to first receive %.1f ms (under 30)",
    memory / 1024, cpu * 100 / SECONDS, bench.median(starts) * 1000)
end
