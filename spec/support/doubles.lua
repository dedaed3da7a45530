--- doubles: two of each message, and watchers that are killed at any moment: each key completes
-- once, or is reported as in doubt, and its messages never run at the same time.

local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local doubles = {}

-- Each notes a message when it is done with it, and in the file `together` if another one has its
-- lock.
local TASK = "exec 9>lock-$Message; flock -n 9 || echo $Message >> together; "
  .. "echo $Message >> done"

local PROGRAM = [[#!/usr/bin/env python3
import fcntl, json, os
channel = os.fdopen(int(os.environ["WATCHBOT_FD"]), "r+b", buffering=0)
channel.write(b'{"ready": true}\n')
buffer = b""
while piece := channel.read(65536):
    buffer += piece
    while b"\n" in buffer:
        line, buffer = buffer.split(b"\n", 1)
        said = json.loads(line)
        for one in said if isinstance(said, list) else [said]:
            with open("lock-" + one["message"], "w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    print(one["message"], file=open("together", "a"), flush=True)
                with open("done", "a") as done:
                    done.write(one["message"] + "\n")
            channel.write(json.dumps({"id": one["id"], "code": 0}).encode() + b"\n")
]]

local RUNNERS = {
  process = ("command = %q"):format(TASK),
  resident = "resident = { command = { './program.py' }, batch = 5 }",
  handler = [[handler = function(job)
    local file <close> = assert(io.open("done", "a"))
    file:write(job.message, "\n")
  end]],
}

local POLICY = [[
return require "watchbot".policy {
  queue = %q, workers = 4, visibility = 5, max_receives = 100, once = "body", %s,
  backoff = function() return 0 end,
}
]]

---@class watchbot.spec.Doubles
---@field runner "process"|"resident"|"handler"
---@field keys integer messages, each sent twice
---@field kills integer
---@field url string of the queue
---@field environment table? of the programs
---@field send fun(lines: string[])

local function environment(more)
  local variables = process.environment()
  for name, value in pairs(more or {}) do variables[name] = value or nil end
  return variables
end

local Run = {}
Run.__index = Run

-- What it logs is in a file: a pipe may lose the last lines of a process that is killed.
function Run:start(options)
  self.started = self.started + 1
  local command = ("exec '%s' run %s policy.lua >> log-%d 2>&1"):format(workshop.program,
    options or "", self.started)
  return assert(process.start {
    argv = { "sh", "-c", command }, cwd = self.folder.path, env = environment(self.environment),
  })
end

function Run:kill_and_drain(kills)
  local watchers = { self:start(), self:start() }
  for kill = 1, kills do
    local index = kill % 2 + 1
    scheduler.sleep(math.random() * 0.4)
    watchers[index]:kill "KILL"
    watchers[index]:wait()
    watchers[index] = self:start()
  end
  for _, watcher in ipairs(watchers) do
    watcher:kill "TERM"
    watcher:wait()
  end
  local exit = assert(self:start "--drain":wait(workshop.PATIENCE), "the queue does not drain")
  local logs = {}
  for index = 1, self.started do logs[index] = self.folder:read("log-" .. index) end
  assert(exit.code == 0, logs[self.started]:sub(-2000))
  return table.concat(logs)
end

local function counted(lines)
  local counts = {}
  for _, line in ipairs(lines) do counts[line] = (counts[line] or 0) + 1 end
  return counts
end

-- How often each key was reported as in doubt.
local function doubts_of(logs)
  local found = {}
  for stored in logs:gmatch '"a key is in doubt","key":"([^"]+)"' do found[#found + 1] = stored end
  return counted(found)
end

--- Sends, kills and checks. Waits.
---@param folder watchbot.spec.Folder
---@param case watchbot.spec.Doubles
---@return { runs: integer, doubts: integer } all runs, and all reports
function doubles.check(folder, case)
  folder:write("program.py", PROGRAM)
  folder:write("policy.lua", POLICY:format(case.url, RUNNERS[case.runner]))
  local lines = {}
  for index = 1, case.keys do lines[index] = "k" .. index end
  case.send(lines)
  case.send(lines)
  local run = setmetatable({ folder = folder, started = 0, environment = case.environment }, Run)
  local logs = run:kill_and_drain(case.kills)
  local doubts, done = doubts_of(logs), counted(folder:lines "done")
  local body, found = require("watchbot.once").WAYS.body, { runs = 0, doubts = 0 }
  for _, line in ipairs(lines) do
    local runs, doubted = done[line] or 0, doubts[body { message = line }] or 0
    assert(runs >= 1, line .. " was lost")
    assert(runs - 1 <= doubted, ("%s ran %d times, in doubt %d times"):format(line, runs, doubted))
    found.runs, found.doubts = found.runs + runs, found.doubts + doubted
  end
  -- A watcher that stood still for longer than its leases has lost them, and says so.
  local together = folder:read "together"
  assert(together == "" or logs:find("LeaseLapsed", 1, true),
    "ran at the same time: " .. together:sub(1, 200))
  return found
end

return doubles
