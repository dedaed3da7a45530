-- A watcher that was suspended for longer than its leases went on with its tasks while another
-- watcher ran the same messages, and settled them, too; a program that reads batches began messages
-- that others had.

local ending = require "watchbot.watcher.ending"
local lapses = require "watchbot.watcher.lapses"
local workshop = require "support.workshop"

-- Notes its begin, waits for the file "go", and notes its end.
local WORKER = [[#!/bin/sh
cd %s
echo "$WHO $Message" >>begun
until [ -e go ]; do sleep 0.02; done
echo "$WHO $Message" >>ended
]]

local HANDLER = [[
local scheduler = require "watchbot.scheduler"
local function note(name, job)
  local file <close> = assert(io.open(name, "a"))
  file:write(os.getenv "WHO", " ", job.message, "\n")
end
local function work(job)
  note("begun", job)
  repeat
    scheduler.sleep(0.02)
    local go = io.open "go"
    if go then go:close() end
  until go
  note("ended", job)
end
local function work_all(jobs) for _, job in ipairs(jobs) do work(job) end end
]]

-- Reads batches, and works on their messages one after the other.
local PROGRAM = [[
import json, os, time
os.chdir("%s")
def note(name, job):
    with open(name, "a") as file: file.write(os.environ["WHO"] + " " + job["message"] + "\n")
channel = os.fdopen(int(os.environ["WATCHBOT_FD"]), "rb")
def answer(value): os.write(channel.fileno(), json.dumps(value).encode() + b"\n")
answer({"ready": True})
for line in channel:
    for job in json.loads(line):
        note("begun", job)
        while not os.path.exists("go"): time.sleep(0.02)
        note("ended", job)
        answer({"id": job["id"], "code": 0})
]]

local FIELDS = {
  process = "command = './worker'",
  handler = "handler = work",
  ["batch handler"] = "handler = work_all, batch = 2",
  resident = "resident = { command = { 'python3', '-S', 'program.py' }, batch = 2 }",
}

local function sorted(folder, name)
  local lines = folder:lines(name)
  table.sort(lines)
  return lines
end

local function policy(folder, name, kind, queue, visibility)
  folder:write(name, ("%s\nreturn require 'watchbot'.policy { queue = %q, workers = 1, "
    .. "visibility = %d, kill_grace = 1, drain = 1, log = 'json', %s }"):format(HANDLER,
    folder:url(queue), visibility, FIELDS[kind]))
end

-- One watcher is suspended while it runs what was sent, until another one has begun it.
-- => the suspended one, which runs again, and the other one
local function overtaken(folder, kind, queue)
  folder:write("worker", WORKER:format(folder.path))
  folder:write("program.py", PROGRAM:format(folder.path))
  policy(folder, "a.lua", kind, queue, 1)
  policy(folder, "b.lua", kind, queue, 600)
  local a = workshop.start(folder, { "run", "--drain", "a.lua" }, { WHO = "a" })
  workshop.eventually(function() return #folder:lines "begun" == 1 end, "it begins")
  a:kill "STOP"
  local b = workshop.start(folder, { "run", "--drain", "b.lua" }, { WHO = "b" })
  workshop.eventually(function() return #folder:lines "begun" == 2 end, "the other begins")
  a:kill "CONT"
  return a, b
end

local function close(child)
  assert.equal(0, assert(child:wait(workshop.PATIENCE), "it does not end").code)
  local log = child:output()
  child:close()
  return log
end

local function stops(folder, child)
  workshop.eventually(function()
    return child:output():find("the task is stopped", 1, true)
  end, "the watcher lets go of what another has")
  folder:write("go", "")
end

describe("a task whose lease was lost while its watcher was suspended", function()
  for _, kind in ipairs { "process", "handler", "batch handler", "resident" } do
    for _, queue in ipairs { "jobs.db", kind == "resident" and "jobs.fifo" or nil } do
      it(("is stopped and settles nothing: %s, %s"):format(kind, queue),
        workshop.task(function(folder)
        local group = queue == "jobs.fifo" and { "--group", "g" } or {}
        local exit, _, err = workshop.run(folder, { "send", "--queue", folder:url(queue),
          table.unpack(group) }, { stdin = "one\n" })
        assert.equal(0, exit.code, err)
        local a, b = overtaken(folder, kind, queue)
        stops(folder, a)
        local log = close(b)
        assert.same({ "b one" }, sorted(folder, "ended"), log)
        log = close(a)
        assert.same({ "a one", "b one" }, sorted(folder, "begun"), log)
        assert.is_nil(log:find([["outcome":]], 1, true), log)
      end))
    end
  end

  -- The second one of the batch had not begun.
  it("takes the rest of its batch along", workshop.task(function(folder)
    workshop.send(folder, { "one", "two" })
    local a, b = overtaken(folder, "resident", "jobs.db")
    stops(folder, a)
    close(b)
    close(a)
    assert.same({ "b one", "b two" }, sorted(folder, "ended"))
    assert.same({ "a one", "b one", "b two" }, sorted(folder, "begun"))
  end))
end)

describe("a lease that is lost", function()
  local function life(find)
    return {
      let_go = ending.let_go, runner = { find = find }, phase = {},
      hooks = { policy = { kill_grace = 7 } }, journal = { warning = function() end },
    }
  end

  local function run()
    local calls = {}
    return {
      leave = function() calls[#calls + 1] = "leave" end,
      stop = function(_, reason, grace) calls[#calls + 1] = { reason, grace } end,
    }, calls
  end

  it("stops the task", function()
    local task, calls = run()
    local entry = { run = task }
    lapses.lost(life(), { owner = entry })
    assert.same({ { "stopped: the lease has lapsed", 7 } }, calls)
    assert.equal("stopped: the lease has lapsed", entry.stopped)
  end)

  -- The next watcher finds a task of ECS, and follows it.
  it("leaves a task that other watchers find", function()
    local task, calls = run()
    lapses.lost(life(function() end), { owner = { run = task } })
    assert.same({ "leave" }, calls)
  end)

  it("of a job without a task stops nothing", function()
    assert.no_error(function() lapses.lost(life(), { owner = {} }) end)
  end)
end)
