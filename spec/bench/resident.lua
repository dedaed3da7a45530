-- Jobs of resident programs compared with a process for each message: Python with 0.3 s of imports
-- (as a Lambda function, with the specs' replacement of its client), and a runtime in C that does
-- nothing, compared with /bin/true. CPU is the watcher's own.

local IMPORTS = "import time; time.sleep(0.3)\n"

-- Jobs a second, and seconds of the watcher's own CPU a job.
local function measure(bench, jobs, argv)
  bench.fill(jobs)
  local words = { "--drain", "--queue", "sqlite:jobs.db", "--workers", "4", table.unpack(argv) }
  local script = bench.write("timed.sh", [[
"$@" > log 2>&1 & pid=$!
while kill -0 $pid 2>/dev/null; do
  read -r line < /proc/$pid/stat 2>/dev/null && last=$line
  sleep 0.02
done
wait $pid
echo "$last"
]])
  local seconds, out = bench.run { "sh", script, bench.watchbot, "run", table.unpack(words) }
  local fields = {}
  for field in (out:match "%) (.*)" or ""):gmatch "%S+" do fields[#fields + 1] = field end
  return jobs / seconds, (tonumber(fields[12]) + tonumber(fields[13])) / 100 / jobs
end

local function pair(bench, what, kept, each, aim)
  local cpu_kept, cpu_each = {}, {}
  local ones, others, ratio = bench.pairs(function()
    local rate, cpu = measure(bench, kept[1], kept[2])
    cpu_kept[#cpu_kept + 1] = cpu
    return rate
  end, function()
    local rate, cpu = measure(bench, each[1], each[2])
    cpu_each[#cpu_each + 1] = cpu
    return rate
  end)
  local own, theirs = bench.median(cpu_kept), bench.median(cpu_each)
  bench.report("%s: %.0f jobs/s, a process for each: %.1f; ratio %.1f (at least %d); the watcher's "
    .. "own CPU a job %.0f us against %.0f us: %.2f", what, ones, others, ratio, aim, own * 1e6,
    theirs * 1e6, own / theirs)
end

-- Memory of a watcher with 16 tasks at once, when it has done some and waits: KiB.
local function memory(bench, argv, count)
  bench.fill(2000)
  local child = bench.start({ bench.watchbot, "run", "--queue", "sqlite:jobs.db", "--workers",
    "16", table.unpack(argv) }, { log = "log" })
  local queue = assert(require "watchbot.queue".open("sqlite:" .. bench.folder .. "/jobs.db"))
  bench.wait_for("all messages", 60, function()
    local counts = assert(queue:counts())
    return counts.visible + counts.in_flight == 0
  end)
  queue:close()
  local found = io.popen(("pgrep -c -P %d"):format(child:pid())):read "n"
  assert(found >= count, ("%d programs stay, not %d"):format(found, count))
  local kilobytes = bench.status(child:pid(), "VmRSS")
  child:kill "TERM"
  child:wait()
  return kilobytes
end

local function report_memory(bench, none)
  local with, without = {}, {}
  for round = 1, bench.rounds do
    with[round] = memory(bench, { "--lambda", "none", "--", none }, 16)
    without[round] = memory(bench, { "--", "/bin/true" }, 0)
  end
  local ours, theirs = bench.median(with), bench.median(without)
  bench.report("the watcher's memory with 16 runtimes: %.1f MB, with /bin/true %.1f MB; %.1f MB "
    .. "more (at most 4)", ours / 1024, theirs / 1024, (ours - theirs) / 1024)
end

return function(bench)
  bench.write("app.py", IMPORTS .. "def handler(event, context): return None\n")
  bench.write("once.py", IMPORTS)
  local client = bench.here .. "/../support/runtimes/ric.py"
  local none = bench.compile("resident", "resident.c")
  report_memory(bench, none)
  pair(bench, "a resident Python program with 0.3 s of imports",
    { 6000, { "--lambda", "app.handler", "--", "python3", client } },
    { 40, { "--", "python3", "once.py" } }, 100)
  pair(bench, "a resident runtime in C",
    { 30000, { "--lambda", "none", "--", none } }, { 2000, { "--", "/bin/true" } }, 3)
  pair(bench, "the same with batches of ten",
    { 60000, { "--lambda", "none", "--batch", "10", "--", none } },
    { 2000, { "--", "/bin/true" } }, 8)
end
