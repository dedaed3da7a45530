local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task, eventually = workshop.task, workshop.eventually

local POLICY = [[
return require "watchbot".policy {
  queue = %q, visibility = 2, schedules = { %s },
  command = 'echo "$MessageId $MessageAttributes" >> done',
}
]]

local function write_policy(folder, schedules)
  folder:write("policy.lua", POLICY:format(folder:url(), schedules))
end

-- The tick of each message that was run: { [id] = "2026-11-28T10:00:00Z" }.
local function runs(folder)
  local found = {}
  for _, line in ipairs(folder:lines "done") do
    local id, at = line:match "^(%S+) .*ScheduledTime.-(%d+%-%d+%-%d+T[%d:]+Z)"
    if id then found[id] = at end
  end
  return found
end

local function count(map)
  local sum = 0
  for _ in pairs(map) do sum = sum + 1 end
  return sum
end

describe("schedules", function()
  -- Four watchers share the file, and are killed at any moment: each tick has one message, and
  -- none is left out, but for those of a time in which the machine stood still.
  it("send each tick once among watchers that are killed", task(function(folder)
    write_policy(folder, 'often = { every = "1s", message = "tick" }')
    local watchers, kills, standstill, last = {}, 0, 0, scheduler.now()
    for index = 1, 4 do watchers[index] = workshop.start(folder, { "run", "policy.lua" }) end
    eventually(function()
      if kills < 12 then
        local index = math.random(4)
        watchers[index]:kill "KILL"
        watchers[index]:wait()
        watchers[index] = workshop.start(folder, { "run", "policy.lua" })
        kills = kills + 1
      end
      scheduler.sleep(0.3)
      local now = scheduler.now()
      if now - last > 0.8 then standstill = standstill + math.ceil(now - last) end
      last = now
      return kills == 12 and count(runs(folder)) >= 10
    end, "ten ticks")
    for _, watcher in ipairs(watchers) do watcher:kill "TERM" end
    for _, watcher in ipairs(watchers) do watcher:wait() end
    assert.are.equal(0, (workshop.run(folder, { "run", "--drain", "policy.lua" })).code)

    local seen, times = {}, {}
    for id, at in pairs(runs(folder)) do
      assert.is_nil(seen[at], ("%s has the messages %s and %s"):format(at, seen[at], id))
      seen[at] = id
      times[#times + 1] = at
    end
    table.sort(times)
    local iso = require("watchbot.lib.date").iso
    local missing = iso(times[#times]) - iso(times[1]) - (#times - 1)
    assert.is_true(missing <= standstill, missing)
  end))

  -- A watcher that drains found the queue empty before it looked at the clock.
  it("are looked at before a queue counts as empty", task(function(folder)
    write_policy(folder, 'often = { every = "1s" }')
    local exit = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code)
    local before = count(runs(folder))
    scheduler.sleep(1.1)
    workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.is_true(count(runs(folder)) > before)
  end))

  it("are followed by a watcher that reads its policy again", task(function(folder)
    folder:write("policy.lua", ([[
      return require "watchbot".policy { queue = %q, command = "true" }]]):format(folder:url()))
    local watcher = workshop.start(folder, { "run", "policy.lua" })
    eventually(function() return (watcher:output()):find("watching", 1, true) end)
    write_policy(folder, 'often = { every = "1s" }')
    watcher:kill "HUP"
    eventually(function() return (watcher:output()):find('"schedule":"often"', 1, true) end)
    write_policy(folder, 'other = { every = "1s" }')
    watcher:kill "HUP"
    eventually(function() return (watcher:output()):find('"schedule":"other"', 1, true) end)
    watcher:kill "TERM"
    watcher:wait()
  end))

  it("that SQS would need twice are refused", task(function(folder)
    folder:write("policy.lua", [[
      return require "watchbot".policy {
        queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", command = "true",
        schedules = { nightly = { cron = "0 3 * * *" } },
      }]])
    local exit, _, problem = workshop.run(folder, { "run", "policy.lua" }, { Schedules = false })
    assert.are.equal(2, exit.code)
    assert.matches("schedule 'nightly': on SQS, Amazon EventBridge Scheduler", problem)
  end))
end)
