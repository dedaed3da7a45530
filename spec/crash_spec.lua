-- The promise: kill -9 the watcher at random moments under load, start it again, until the queue is
-- drained. Every message's effect is seen at least once, none is lost, and the dead letters hold
-- only what failed max_receives times.

local cjson = require "cjson"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task, eventually = workshop.task, workshop.eventually

local MESSAGES, POISON, KILLS = 3000, 7, 25

-- The random moments are the same in each run of a seed; the seed is printed when it fails.
local seed = os.time()

local POLICY = [[
local watchbot = require "watchbot"
local policy = watchbot.policy {
  queue = %q, workers = 16, visibility = 2, max_receives = 40,
  %s
}
function policy:backoff() return 0 end
return policy
]]

local function fill(folder)
  local lines = {}
  for index = 1, MESSAGES do lines[index] = ("m%d"):format(index) end
  for index = 1, POISON do lines[MESSAGES + index] = ("poison%d"):format(index) end
  workshop.send(folder, lines)
end

-- Starts the watcher again and again, and kills it at a random moment.
local function run_and_kill(folder, kills, marker)
  math.randomseed(seed)
  for _ = 1, kills do
    local watcher = workshop.start(folder, { "run", "--drain", "policy.lua" },
      { WATCHBOT_SPEC = marker })
    scheduler.sleep(math.random() * 0.6)
    watcher:kill "KILL"
    watcher:wait()
  end
end

local function dead_letters(folder)
  local _, listed = workshop.run(folder, {
    "dead-letter", "list", "--json", "--queue", folder:url(),
  })
  local dead = {}
  for line in listed:gmatch "[^\n]+" do dead[#dead + 1] = cjson.decode(line) end
  return dead
end

local function check(folder)
  local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
  assert.are.equal(0, exit.code, log:sub(-2000))
  local done = {}
  for _, line in ipairs(folder:lines "done") do done[line] = (done[line] or 0) + 1 end
  local missing = {}
  for index = 1, MESSAGES do
    if not done["m" .. index] then missing[#missing + 1] = "m" .. index end
  end
  assert.are.same({}, missing, "lost with seed " .. seed)
  local dead = dead_letters(folder)
  for _, letter in ipairs(dead) do
    assert.matches("^poison", letter.message, "seed " .. seed)
    assert.are.equal(40, letter.receives)
  end
  assert.are.equal(POISON, #dead, "seed " .. seed)
  local queue = assert(open_queue(folder:url()))
  local counts = queue:counts()
  queue:close()
  assert.are.same({ visible = 0, delayed = 0, in_flight = 0, dead = POISON }, counts)
end

describe("kill -9 at random moments", function()
  it("loses no message whose tasks are processes", task(function(folder)
    fill(folder)
    folder:write("work.sh",
      "#!/bin/sh\ncase $Message in poison*) exit 1 ;; esac\necho $Message >> done\n")
    folder:write("policy.lua", POLICY:format(folder:url(), "command = { './work.sh' },"))
    run_and_kill(folder, KILLS, folder.path)
    check(folder)
    assert.are.same({}, workshop.processes_with("WATCHBOT_SPEC=" .. folder.path))
  end))

  it("loses no message whose tasks are Lua functions", task(function(folder)
    fill(folder)
    folder:write("policy.lua", POLICY:format(folder:url(), [[handler = function(job)
      if job.message:match "^poison" then return false, "poison" end
      local file <close> = assert(io.open("done", "a"))
      file:write(job.message, "\n")
    end,]]))
    run_and_kill(folder, KILLS, folder.path)
    check(folder)
  end))

  it("leaves nothing alive of the tasks, grandchildren included", task(function(folder)
    workshop.send(folder, { "1", "2", "3", "4" })
    folder:write("work.sh",
      "#!/bin/sh\n(sleep 987 & sleep 987) &\nsetsid -w sleep 0\necho up >> up\nsleep 987\n")
    folder:write("policy.lua", POLICY:format(folder:url(), "command = './work.sh',"))
    local marker = "WATCHBOT_SPEC=" .. folder.path
    local watcher = workshop.start(folder, { "run", "policy.lua" }, { WATCHBOT_SPEC = folder.path })
    eventually(function() return #folder:lines "up" == 4 end, "four tasks run")
    assert.is_true(#workshop.processes_with(marker) > 8)
    watcher:kill "KILL"
    watcher:wait()
    eventually(function() return #workshop.processes_with(marker) == 0 end, "all of them are gone")
  end))
end)
