-- Runtimes that end at random in every way: each message is done at least once, never by two at the
-- same time, and not more runtimes are started than have ended. SOAK=messages for more.

local scheduler = require "watchbot.scheduler"
local resident = require "support.resident"
local workshop = require "support.workshop"

local MESSAGES = tonumber(os.getenv "SOAK" or "120")
local WORKERS = 4

-- What the runtimes noted: overlaps of one message, and how many runtimes there were.
local function judge(folder)
  local running, pids, overlaps, starts = {}, {}, 0, 0
  for _, line in ipairs(folder:lines "chaos") do
    local what, id, pid = line:match "^(%a+) (%S+) (%d+) "
    if not pids[pid] then pids[pid], starts = true, starts + 1 end
    if what == "begin" and running[id] then overlaps = overlaps + 1 end
    running[id] = what == "begin" or nil
  end
  return overlaps, starts
end

local function count(log, pattern)
  local _, found = log:gsub(pattern, "")
  return found
end

describe("runtimes that end at random", function()
  local function try(fields, ends)
    return workshop.task(function(folder)
      local seed = os.getenv "SEED" or tostring(os.time())
      local lines = {}
      for index = 1, MESSAGES do lines[index] = ('[["chaos","%s"]]'):format(seed) end
      workshop.send(folder, lines)
      folder:write("policy.lua", ([[local policy = require "watchbot".policy {
        queue = %q, max_receives = 1000, workers = %d, visibility = 2, kill_grace = 0.2,
        lambda = { command = { "python3", "-S", %q, "seen" }, handler = "none", %s } }
        function policy:backoff() return 0 end
        return policy]]):format(folder:url(), WORKERS, resident.runtimes .. "scripted.py", fields))
      local logs = {}
      if ends then
        local child = workshop.start(folder, { "run", "--drain", "policy.lua" })
        scheduler.sleep(2)
        child:kill(ends)
        child:wait()
        logs[1] = child:output()
      end
      local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
      logs[#logs + 1] = log
      assert.equal(0, exit.code, "SEED=" .. seed .. "\n" .. log)
      log = table.concat(logs)
      local overlaps, starts = judge(folder)
      local done = count(log, '{"outcome":"complete"')
      assert.is_true(ends and done >= MESSAGES - WORKERS or done == MESSAGES,
        ("SEED=%s: %d of %d done"):format(seed, done, MESSAGES))
      if not ends then assert.equal(0, overlaps, "SEED=" .. seed) end
      local queue = assert(require "watchbot.queue".open(folder:url()))
      assert.same({ visible = 0, delayed = 0, in_flight = 0, dead = 0 }, queue:counts())
      queue:close()
      local failed = count(log, '{"outcome":"retry"')
      assert.is_true(starts <= failed + MESSAGES + 2 * WORKERS, starts .. " runtimes were started")
    end)
  end

  it("lose nothing, and do nothing twice at a time", try "")

  it("lose nothing when the watcher is killed", try("", "KILL"))
end)
