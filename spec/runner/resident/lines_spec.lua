-- Programs that read lines of JSON, with the whole program and workers in Python and in sh.

local cjson = require "cjson"
local resident = require "support.resident"
local workshop = require "support.workshop"

local task, run, eventually = workshop.task, workshop.run, workshop.eventually

local WORKER = [[#!/usr/bin/env python3
import json, os, sys, time
channel = os.fdopen(int(os.environ["WATCHBOT_FD"]), "r+b", buffering=0)
def say(answer): channel.write(json.dumps(answer).encode() + b"\n")
say({"ready": True})
buffer = b""
while True:
    piece = channel.read(65536)
    if not piece: break
    buffer += piece
    while b"\n" in buffer:
        line, buffer = buffer.split(b"\n", 1)
        said = json.loads(line)
        with open("seen", "a") as file: file.write(line.decode() + "\n")
        for one in said if isinstance(said, list) else [said]:
            told = json.loads(one["message"])
            print("working on", one["message"], flush=True)
            if "exit" in told: os._exit(told["exit"])
            if "sleep" in told: time.sleep(told["sleep"])
            if "raw" in told: channel.write(told["raw"].encode() + b"\n"); continue
            say({"id": one["id"], **told})
]]

local send, drain, words_of = resident.send, resident.drain, resident.words

local function prepare(folder, fields, options, more)
  folder:write("worker.py", WORKER)
  resident.policy(folder, ("%s resident = { command = { './worker.py' }, %s }"):format(
    fields or "", options or ""), more)
end

describe("a program that reads lines", function()
  it("gets a line for each message, and answers with a code or an outcome", task(function(folder)
    send(folder, { code = 0 }, { code = 3 }, { code = 1, reason = "no luck" },
      { outcome = "reject", reason = "not ours" })
    prepare(folder, "max_receives = 1,")
    local log = drain(folder)
    assert.same({ "complete", "reject", "reject", "retry" }, words_of(log))
    assert.matches('"reason":"no luck"', log)
    local seen = cjson.decode(folder:lines "seen"[1])
    assert.same({ '{"code":0}', 1, true }, { seen.message, seen.receives, seen.last })
  end))

  it("gets the trace of a message", task(function(folder)
    local parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    local exit = run(folder, { "send", "--queue", folder:url(), '{"code":0}' },
      { TRACEPARENT = parent, BAGGAGE = "k=v" })
    assert.equal(0, exit.code)
    prepare(folder)
    drain(folder)
    assert.same({
      traceparent = parent, baggage = "k=v",
      xray = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",
    }, cjson.decode(folder:lines "seen"[1]).trace)
  end))

  it("has its output in the log under the id of each message", task(function(folder)
    send(folder, { code = 0 })
    prepare(folder)
    local log = drain(folder)
    local id = cjson.decode(folder:lines "seen"[1]).id
    assert.is_truthy(log:find(("[worker] [%s] working on"):format(id), 1, true), log)
  end))

  it("gets a batch in one line, and answers for each message when it is done", task(function(folder)
    send(folder, { code = 0 }, { code = 1 }, { code = 0 })
    prepare(folder, "max_receives = 1,", "batch = 3, window = 2,")
    assert.same({ "complete", "complete", "retry" }, words_of(drain(folder)))
    assert.equal(1, #folder:lines "seen")
  end))

  it("fails for what it has not answered when it ends", task(function(folder)
    send(folder, { code = 0 }, { exit = 0 }, { code = 0 })
    prepare(folder, "max_receives = 1,", "batch = 3, window = 2,")
    local log = drain(folder)
    assert.same({ "complete", "retry", "retry" }, words_of(log))
    assert.matches("the runtime ended with exit code 0 before it answered", log)
  end))

  it("has failed when its answer is not understood", task(function(folder)
    for _, case in ipairs {
      { "no JSON", "it is not JSON" }, { "[1]", "it is no object" },
      { '{"id":"other","code":0}', "its 'id' is of no message" },
      { "{}", "neither a 'code' from 0 to 255 nor an 'outcome'" },
      { '{"code":256}', "neither a 'code'" }, { '{"code":"0"}', "neither a 'code'" },
      { '{"outcome":"done"}', "no outcome has the name 'done'" },
    } do
      send(folder, { raw = case[1] })
      prepare(folder, "max_receives = 1,")
      local log = drain(folder)
      assert.same({ "retry" }, words_of(log))
      assert.is_truthy(log:find(case[2], 1, true), log)
    end
  end))

  it("is stopped at the time limit", task(function(folder)
    send(folder, { sleep = 30 }, { code = 0 })
    prepare(folder, "timeout = 3, max_receives = 1,")
    local log = drain(folder)
    assert.same({ "complete", "retry" }, words_of(log))
    assert.matches("timed out after 3 s", log)
  end))

  it("says why it cannot start", task(function(folder)
    for _, case in ipairs {
      { "exit 7", "the runtime could not be started: it ended with exit code 7" },
      { "echo hello >&3; sleep 60", 'its first line is not {"ready":true}' },
    } do
      folder:write("policy.lua", ([[return require "watchbot".policy { queue = %q,
        kill_grace = 0.2, resident = { command = %q } }]]):format(folder:url(), case[1]))
      send(folder, { code = 0 })
      local child = workshop.start(folder, { "run", "policy.lua" })
      eventually(function() return child:output():gsub('\\"', '"'):find(case[2], 1, true) end,
        case[2])
      child:stop(1)
      child:wait()
    end
  end))

  it("can be the program of the manual", task(function(folder)
    local page = assert(io.open("doc/resident.md")):read "a"
    local text = page:match "```python\n(.-)```"
    workshop.send(folder, { "good", "bad" })
    prepare(folder, "max_receives = 1,")
    folder:write("worker.py",
      "#!/usr/bin/env python3\ndef work(message): return message == 'good'\n"
      .. text)
    assert.same({ "complete", "retry" }, words_of(drain(folder)))
  end))

  it("can be a shell script of a few lines, by the command line alone", task(function(folder)
    folder:write("worker.sh", [[#!/bin/sh
echo '{"ready":true}' >&3
while read -r line <&3; do echo "$line" >> seen; echo '{"code":0}' >&3; done
]])
    workshop.send(folder, { "one", "two" })
    local exit, log = run(folder, { "run", "--drain", "--queue", folder:url(), "--resident", "--",
      "./worker.sh" })
    assert.equal(0, exit.code)
    assert.same({ "complete", "complete" }, words_of(log))
    assert.equal(2, #folder:lines "seen")
  end))

  -- An option that has no effect was taken silently.
  it("is asked for on the command line by one option, with a command", task(function(folder)
    for _, case in ipairs {
      { "%-%-lambda and %-%-serve cannot be combined", "--lambda", "a.b", "--serve", "http://a",
        "--", "x" },
      { "%-%-batch is for %-%-lambda and %-%-resident", "--batch", "2", "--", "x" },
      { "%-%-batch is for", "--batch", "2", "--serve", "http://a" },
      { "%-%-lambda needs a command: watchbot run %-%-lambda a.b %-%- COMMAND", "--lambda", "a.b" },
      { "%-%-resident needs a command: watchbot run %-%-resident %-%- COMMAND", "--resident" },
      { "%-%-resident and a policy file %('p.lua'%) cannot be combined", "--resident", "p.lua" },
    } do
      local exit, _, err = run(folder, { "run", "--queue", folder:url(),
        table.unpack(case, 2) })
      assert.equal(2, exit.code, err)
      assert.matches(case[1], err)
    end
  end))
end)
