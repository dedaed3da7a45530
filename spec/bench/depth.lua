-- How an embedded queue holds up: a million waiting messages, ten thousand groups, fifty producers,
-- several watchers on one file, few large groups, one tenant with a backlog, more workers than open
-- files. DEPTH=receive,groups,... for some of these; ROUNDS as elsewhere.

local open_queue = require("watchbot.queue").open
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"

local depth = {}

local HANDLER = [[
return require "watchbot".policy {
  queue = "sqlite:jobs.db", handler = function() end, workers = 16, log_messages = false, %s }]]

local PROCESS = [[
return require "watchbot".policy {
  queue = "sqlite:jobs.db", command = { "/bin/true" }, workers = 4, log_messages = false }]]

local function clear(bench) os.execute("rm -f '" .. bench.folder .. "'/jobs.db*") end

local function open(bench, options)
  return assert(open_queue("sqlite:" .. bench.folder .. "/jobs.db", options or {}))
end

-- Rows as `send` writes them, in one transaction; `group` is SQL.
local FILL = {
  [[WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
    INSERT INTO messages (due, visible_at, sent, born, fifo_group, priority)
    SELECT ?2, CASE WHEN %s IS NULL OR i <= ?3 THEN ?2 END, ?2, ?2, %s, 0 FROM n]],
  [[INSERT INTO contents (seq, id, body)
    SELECT seq, lower(hex(randomblob(16))), 'message-' || seq FROM messages
    WHERE seq NOT IN (SELECT seq FROM contents)]],
}

-- A queue with `count` messages; with `groups` they are dealt out to these in turn.
local function fill(bench, count, groups)
  clear(bench)
  open(bench):close()
  local database <close> = assert(sqlite.open(bench.folder .. "/jobs.db"))
  local group = groups and ("'g' || (i %% %d)"):format(groups) or "NULL"
  assert(database:transaction(function(transaction)
    transaction:run(FILL[1]:format(group, group), count, scheduler.time(), groups or 0)
    transaction:run(FILL[2])
    return true
  end))
end

-- Milliseconds of the median of some calls.
local function milliseconds(bench, count, body)
  local times = {}
  for index = 1, count do
    local began = scheduler.now()
    body(index)
    times[index] = (scheduler.now() - began) * 1000
  end
  return bench.median(times)
end

local function drain(bench, file)
  return bench.run({ bench.watchbot, "run", "--drain", file or "policy.lua" }, { pin = false })
end

-- a million messages

local function calls_at(bench, count)
  fill(bench, count)
  local found = {}
  do
    local queue <close> = open(bench)
    found.receive = milliseconds(bench, 100, function()
      for _, message in ipairs(assert(queue:receive(4, 0, 60))) do
        assert(queue:delete(message.receipt))
      end
    end)
    found.send = milliseconds(bench, 100, function()
      assert(queue:send { { body = "one more" } })
    end)
    found.status = milliseconds(bench, 100, function()
      assert(queue:counts())
      assert(queue:traffic())
    end)
  end
  found.jobs = milliseconds(bench, 5, function()
    bench.run({ bench.watchbot, "jobs", "list", "--queue", "sqlite:jobs.db" }, { pin = false })
  end)
  return found
end

