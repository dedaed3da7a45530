-- What the history of an embedded queue costs: jobs of a watcher that keeps one and of one that
-- does not, in turns: Lua handlers, processes, and handlers where a row is removed for each that
-- is added. Reading it is measured separately: a page of 50 among 100,000 attempts.

local jobs = require "watchbot.queue.sqlite.jobs"
local open = require "watchbot.queue".open
local scheduler = require "watchbot.scheduler"

local POLICY = [[
return require "watchbot".policy { queue = "sqlite:jobs.db", workers = 16, %s, %s }
]]

local HANDLER, PROCESS = "handler = function() return true end", 'command = { "/bin/true" }'

local function rate(bench, count, task, more)
  bench.write("policy.lua", POLICY:format(task, more))
  bench.fill(count)
  return count / bench.run { bench.watchbot, "run", "--drain", "policy.lua" }
end

local function compare(bench, words, count, task, more)
  local with, without, ratio = bench.pairs(function() return rate(bench, count, task, more) end,
    function() return rate(bench, count, task, "history = nil") end)
  bench.report("history: %s: %.1f %% of the jobs/s without one (%.0f of %.0f)", words, 100 * ratio,
    with, without)
end

-- Seconds to read pages of 50, from the newest on, and the last of them.
local function pages(bench)
  local queue <close> = assert(open(("sqlite:%s/jobs.db"):format(bench.folder)))
  local started, count, cursor = scheduler.now(), 0, nil
  repeat
    local page = assert(jobs.list(queue, { states = { "done" }, cursor = cursor }))
    count, cursor = count + 1, page.next
  until not cursor
  return (scheduler.now() - started) / count, count
end

return function(bench)
  compare(bench, "Lua handlers (aim: at least 75 %)", 30000, HANDLER, "history = 3600")
  compare(bench, "Lua handlers, the oldest row removed for each", 30000, HANDLER,
    "history = 3600, history_rows = 1000")
  compare(bench, "processes, /bin/true (aim: at least 95 %)", 3000, PROCESS, "history = 3600")
  rate(bench, 100000, HANDLER, "history = 3600, history_rows = 1000000")
  local seconds, count = pages(bench)
  bench.report("history: a page of 50 of 100,000 attempts takes %.2f ms (%d pages)", seconds * 1000,
    count)
end
