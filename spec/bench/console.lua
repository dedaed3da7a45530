-- What a console costs: jobs of a watcher next to a console that is open in a browser (an
-- overview, which reads the file each second), compared with one without; and the time of its
-- pages for a queue of 100,000 messages and 100,000 attempts.

local http = require "watchbot.http"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"

local POLICY = [[
return require "watchbot".policy { queue = "sqlite:jobs.db", workers = 16, history = 3600,
  handler = function() return true end }
]]

local PAGES = { "/", "/jobs", "/jobs?state=waiting", "/jobs?match=no-such-text", "/dead-letters" }

-- A console of the bench's queue, and a cookie for it.
local function start(bench)
  local env = process.environment()
  env.ConsoleToken = "a-token-of-the-bench-only"
  local child = assert(process.start {
    argv = { bench.watchbot, "console", "--queue", "sqlite:jobs.db", "--listen", "127.0.0.1:0" },
    cwd = bench.folder, env = env, output = "capture",
  })
  local url
  repeat
    scheduler.sleep(0.02)
    url = (child:output()):match "(http%S+)"
  until url
  local origin = url:match "^http://[^/]+"
  local cookie = http.request { url = url, direct = true }.headers["set-cookie"]:match "^[^;]+"
  return child, function(path)
    local response = assert(http.request {
      url = origin .. path, headers = { Cookie = cookie }, direct = true, timeout = 120,
    })
    assert(response.status == 200, response.body)
  end
end

local function stop(child)
  child:kill "TERM"
  child:wait(10)
end

local function rate(bench, count)
  bench.write("policy.lua", POLICY)
  bench.fill(count)
  return count / bench.run { bench.watchbot, "run", "--drain", "policy.lua" }
end

-- The same while a page asks each second.
local function watched(bench, count)
  local child, get = start(bench)
  local looking = scheduler.spawn(function()
    while true do
      get "/"
      scheduler.sleep(1)
    end
  end)
  local result = rate(bench, count)
  looking:cancel "the bench ends"
  stop(child)
  return result
end

local function pages(bench)
  local child, get = start(bench)
  scheduler.sleep(3)
  for _, path in ipairs(PAGES) do
    local times = {}
    for index = 1, 7 do
      local started = scheduler.now()
      get(path)
      times[index] = (scheduler.now() - started) * 1000
    end
    table.sort(times)
    bench.report("console: %s takes %.1f ms", path, times[4])
  end
  stop(child)
end

return function(bench)
  local with, without, ratio = bench.pairs(function() return watched(bench, 30000) end,
    function() return rate(bench, 30000) end)
  bench.report("console: %.1f %% of the jobs/s without one (%.0f of %.0f)", 100 * ratio, with,
    without)
  rate(bench, 100000)
  bench.fill(100000)
  pages(bench)
end
