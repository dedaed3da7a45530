-- The cases that decide whether unmodified Lambda functions run as on AWS, and the spec of each;
-- where it is not named it is in here. doc/lambda.md names the documents of AWS.
--
--  1  the event of a standard message      event_spec "is AWS's sample", "has empty lists"
--  2  of FIFO; of SNS to SQS               event_spec "has what FIFO queues", "keeps the envelope"
--  3  unmodified clients, 100 messages     clients_spec (Node's own: make test-ric; Python's is a
--                                          stand-in of its exchange, spec/support/runtimes/ric.py)
--  4  an answer is 202                     lambda_spec "takes one message after the other"
--  5  a deadline without a time limit      lambda_spec "gets the headers that runtime clients"
--  6  /next parked for hours
--  7  chunks, trailers                     lambda_spec "may stream its answer"; server_spec
--  8  a header of 1 MiB                    lambda_spec "may send a header of 1 MiB"
--  9  6 MiB + 100, one more; 50 MiB        lambda_spec "may answer 6 MiB"; and here
-- 10  exit 0 without an answer             lambda_spec "fails when its runtime ends with"
-- 11  exit 3, 4, 129; kill -9              the same
-- 12  an error, then exit 1 (Go)           lambda_spec "is done when it has answered"
-- 13  an answer, then exit 0 (bref)        the same; clients_spec "that ends after each answer"
-- 14  an answer, long before /next         lambda_spec "has its message deleted at the answer"
-- 15  /next without an answer              lambda_spec "has failed when it asks"
-- 16  wrong id, twice, stale; late         lambda_spec "refuses answers that are not"; and here
-- 17  a retry has a new request id         lambda_spec "fails with the error that it reports"
-- 18  no start, and its repair             lambda_spec "says why it cannot start", "cannot start"
-- 19  a hang at 0.5 s; at 1,000 s          lambda_spec "is killed when it outlives"; and here
-- 20  each form of an answer to a batch    lambda_spec "of three: the answer"
-- 21  full, window, drain; 6 MiB, stop     lambda_spec "goes out when", "gives back"; and here
-- 22  log lines                            lambda_spec "bears the id of each"; and here
-- 23  other users, idle, slow, reset       api_spec, server_spec; and here
-- 24  TERM; again, kill -9, SIGHUP         lambda_spec "lets what runs finish"; and here
-- 25  runtimes that end at random          pool_spec; total_spec, with kills of the watcher

local api = require "watchbot.runner.resident.api"
local http = require "watchbot.http"
local job = require "watchbot.message.job"
local leaping = require "support.leaping"
local new = require("watchbot.runner.resident").new
local policy = require "watchbot.policy"
local resident = require "support.resident"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task, eventually = workshop.task, workshop.eventually

local function write(folder, fields, options, more)
  resident.policy(folder, ("%s lambda = { command = { 'python3', %q, 'seen' }, %s %s }"):format(
    fields or "", resident.runtimes .. "scripted.py", "handler = 'app.handler',", options or ""),
    more)
end

local function seen_of(folder) return resident.read(folder, "seen") end

-- What a runner reports is a failure here.
local JOURNAL = { error = function(_, _, ...) error(table.concat({ ... }, " "), 0) end }

local function job_of(index)
  return job.new({ id = tostring(index), body = tostring(index), receives = 1 }, 10)
end

-- Runs `body` with clocks that leap where the loop would wait for time.
local function leaps(body)
  return task(function(folder)
    leaping.call(body, folder)
  end)
end

