-- The whole of it, judged strictly: watchers that are killed, ended and stopped for a while, on the
-- embedded queue, with and without groups. Large in `make soak`, small here. A calm run comes
-- first: a kill would hide a heartbeat that is missing.

local judge = require "support.judge"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local MESSAGES = math.tointeger(tonumber(os.getenv "TOTAL_MESSAGES" or 100))
local SEED = math.tointeger(tonumber(os.getenv "TOTAL_SEED" or os.time()))

local VISIBILITY = 2

-- Some tasks outlive the visibility, some fail the first time, some are poison.
local WORKER = [[#!/bin/bash
now() { read -r up _ </proc/uptime; echo "$EPOCHREALTIME"; }
run=$$.$RANDOM
echo "begin $Message $run $(now)" >>journal
case $Message in
*poison) result=1 ;;
*9) sleep 3; result=0 ;;
*5) sleep 0.05; if [ "$ApproximateReceiveCount" -ge 2 ]; then result=0; else result=1; fi ;;
*) sleep 0.02; result=0 ;;
esac
if [ $result = 0 ]; then echo "end $Message $run $(now)" >>journal
else echo "fail $Message $run $(now)" >>journal; fi
exit $result
]]

local POLICY = [[
local watchbot = require "watchbot"
local policy = watchbot.policy {
  queue = %q, workers = 8, visibility = %d, max_receives = 12, drain = 1, kill_grace = 1,
  command = { "./worker" },
}
function policy:backoff() return 0.2 end
return policy
]]

local function now()
  return scheduler.time() / 1000
end

-- What is sent, poison last; ten messages share a group.
local function send(folder, fifo)
  local queue = assert(open_queue(folder:url(fifo and "jobs.fifo" or "jobs.db")))
  local sent, messages = {}, {}
  for index = 1, MESSAGES do
    sent[index] = { message = "m" .. index, group = fifo and "g" .. index // 10 or nil }
    messages[index] = { body = sent[index].message, group = sent[index].group }
  end
  if not fifo then
    sent[#sent + 1] = { message = "poison" }
    messages[#messages + 1] = { body = "poison" }
  end
  assert(queue:send(messages))
  queue:close()
  return sent
end

local function left_of(folder, fifo)
  local queue = assert(open_queue(folder:url(fifo and "jobs.fifo" or "jobs.db")))
  local counts, queued = assert(queue:counts()), {}
  while true do
    local messages = assert(queue:receive(10, 0, 3600))
    if #messages == 0 then break end
    for _, message in ipairs(messages) do queued[message.body] = true end
  end
  queue:close()
  local dead = {}
  local _, listed = workshop.run(folder, { "dead-letter", "list", "--json", "--queue",
    folder:url(fifo and "jobs.fifo" or "jobs.db") })
  for body in listed:gmatch '"message":"(%w+)"' do dead[body] = true end
  return counts, queued, dead
end

local function start(folder)
  return workshop.start(folder, { "run", "--drain", "policy.lua" }, { WATCHBOT_SPEC = folder.path })
end

-- One fault: the watcher is killed, ended, or stands still for longer than the visibility.
local function hurt(folder, watchers, faults)
  local index, kind = math.random(#watchers), ({ "KILL", "TERM", "STOP" })[math.random(3)]
  local one = watchers[index]
  faults[#faults + 1] = { at = now(), kind = kind }
  one:kill(kind)
  if kind == "STOP" then
    scheduler.sleep(VISIBILITY + 0.5)
    one:kill "CONT"
  else
    one:wait(workshop.PATIENCE)
    watchers[index] = start(folder)
  end
  faults[#faults + 1] = { at = now(), kind = kind .. " is over" }
end

local function run(folder, fifo, hurts)
  math.randomseed(SEED)
  folder:write("policy.lua",
    POLICY:format(folder:url(fifo and "jobs.fifo" or "jobs.db"), VISIBILITY))
  folder:write("worker", WORKER)
  local sent, faults = send(folder, fifo), {}
  local watchers = { start(folder), start(folder) }
  for _ = 1, hurts do
    scheduler.sleep(0.2 + math.random() * 0.8)
    hurt(folder, watchers, faults)
  end
  for _, one in ipairs(watchers) do
    assert(one:wait(workshop.PATIENCE), "a watcher does not come to its end: stuck, seed " .. SEED)
  end
  local counts, queued, dead = left_of(folder, fifo)
  assert.are.equal(0, counts.in_flight, "in flight past its lease, seed " .. SEED)
  assert.are.same({}, workshop.processes_with("WATCHBOT_SPEC=" .. folder.path))
  return judge.verdict {
    sent = sent, faults = faults, queued = queued, dead = dead, grace = 1.5, lease = VISIBILITY,
    events = judge.events(folder:lines "journal"),
  }, dead
end

local function told(wrong)
  local lines = { "seed " .. SEED }
  for _, one in ipairs(wrong) do
    lines[#lines + 1] = ("%s: %s: %s"):format(one.kind, one.message, one.why)
  end
  return table.concat(lines, "\n")
end

describe("every message", function()
  for _, one in ipairs { { "in calm", 0 }, { "among kills, ends and standstills", 6 } } do
    it(("finishes, is dead or is queued, %s"):format(one[1]), workshop.task(function(folder)
      local wrong, dead = run(folder, false, one[2])
      assert.are.equal(0, #wrong, told(wrong))
      assert.are.same({ poison = true }, dead)
    end))

    it(("keeps its place in its group, %s"):format(one[1]), workshop.task(function(folder)
      local wrong = run(folder, true, one[2])
      assert.are.equal(0, #wrong, told(wrong))
    end))
  end
end)
