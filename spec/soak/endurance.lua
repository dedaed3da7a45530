--- endurance: very many short jobs in one watcher on the embedded queue: handlers in Lua, or
-- processes. Each message must be done exactly once, and the watcher may not grow: descriptors and
-- resident memory are printed after each tenth.

local measure = require "soak.measure"
local process = require "watchbot.process"
local queue = require "watchbot.queue"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local endurance = {}

-- Messages that are in the queue at a time, and that are sent at a time.
local DEPTH, BATCH = 20000, 1000

-- Seconds without any message done after which the run is given up.
local STANDSTILL = 120

-- Each job writes its message's body to the file "done".
local KINDS = {
  handlers = { messages = 1000000, policy = [[
local file = assert(io.open("done", "w"))
file:setvbuf("full", 4096)
return require "watchbot".policy {
  queue = %q, workers = 16, visibility = 60, log = "json",
  handler = function(job)
    file:write(job.message, "\n")
    if job.message == "flush" then file:flush() end
  end,
}]] },
  processes = { messages = 50000, policy = [[
return require "watchbot".policy {
  queue = %q, workers = 16, visibility = 60, log = "json",
  command = 'echo "$Message" >>done',
}]] },
}

--- Whether a part of the soak is one of these.
function endurance.knows(part) return KINDS[part] ~= nil end

local function start(folder, policy)
  folder:write("policy.lua", policy:format(folder:url()))
  return assert(process.start {
    command = ("exec '%s' run policy.lua >watcher.log 2>&1"):format(workshop.program),
    cwd = folder.path,
  })
end

local function feed(jobs, first, last)
  local messages = {}
  for number = first, last do messages[#messages + 1] = { body = tostring(number) } end
  assert(jobs:send(messages))
end

local function waiting(jobs)
  local counts = assert(jobs:counts())
  return counts.visible + counts.in_flight + (counts.delayed or 0)
end

local function print_tenth(tenth, size, started)
  print(("%3d %%: %8.1f s, %d descriptors, %d KiB"):format(tenth * 10,
    scheduler.now() - started, size.descriptors, size.resident))
  io.stdout:flush()
end

-- Sends while there is room, until all is done; a sample for each look.
local function drive(jobs, child, total)
  local samples, sent, tenth, started = {}, 0, 0, scheduler.now()
  local least, moved = math.huge, scheduler.now()
  while true do
    local left = waiting(jobs)
    local undone = left + total - sent
    if undone < least then least, moved = undone, scheduler.now() end
    local size = assert(measure.of(child:pid()), "the watcher has ended")
    samples[#samples + 1] = size
    if total - undone >= total * (tenth + 1) / 10 then
      tenth = (total - undone) * 10 // total
      print_tenth(tenth, size, started)
    end
    if undone == 0 or scheduler.now() - moved > STANDSTILL then return samples, undone end
    local room = math.min(DEPTH - left, total - sent)
    for first = sent + 1, sent + room, BATCH do
      feed(jobs, first, math.min(first + BATCH - 1, sent + room))
    end
    sent = sent + math.max(room, 0)
    scheduler.sleep(0.2)
  end
end

-- How many bodies were done, how many more than once, and how many never.
local function account(folder, total)
  local times, again = {}, 0
  for line in io.lines(folder:file "done") do
    local number = math.tointeger(tonumber(line))
    if number then
      if times[number] then again = again + 1 end
      times[number] = true
    end
  end
  local missing = 0
  for number = 1, total do
    if not times[number] then missing = missing + 1 end
  end
  return missing, again
end

-- What is buffered in the watcher is written; then it ends.
local function finish(jobs, child)
  assert(jobs:send { { body = "flush" } })
  workshop.eventually(function() return waiting(jobs) == 0 end, "the last message is done")
  child:kill "TERM"
  return assert(child:wait(workshop.PATIENCE), "the watcher did not end")
end

--- Runs one kind.
---@param kind "handlers"|"processes"
---@param messages integer? default: a million, 50,000
---@return boolean passed
function endurance.run(kind, messages)
  local folder <close> = workshop.folder()
  local total = messages or KINDS[kind].messages
  local jobs = assert(queue.open(folder:url()))
  local child = start(folder, KINDS[kind].policy)
  local started = scheduler.now()
  local samples, stuck = drive(jobs, child, total)
  local took = scheduler.now() - started
  finish(jobs, child)
  jobs:close()
  local missing, again = account(folder, total)
  local flat, figures = measure.flat(samples)
  print(("%s: %d messages in %.0f s, %.0f a second; lost %d, stuck %d, run again %d"):format(kind,
    total, took, total / took, missing, stuck, again))
  print(figures)
  return missing == 0 and stuck == 0 and again == 0 and flat
end

return endurance
