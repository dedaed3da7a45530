-- What metrics cost: Lua-handler jobs on the embedded queue of a watcher that listens and of one
-- that does not, in turns. Instructions are counted by valgrind, as in bench/instructions.lua;
-- while a job of a handler costs so few of them, the share of metrics is the largest it can be.
-- /metrics is not scraped meanwhile: a scrape is measured separately.

local http = require "watchbot.http"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"

local JOBS, WORKERS, MANY, FEW = 30000, 16, 4000, 100

local POLICY = [[
return require "watchbot".policy {
  queue = "sqlite:jobs.db", handler = function() return true end, workers = %d, %s }
]]

local LISTEN = 'listen = "127.0.0.1:0"'

local function rate(bench, more)
  bench.write("policy.lua", POLICY:format(WORKERS, more))
  bench.fill(JOBS)
  return JOBS / bench.run { bench.watchbot, "run", "--drain", "policy.lua" }
end

local function count(bench, jobs)
  bench.fill(jobs)
  bench.run {
    "valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file=callgrind.out",
    bench.watchbot, "run", "--drain", "policy.lua",
  }
  local file <close> = assert(io.open(bench.folder .. "/callgrind.out"))
  return tonumber(file:read "a":match "\ntotals: (%d+)" or error "valgrind has counted nothing")
end

local function instructions(bench, more)
  bench.write("policy.lua", POLICY:format(10, more))
  return (count(bench, MANY) - count(bench, FEW)) / (MANY - FEW)
end

-- CPU of the watcher for a scrape, of many.
local function scrape(bench)
  bench.write("policy.lua", POLICY:format(1, LISTEN))
  local child = assert(process.start {
    argv = { bench.watchbot, "run", "policy.lua" }, cwd = bench.folder, output = "capture",
    env = process.environment(),
  })
  local address
  while not address do
    scheduler.sleep(0.01)
    address = child:output():match '"address":"([^"]+)"'
  end
  local scrapes, started = 500, scheduler.now()
  for _ = 1, scrapes do assert(http.request { url = "http://" .. address .. "/metrics" }) end
  local each = (scheduler.now() - started) / scrapes
  child:kill "TERM"
  child:wait()
  bench.report("metrics: a scrape takes %.2f ms", each * 1000)
end

return function(bench)
  local without, with = {}, {}
  for round = 1, bench.rounds do
    without[round], with[round] = rate(bench, ""), rate(bench, LISTEN)
  end
  bench.report("metrics: %.1f %% of the jobs/s without them (%.0f of %.0f; aim: at least 98 %%)",
    100 * bench.median(with) / bench.median(without), bench.median(with), bench.median(without))
  scrape(bench)
  if not os.execute "command -v valgrind >/dev/null" then return end
  -- Runs differ by 1 %, since Lua's hashes have another seed in each: a mean says more than one.
  local before, after = 0, 0
  for _ = 1, bench.rounds do
    before = before + instructions(bench, "") / bench.rounds
    after = after + instructions(bench, LISTEN) / bench.rounds
  end
  bench.report("metrics: %+.2f %% instructions a handler job (%.0f, without %.0f; aim: 2 %%)",
    100 * (after / before - 1), after, before)
end
