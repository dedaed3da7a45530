--- senders: many messages and many senders at a time, small in spec/senders_spec.lua and large in
-- `make soak PARTS=senders`: a file of lines to SQS while calls fail, a send that is killed and
-- resumed, and a hundred senders on one slow disk. To be used in tasks; each raises where it finds
-- something wrong.

local cjson = require "cjson"
local queues = require "support.total.queues"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local senders = {}

-- As dead-letter print writes them.
local function write_lines(folder, name, lines)
  folder:write(name, table.concat(lines, "\n") .. "\n")
end

local function equal(expected, found, what)
  if expected ~= found then
    error(("expected %s, found %s: %s"):format(expected, found, what or ""), 2)
  end
end

local function holds(text, part)
  if not text:find(part, 1, true) then error(("no '%s' in: %s"):format(part, text), 2) end
end

local function saved(body) return cjson.encode { body = body } end

local function open_sqs(folder)
  return queues.open("SQS", folder, { visibility = 30, max_receives = 10, runner = "process" })
end

-- How often each body is in the queue, and how many messages that are.
local function contents(place)
  local times, count = {}, 0
  for _, message in ipairs(place.cloud:messages(place.url)) do
    times[message.Body], count = (times[message.Body] or 0) + 1, count + 1
  end
  return times, count
end

local function ids_of(text)
  local ids, known = {}, {}
  for id in text:gmatch "[^\n]+" do
    assert(not known[id], "an id is printed twice: " .. id)
    known[id], ids[#ids + 1] = true, id
  end
  return ids
end

-- Runs the program to its end, which may be far: thousands of calls, some of which fail.
local function run_long(folder, arguments, environment)
  local child = workshop.start(folder, arguments, environment)
  local exit = assert(child:wait(10 * workshop.PATIENCE), "the program did not end")
  return exit, child:output()
end

--- Sends a file with an empty line and one message that is too large, while SQS fails entries and
--- calls: all others arrive, each once, and an id is printed for each.
---@param lines integer
function senders.file_with_bad_lines(folder, lines)
  local place, texts = open_sqs(folder), {}
  for index = 1, lines do texts[index] = saved("m" .. index) end
  texts[lines // 3] = ""
  texts[lines // 2] = saved(("x"):rep((1 << 20) + 1))
  write_lines(folder, "letters", texts)
  -- So few that no entry fails as often as it is tried, however slow the calls are.
  local failing = scheduler.spawn(function()
    for _ = 1, 4 do
      place:fail_entries(10)
      scheduler.sleep(0.2)
    end
  end)
  place.proxy:add { kind = "status", status = 503, code = "ServiceUnavailable", probability = 0.02,
    operation = "SendMessageBatch" }
  local exit, out, problem = run_long(folder, {
    "send", "--queue", place.url, "--from", "letters",
  }, place.environment)
  failing:cancel()
  local ids, times, count = ids_of(out), contents(place)
  place:close()
  equal(1, exit.code, problem)
  holds(problem, ("line %d of 'letters'"):format(lines // 2))
  holds(problem, ("%d sent, 1 refused"):format(lines - 2))
  equal(lines - 2, #ids)
  equal(lines - 2, count)
  for index = 1, lines do
    local is_bad = index == lines // 3 or index == lines // 2
    equal(not is_bad and 1 or nil, times["m" .. index], "m" .. index)
  end
end

-- Kills a send as soon as it has printed `count` ids; those that it printed.
local function send_and_kill(folder, place, count)
  local child = workshop.start(folder, {
    "send", "--queue", place.url, "--from", "letters",
  }, place.environment)
  workshop.eventually(function()
    local out = child:output() or ""
    return select(2, out:gsub("\n", "")) >= count
  end, count .. " ids are printed")
  child:kill "KILL"
  child:wait(workshop.PATIENCE)
  return ids_of((child:output()))
end

--- A send that is killed in the middle, and gone on with as its help says: nothing is missing, and
--- what was printed is not sent again.
---@param lines integer
function senders.killed_and_resumed(folder, lines)
  local place, texts = open_sqs(folder), {}
  for index = 1, lines do texts[index] = saved("m" .. index) end
  write_lines(folder, "letters", texts)
  place.proxy:add { kind = "delay", delay = 0.05, operation = "SendMessageBatch" }
  local printed = #send_and_kill(folder, place, lines // 4)
  assert(printed < lines, "the send was not killed in time")
  place.proxy:clear()
  write_lines(folder, "rest", table.move(texts, printed + 1, #texts, 1, {}))
  local exit, out, problem = run_long(folder, {
    "send", "--queue", place.url, "--from", "rest",
  }, place.environment)
  local times = contents(place)
  place:close()
  equal(0, exit.code, problem)
  equal(lines - printed, #ids_of(out))
  for index = 1, lines do
    local most = index <= printed and 1 or 2
    local found = times["m" .. index] or 0
    assert(found >= 1 and found <= most, ("m%d is there %d times"):format(index, found))
  end
end

-- Builds the library that makes syncs slow.
local function slow_disk(folder)
  local library = folder:file "slow_disk.so"
  assert(os.execute(("cc -shared -fPIC -o '%s' spec/support/slow_disk.c -ldl"):format(library)))
  return library
end

--- Many senders at once on a disk whose syncs are slow: none fails, and all arrives once.
---@param count integer of senders
---@param lines integer of each
---@param milliseconds integer of a sync
function senders.many_on_a_slow_disk(folder, count, lines, milliseconds)
  local library, children = slow_disk(folder), {}
  local queue = assert(require "watchbot.queue".open(folder:url()))
  for index = 1, count do
    local texts = {}
    for line = 1, lines do texts[line] = ("s%d.%d"):format(index, line) end
    children[index] = workshop.start(folder, { "send", "--queue", folder:url() }, {
      LD_PRELOAD = library, SLOW_DISK_MS = tostring(milliseconds),
      -- Built with the sanitizers, the program refuses a library that is loaded before theirs.
      ASAN_OPTIONS = (os.getenv "ASAN_OPTIONS" or "") .. ":verify_asan_link_order=0",
      stdin = table.concat(texts, "\n") .. "\n",
    })
  end
  for _, child in ipairs(children) do
    local exit = assert(child:wait(10 * workshop.PATIENCE), "a sender does not end")
    local out, problem = child:output()
    equal(0, exit.code, problem)
    equal(lines, #ids_of(out))
  end
  equal(count * lines, assert(queue:counts()).visible)
  queue:close()
end

--- All of them, large; a line for each.
function senders.run()
  for _, one in ipairs {
    { "10,000 lines from a file", senders.file_with_bad_lines, 10000 },
    { "10,000 lines, killed and resumed", senders.killed_and_resumed, 10000 },
    { "100 senders on a slow disk", senders.many_on_a_slow_disk, 100, 20, 100 },
  } do
    local folder <close>, started = workshop.folder(), scheduler.now()
    one[2](folder, table.unpack(one, 3))
    print(("%s: %.1f s"):format(one[1], scheduler.now() - started))
  end
  return true
end

return senders
