-- The soak (`make soak`, never a part of the tests): many messages through two watchers while
-- networks, servers and the watchers themselves fail at random. Nothing may be lost or stuck, and
-- the watcher that lives through it all may not grow.
--
-- Environment: SOAK_MESSAGES (10000; outages are shorter in proportion where it is less), SOAK_SEED
-- (the time). One watcher goes through everything alive, the other is killed or ended now and
-- again.

local build = ...
package.path = "lua/?.lua;lua/?/init.lua;spec/?.lua;" .. package.path
package.cpath = build .. "/lib/?.so;" .. package.cpath

local ground = require "support.ground"
local scheduler = require "watchbot.scheduler"
local server = require "support.server"

local MESSAGES = math.tointeger(tonumber(os.getenv "SOAK_MESSAGES" or 10000))
local SEED = math.tointeger(tonumber(os.getenv "SOAK_SEED" or os.time()))

-- Full length of what is as long as the soak is, in it: seconds.
local SCALE = math.min(1, MESSAGES / 10000)

-- Messages that are in the queue at a time.
local DEPTH = 100

local VISIBILITY = 6

-- Seconds without any message finished after which the soak is given up.
local STANDSTILL = 300

-- Most tasks are short; some outlive the visibility, some fail the first time.
local WORK = [[case $Message in
*99) sleep 8 ;;
*7) sleep 0.2 ;;
*5) [ $ApproximateReceiveCount -ge 2 ] || exit 1 ;;
esac]]

local FIELDS = ("workers = 8, visibility = %d, drain = 20, kill_grace = 1,"):format(VISIBILITY)

-- operation, kind, share of the calls, more
local FAULTS = {
  { "ReceiveMessage", "applied-reset", 0.01 }, { "ReceiveMessage", "truncate", 0.01 },
  { "ReceiveMessage", "garbage", 0.005 },
  { "ReceiveMessage", "empty", 0.005 }, { "ReceiveMessage", "noise", 0.005 },
  { "ReceiveMessage", "drop", 0.002 },
  { "ReceiveMessage", "status", 0.01 }, { "ReceiveMessage", "slow", 0.01 },
  { "ReceiveMessage", "status", 0.01, { status = 400, code = "ThrottlingException" } },
  { "DeleteMessageBatch", "reset", 0.02 }, { "DeleteMessageBatch", "applied-reset", 0.02 },
  { "DeleteMessageBatch", "status", 0.02, { status = 503, code = "ServiceUnavailable" } },
  { "DeleteMessageBatch", "drop", 0.002 }, { "DeleteMessageBatch", "delay-answer", 0.02 },
  { "DeleteMessageBatch", "duplicate", 0.01 }, { "DeleteMessageBatch", "empty", 0.01 },
  { "ChangeMessageVisibilityBatch", "reset", 0.05 },
  { "ChangeMessageVisibilityBatch", "applied-reset", 0.05 },
  { "ChangeMessageVisibilityBatch", "status", 0.05 },
  { "ChangeMessageVisibilityBatch", "delay", 0.02 },
  { "ChangeMessageVisibilityBatch", "drop", 0.01 }, { nil, "close", 0.03 },
}

local function add_faults(proxy)
  for index, fault in ipairs(FAULTS) do
    local rule = {
      operation = fault[1], kind = fault[2], probability = fault[3], seed = SEED + index,
    }
    for name, value in pairs(fault[4] or {}) do rule[name] = value end
    proxy:add(rule)
  end
end

-- What happens when so many hundredths of the messages are sent.
local function outage(kind, seconds, more)
  return function(site)
    -- the first rule that matches counts, so the outage comes before the small faults
    site.proxy:clear()
    local rule = { kind = kind, seconds = seconds * SCALE }
    for name, value in pairs(more or {}) do rule[name] = value end
    site.proxy:add(rule)
    add_faults(site.proxy)
  end
end

local EVENTS = {
  [10] = "TERM", [20] = "KILL",
  [30] = outage("status", 60, { status = 400, code = "ThrottlingException" }), [40] = "KILL",
  [50] = outage("drop", 30), [60] = "TERM", [70] = outage("reset", 30), [80] = "KILL",
  [90] = "TERM",
}