function depth.receive(bench)
  local few, many = calls_at(bench, 1000), calls_at(bench, 1000000)
  local parts = {}
  for _, name in ipairs { "receive", "send", "status", "jobs" } do
    parts[#parts + 1] = ("%s %.2f (%.2f ms)"):format(name, many[name] / few[name], many[name])
  end
  bench.report("1,000,000 waiting messages against 1,000, times of: %s (at most 1.5 each)",
    table.concat(parts, ", "))
end

-- groups

local function compare_groups(bench, count, groups, says)
  bench.write("policy.lua", HANDLER:format "")
  local with, without, ratio = bench.pairs(function()
    fill(bench, count, groups)
    return (drain(bench))
  end, function()
    fill(bench, count)
    return (drain(bench))
  end)
  bench.report(says, with, without, ratio)
end

function depth.groups(bench)
  compare_groups(bench, 40000, 10000, "40,000 messages in 10,000 groups: %.2f s, without groups "
    .. "%.2f s: %.2f times the time (at most 2)")
end

function depth.large_groups(bench)
  compare_groups(bench, 20000, 10, "10 groups of 2,000: %.2f s, without groups %.2f s: %.2f times "
    .. "the time (at most 2)")
end

-- producers

local SENDER = [[
local scheduler = require "watchbot.scheduler"
local queue = assert(require("watchbot.queue").open "sqlite:jobs.db")
scheduler.run(function()
  for index = 1, %d do assert(queue:send { { body = "message-" .. index } })[1].id:len() end
end)
os.exit(0)]]

local function produce(bench, producers, each)
  clear(bench)
  open(bench):close()
  bench.write("sender.lua", SENDER:format(each))
  local here = bench.here:gsub("/spec/bench$", "")
  local children, began = {}, scheduler.now()
  for index = 1, producers do
    children[index] = assert(process.start {
      argv = { "lua5.4", "sender.lua" }, cwd = bench.folder, output = "capture",
      env = setmetatable({
        PATH = os.getenv "PATH", LUA_PATH = here .. "/lua/?.lua;" .. here .. "/lua/?/init.lua;;",
        LUA_CPATH = bench.build .. "/lib/?.so;;",
      }, nil),
    })
  end
  for _, child in ipairs(children) do
    local exit = child:wait()
    if exit.code ~= 0 then error(select(2, child:output())) end
  end
  local seconds = scheduler.now() - began
  local queue <close> = open(bench)
  assert(queue:counts().visible == producers * each, "messages are missing")
  return producers * each / seconds
end

function depth.producers(bench)
  local fifty, one, ratio = bench.pairs(function() return produce(bench, 50, 40) end,
    function() return produce(bench, 1, 2000) end)
  bench.report("50 producers at once, a message a commit: %.0f/s, one: %.0f/s: ratio %.2f; all "
    .. "2,000 arrived", fifty, one, ratio)
end

-- several watchers

-- => jobs a second of all, the smallest and the largest share
local function watch(bench, watchers, count)
  fill(bench, count)
  local children, began, least, most = {}, scheduler.now(), 1, 0
  for index = 1, watchers do
    children[index] = assert(process.start {
      argv = { bench.watchbot, "run", "--drain", "policy.lua" }, cwd = bench.folder,
      output = "capture", limit = 256 << 20,
    })
  end
  for _, child in ipairs(children) do
    assert(child:wait().code == 0)
    local _, done = child:output():gsub('"outcome":"complete"', "")
    least, most = math.min(least, done / count), math.max(most, done / count)
  end
  return count / (scheduler.now() - began), least, most
end

local function compare_watchers(bench, kind, policy, count)
  bench.write("policy.lua", policy)
  local least, most = 1, 0
  local four, one, ratio = bench.pairs(function()
    local rate, low, high = watch(bench, 4, count)
    least, most = math.min(least, low), math.max(most, high)
    return rate
  end, function() return (watch(bench, 1, count)) end)
  bench.report("4 watchers on one file, %s: %.0f jobs/s, one: %.0f: ratio %.2f (at least 1); "
    .. "shares %.0f to %.0f %%", kind, four, one, ratio, least * 100, most * 100)
end

function depth.watchers(bench)
  compare_watchers(bench, "Lua handlers", HANDLER:format "", 40000)
  compare_watchers(bench, "processes", PROCESS, 4000)
end

-- a tenant with a backlog

local JOB, QUIET = 0.2, 60

local TENANTS = [[
local scheduler = require "watchbot.scheduler"
local waits = io.open("waits", "w")
return require "watchbot".policy {
  queue = "sqlite:jobs.db", workers = 4, log_messages = false,
  limits = { { by = function(job) return job.attributes.tenant.value end, concurrency = 2 } },
  handler = function(job)
    if job.attributes.tenant.value == "quiet" then
      waits:write(scheduler.time() - job.sent, "\n"):flush()
    end
    scheduler.sleep(%g)
  end }]]

local function of_tenant(name, count)
  local messages = {}
  for index = 1, count do
    messages[index] = {
      body = name .. index, attributes = { tenant = { type = "String", value = name } },
    }
  end
  return messages
end

function depth.tenants(bench)
  clear(bench)
  bench.write("policy.lua", TENANTS:format(JOB))
  local queue <close> = open(bench)
  assert(queue:send(of_tenant("noisy", 10000)))
  local child = bench.start({ bench.watchbot, "run", "policy.lua" }, { pin = {}, log = "log" })
  for _ = 1, QUIET do
    assert(queue:send(of_tenant("quiet", 1)))
    scheduler.sleep(JOB * (0.5 + math.random()))
  end
  scheduler.sleep(2 * JOB)
  child:kill "KILL"
  child:wait()
  local waits = {}
  for line in io.lines(bench.folder .. "/waits") do waits[#waits + 1] = tonumber(line) / 1000 end
  table.sort(waits)
  local p95 = waits[math.ceil(#waits * 0.95)]
  bench.report("one tenant with 10,000 waiting, at most 2 at a time: a quiet tenant waits %.3f s "
    .. "(95th percentile of %d), jobs take %g s (under two of them)", p95, #waits, JOB)
end

-- open files

function depth.files(bench)
  bench.write("policy.lua", [[return require "watchbot".policy {
    queue = "sqlite:jobs.db", command = { "sleep", "1" }, workers = 2000 }]])
  fill(bench, 2000)
  local seconds, log = bench.run({ "prlimit", "--nofile=1500:1500", bench.watchbot, "run",
    "--drain", "policy.lua" }, { pin = false })
  local function count(text) return select(2, log:gsub(text, "")) end
  bench.report("2,000 workers with 1,500 open files: 2,000 jobs in %.1f s; said %d times, held "
    .. "%d, retried %d, breaker opened %d times (1, 0, 0, 0)", seconds,
    count "run at the same time", count '"held":true', count '"outcome":"retry"',
    count "no task can be started")
end

local ORDER = { "receive", "groups", "large_groups", "producers", "watchers", "tenants", "files" }

return function(bench)
  local wanted = os.getenv "DEPTH"
  for _, name in ipairs(ORDER) do
    if not wanted or ("," .. wanted .. ","):find("," .. name .. ",", 1, true) then
      depth[name](bench)
    end
  end
end