describe("a runtime", function()
  -- runtimes-api: "Do not set a timeout on the GET request as the response may be delayed."
  it("may wait for its next invocation for hours, and be asked on the same connection",
    leaps(function()
      local asked, runtime = {}, {}
      function runtime:asked(request) asked[#asked + 1] = request end
      function runtime:broken(err) error(err, 0) end -- luacheck: ignore 212
      local opened = assert(api.open(runtime, nil, nil))
      local url = ("http://%s/2018-06-01/runtime/invocation/next"):format(opened:address())
      for _ = 1, 2 do
        local waiting = scheduler.spawn(function()
          return http.request { url = url, direct = true, timeout = 1e6 }
        end)
        eventually(function() return asked[1] end, "the runtime has asked")
        scheduler.sleep(5 * 3600)
        table.remove(asked):answer(200, nil, "event")
        local _, response = waiting:join()
        assert.equal("event", response.body)
      end
      assert.equal(1, opened.listening:connections())
      opened:close()
    end))

  -- RIE's MaxPayloadSize; a client whose answer is refused must not get the same event again.
  it("may answer 50 MiB, which fails once, and it goes on", task(function(folder)
    resident.send(folder, { { "large", 50 * 1024 * 1024 } }, { { "answer" } })
    write(folder, "max_receives = 1,")
    local text = resident.drain(folder)
    assert.same({ "complete", "retry" }, resident.words(text))
    assert.equal(2, #seen_of(folder))
    assert.same({ 202 }, seen_of(folder)[2].statuses)
  end))

  -- aws-lambda-dotnet #2508, aws-lambda-rust-runtime #1155: the answer of an invocation that has
  -- timed out must not become that of another.
  it("that answers after its time limit is told so, and settles nothing", task(function(folder)
    resident.send(folder, { { "deaf" }, { "sleep", 1 }, { "answer" } })
    write(folder, "timeout = 0.3, max_receives = 1,")
    folder:write("policy.lua", (folder:read "policy.lua":gsub("kill_grace = 0.2",
      "kill_grace = 8")))
    local text = resident.drain(folder)
    assert.same({ "retry" }, resident.words(text))
    assert.matches("timed out after 0.3 s", text)
    assert.same({ 410 }, seen_of(folder)[1].statuses)
  end))

  -- On Lambda no invocation takes longer than 900 s.
  it("may take longer than 900 s, and is ended at its own limit", leaps(function(folder)
    local seconds = { 950, 1100 }
    local given = policy {
      queue = folder:url(), timeout = 1000, batch = 2, workers = 2,
      handler = function(jobs) scheduler.sleep(seconds[tonumber(jobs[1].message)]) end,
    }
    local one = assert(new(nil, given, JOURNAL))
    for index, timed_out in ipairs { false, true } do
      local run = assert(one:start(job_of(index), nil, given))
      local began = scheduler.now()
      assert.is_true(run:starts())
      local exit = run:wait()
      assert.equal(timed_out, exit.timed_out or false, exit.reason)
      assert.equal(timed_out and 1000 or 950, (scheduler.now() - began) // 1 | 0)
    end
    one:close()
  end))

  -- A line without an end, a huge one, and others that write at the same time.
  it("has its own lines in the log, however long they are and whoever writes beside it",
    task(function(folder)
      local steps = { { "flood", 2 * 1024 * 1024 }, { "sleep", 0.2 },
        { "print", "behind\n" }, { "answer" } }
      resident.send(folder, steps, steps)
      write(folder, "workers = 2,")
      local text = resident.drain(folder)
      local bytes, ends = {}, {}
      for id, line in text:gmatch "%[worker%] %[([%x-]+)%] ([^\n]*)" do
        bytes[id] = (bytes[id] or 0) + select(2, line:gsub("x", ""))
        if line:find("behind", 1, true) then ends[id] = true end
      end
      for _, one in ipairs(seen_of(folder)) do
        assert.equal(2 * 1024 * 1024, bytes[one.ids[1]])
        assert.is_true(ends[one.ids[1]])
      end
    end))
end)

-- Asks as a program of the same user does: more at once than may be, far too much, out of turn.
local HOSTILE = [[
import os, socket
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
def connect(): return socket.create_connection((host, int(port)), timeout=60)
ping = b"GET /2018-06-01/ping HTTP/1.1\r\nHost: a\r\n\r\n"
many = connect(); many.sendall(ping * 500)
got = b""
while got.count(b"pong") < 500: got += many.recv(65536)
huge = connect()
try:
    for _ in range(40): huge.sendall(b"GET / HTTP/1.1\r\nA: " + b"x" * 65536)
    first = huge.recv(12)
except ConnectionError: first = b"HTTP/1.1 431"
endless = connect(); endless.sendall(b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: a\r\n"
    b"Content-Length: 99999999999\r\n\r\n")
both = connect(); both.sendall(b"POST /2018-06-01/ping HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
answers = [first, both.recv(12), endless.recv(12)]
with open("told", "w") as file: file.write(" ".join(one.decode() for one in answers))
]]

describe("a client that does not keep to the rules", function()
  -- An error of the start was taken from a runtime that had started long ago, with a length beyond
  -- all limits: it was stopped in the middle of its message. RIE answers 403.
  it("stops neither the runtime nor the watcher, whatever it sends", task(function(folder)
    folder:write("hostile.py", HOSTILE)
    folder:write("app.py", [[
import subprocess
def handler(event, context):
    subprocess.run(["python3", "-S", "hostile.py"], check=True, timeout=60)
]])
    workshop.send(folder, { "one", "two", "three" })
    resident.policy(folder, ("lambda = { command = { 'python3', %q }, handler = 'app.handler' }")
      :format(resident.runtimes .. "ric.py"))
    local text = resident.drain(folder)
    assert.same({ "complete", "complete", "complete" }, resident.words(text), text)
    assert.equal("HTTP/1.1 431 HTTP/1.1 400 HTTP/1.1 403", folder:read "told")
  end))
end)

describe("a batch", function()
  it("has 6 MiB at most", task(function(folder)
    local large = ("x"):rep(1000000)
    local bodies = {}
    for index = 1, 9 do bodies[index] = ('[["answer"],["none","%s"]]'):format(large) end
    workshop.send(folder, bodies)
    write(folder, "", "batch = 10, window = 3,")
    folder:write("policy.lua", (folder:read "policy.lua":gsub("command = {.-}",
      "command = { 'python3', " .. ("%q"):format(resident.runtimes .. "ric.py") .. " }")))
    folder:write("app.py", [[
def handler(event, context):
    with open("sizes", "a") as file: file.write(f"{len(event['Records'])}\n")
]])
    resident.drain(folder)
    assert.same({ "6", "3" }, folder:lines "sizes")
  end))

  -- A window may be longer than the visibility timeout: the messages are kept by heartbeats.
  it("keeps its messages through its window", task(function(folder)
    resident.send(folder, { { "answer" } }, { { "answer" } })
    write(folder, "visibility = 6,", "batch = 10, window = 8,")
    local text = resident.drain(folder)
    assert.same({ "complete", "complete" }, resident.words(text))
    local seen = seen_of(folder)
    assert.equal(1, #seen)
    for _, record in ipairs(seen[1].event.Records) do
      assert.equal("1", record.attributes.ApproximateReceiveCount)
    end
    assert.is_nil(text:find("LeaseLapsed", 1, true))
  end))

  it("goes without a message that is taken back", leaps(function(folder)
    local got = {}
    local given = policy {
      queue = folder:url(), batch = 10, window = 60,
      handler = function(jobs) for _, one in ipairs(jobs) do got[#got + 1] = one.id end end,
    }
    local one = assert(new(nil, given, JOURNAL))
    local runs = {}
    for index = 1, 3 do
      runs[index] = assert(one:start(job_of(index), nil, given))
    end
    runs[2]:stop("taken back", 0)
    assert.is_true(runs[2]:wait().stopped)
    assert.equal(0, runs[3]:wait().code)
    assert.same({ "1", "3" }, got)
    one:close()
  end))
end)

-- Waits until a file has a line, and returns the program's log so far.
local function when_started(folder, child)
  eventually(function() return #folder:lines "seen" > 0 or child:output():find "it runs" end)
end

describe("the end of a watcher", function()
  it("stops what runs at the second TERM, and gives it back", task(function(folder)
    resident.send(folder, { { "print", "it runs\n" }, { "sleep", 600 } })
    write(folder, "drain = 600,")
    local child = workshop.start(folder, { "run", "policy.lua" })
    when_started(folder, child)
    child:kill "TERM"
    eventually(function() return child:output():find("draining", 1, true) end)
    child:kill "TERM"
    assert(child:wait(workshop.PATIENCE), "the watcher ends")
    local queue = assert(require "watchbot.queue".open(folder:url()))
    assert.equal(1, queue:counts().visible)
    queue:close()
    child:close()
  end))

  it("is a new beginning at SIGHUP: another command takes the next message", task(function(folder)
    resident.send(folder, { { "answer" } })
    write(folder)
    local child = workshop.start(folder, { "run", "policy.lua" })
    eventually(function() return #folder:lines "seen" == 1 end, "the first message is handled")
    folder:write("policy.lua", (folder:read "policy.lua":gsub("'seen'", "'other'")))
    child:kill "HUP"
    eventually(function() return child:output():find("policy reloaded", 1, true) end)
    resident.send(folder, { { "answer" } })
    eventually(function() return #folder:lines "other" == 1 end, "the other command has it")
    local former = seen_of(folder)[1].pid
    eventually(function() return io.open(("/proc/%d/stat"):format(former)) == nil end,
      "the former runtime is gone")
    child:kill "TERM"
    assert.equal(0, assert(child:wait(workshop.PATIENCE)).code)
    child:close()
  end))

  -- What a killed watcher has started must not run at the same time as its next receive.
  it("by kill -9 under load leaves no runtime two seconds later", task(function(folder)
    for _ = 1, 10 do
      resident.send(folder, { { "sleep", 0.05 }, { "answer" } }, { { "answer" } },
        { { "sleep", 0.02 }, { "error", "E", "e" } }, { { "exit", 1 } })
    end
    write(folder, "workers = 4,", nil, "")
    local child = workshop.start(folder, { "run", "policy.lua" })
    eventually(function() return #folder:lines "seen" > 8 end, "runtimes are at work")
    local pids = {}
    for pid in io.popen(("pgrep -P %d"):format(child:pid())):read "a":gmatch "%d+" do
      pids[#pids + 1] = pid
    end
    assert.is_true(#pids > 0)
    child:kill "KILL"
    child:wait()
    child:close()
    workshop.live(2)
    for _, pid in ipairs(pids) do
      local file = io.open(("/proc/%s/stat"):format(pid))
      local state = file and file:read "a":match "%) (%a)"
      if file then file:close() end
      assert.is_true(not state or state == "Z", pid .. " is alive: " .. tostring(state))
    end
  end))
end)