-- descriptors and resident KiB of a process
local function size_of(pid)
  local pipe <close> =
    io.popen(("ls /proc/%d/fd | wc -l; sed -n 's/^VmRSS:[^0-9]*//p' /proc/%d/status"):format(pid,
    pid))
  return { pipe:read("n", "n") }
end

-- Medians of each column of a part of the samples, the bounds as shares of them.
local function medians(samples, from, to)
  local found = {}
  for column = 1, 2 do
    local values = {}
    for index = #samples * from // 1 + 1, #samples * to // 1 do
      values[#values + 1] = samples[index][column]
    end
    table.sort(values)
    found[column] = values[#values // 2 + 1] or 0
  end
  return found
end

local function unique(lines)
  local seen, count = {}, 0
  for _, line in ipairs(lines) do
    if not seen[line] then seen[line], count = true, count + 1 end
  end
  return count
end

-- Ends or kills a watcher and starts another in its place. What it runs may go on for its drain.
local function replace(site, child, signal)
  child:kill(signal)
  scheduler.spawn(function() child:wait() end)
  return site:watch { fields = FIELDS, work = WORK }
end

local function feed(site, sent, room)
  local bodies = {}
  for index = sent + 1, math.min(sent + room, MESSAGES) do bodies[#bodies + 1] = "m" .. index end
  if #bodies > 0 then site.checker:send(bodies) end
end

local function run(site)
  add_faults(site.proxy)
  local steady = site:watch { fields = FIELDS, work = WORK }
  local mortal = site:watch { fields = FIELDS, work = WORK }
  local samples, step, done, moved = {}, 0, 0, scheduler.now()
  while done < MESSAGES do
    scheduler.sleep(0.5)
    if steady:wait(0) then error("the watcher has ended: " .. (steady:output()):sub(-2000)) end
    samples[#samples + 1] = size_of(steady:pid())
    local now_done = unique(site:finished())
    if now_done > done then done, moved = now_done, scheduler.now() end
    if scheduler.now() - moved > STANDSTILL then break end
    feed(site, site.checker.sent, DEPTH - (site.checker.sent - done))
    if step < 100 and site.checker.sent >= MESSAGES * (step + 10) / 100 then
      step = step + 10
      local event = EVENTS[step]
      if type(event) == "string" then mortal = replace(site, mortal, event) elseif event then
        event(site) end
      print(("%3d %%: %d sent, %d finished"):format(step, site.checker.sent, done))
      io.stdout:flush()
    end
    site.proxy:forget()
  end
  site.proxy:clear()
  -- what was hidden by an answer that got lost comes back, and is deleted or run
  scheduler.sleep(VISIBILITY + 2)
  site:stop(mortal)
  local log = site:stop(steady)
  return samples, log
end

local function report(site, samples, log)
  local account = site:account(VISIBILITY)
  local early, late = medians(samples, 0.2, 0.5), medians(samples, 0.8, 1)
  local queued = 0
  for _ in pairs(account.queued) do queued = queued + 1 end
  local stopped = ground.lines(log, "api_calls")[1]
  print(("sent %d, lost %d, stuck %d, unknown %d, "
    .. "still queued %d, run again %d; %.2f calls a job"):format(
    site.checker.sent, #account.lost, account.stuck, #account.unknown, queued, #account.duplicates,
    stopped and stopped.api_calls_per_job or 0 / 0))
  print(("descriptors %d, then %d; resident %d KiB, then %d"):format(early[1], late[1], early[2],
    late[2]))
  for _, body in ipairs(account.lost) do print("lost: " .. body) end
  local flat = late[1] <= early[1] + 20 and late[2] <= early[2] * 1.25 + 2048
  return #account.lost == 0 and account.stuck == 0 and #account.unknown == 0
    and site.checker.sent == MESSAGES and flat
end

print(("%d messages, seed %d"):format(MESSAGES, SEED))
local aws = ground.start(server.start("python3", "spec/support/sqs_stub.py"))
local passed
ground.task(function() return aws end, function(site)
  local samples, log = run(site)
  passed = report(site, samples, log)
end, { queue = aws.server.url .. "/123456789012/jobs" })()
aws:close()
print(passed and "passed" or "FAILED")
os.exit(passed, true)
