-- HTTP workers, with the whole program and a server of Python's standard library.

local process = require "watchbot.process"
local resident = require "support.resident"
local workshop = require "support.workshop"

local task, eventually = workshop.task, workshop.eventually

-- Answers as the path of its message says: "/STATUS/OUTCOME"; writes what it was asked.
local SERVER = [[#!/usr/bin/env python3
import http.server, json, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_HEAD(self):
        self.send_response(404); self.send_header("Content-Length", "0"); self.end_headers()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open("asked", "a") as file:
            file.write(json.dumps({"body": body, "headers": dict(self.headers),
              "pid": os.getpid()}) + "\n")
        said = json.loads(body)
        if "exit" in said: os._exit(said["exit"])
        if "sleep" in said: time.sleep(said["sleep"])
        print("served", flush=True)
        self.send_response(said.get("status", 200))
        if "outcome" in said: self.send_header("X-Watchbot-Outcome", said["outcome"])
        answer = b"" if said.get("status") == 204 else b"ok"
        if answer: self.send_header("Content-Length", "2")
        self.end_headers(); self.wfile.write(answer)
    def log_message(self, *_): pass
time.sleep(float(os.environ.get("SLOW", "0")))
http.server.ThreadingHTTPServer(("127.0.0.1", int(open("port").read())), Handler).serve_forever()
]]

local function free_port(folder)
  local port = workshop.free_port()
  folder:write("port", tostring(port))
  return port
end

local send, drain, words_of = resident.send, resident.drain, resident.words

local function prepare(folder, fields, serve, more)
  local port = free_port(folder)
  folder:write("server.py", SERVER)
  resident.policy(folder, ("%s serve = { url = 'http://127.0.0.1:%d/work', command = %q, %s }")
    :format(fields or "", port, "exec ./server.py", serve or ""), more)
  return port
end

local function asked_of(folder) return resident.read(folder, "asked") end

describe("an HTTP worker", function()
  it("gets each message by POST, and its answer decides", task(function(folder)
    send(folder, { status = 200 }, { status = 204 }, { status = 500 }, { outcome = "reject" })
    prepare(folder, "max_receives = 1, exits = { HTTP422 = 'release' },")
    local log = drain(folder)
    assert.same({ "complete", "complete", "reject", "retry" }, words_of(log))
    assert.matches("the worker has answered 500", log)
    local asked = asked_of(folder)
    assert.equal(4, #asked)
    assert.equal(asked[1].pid, asked[4].pid)
    local headers = asked[1].headers
    assert.equal("application/json", headers["Content-Type"])
    assert.equal("jobs.db", headers["X-Aws-Sqsd-Queue"])
    assert.equal("1", headers["X-Aws-Sqsd-Receive-Count"])
    assert.matches("^%x+%-", headers["X-Aws-Sqsd-Msgid"])
  end))

  -- A newline in a subject would be another header.
  it("gets subject and attributes in headers, whatever they hold", task(function(folder)
    prepare(folder)
    local queue = assert(require "watchbot.queue".open(folder:url()))
    assert(queue:send { { body = "{}", subject = "a\r\nX-Evil: b", attributes = {
      Kind = { type = "String", value = "c\nd" } } } })
    queue:close()
    drain(folder)
    local headers = asked_of(folder)[1].headers
    assert.equal("a  X-Evil: b", headers["X-Watchbot-Subject"])
    assert.equal("c d", headers["X-Aws-Sqsd-Attr-Kind"])
    assert.is_nil(headers["X-Evil"])
  end))

  it("gets the trace in headers", task(function(folder)
    prepare(folder)
    local queue = assert(require "watchbot.queue".open(folder:url()))
    local parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert(queue:send { { body = "{}", attributes = {
      traceparent = { type = "String", value = parent },
      tracestate = { type = "String", value = "a=1" },
      baggage = { type = "String", value = "k=v" },
    } }, { body = "{}", attributes = {
      traceparent = { type = "String", value = parent .. "\r\nX-Evil: b" },
    } } })
    queue:close()
    drain(folder)
    local asked = asked_of(folder)
    local headers = asked[1].headers
    assert.same({ parent, "a=1", "k=v" },
      { headers.traceparent, headers.tracestate, headers.baggage })
    assert.equal("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",
      headers["X-Amzn-Trace-Id"])
    assert.is_nil(asked[2].headers.traceparent)
    assert.is_nil(asked[2].headers["X-Evil"])
  end))

  it("may be slow to start, and gets several messages at once", task(function(folder)
    send(folder, { sleep = 0.5 }, { sleep = 0.5 }, { sleep = 0.5 })
    prepare(folder, "workers = 3, env = { SLOW = '0.5' },")
    assert.same({ "complete", "complete", "complete" }, words_of(drain(folder)))
  end))

  it("is started again when it has ended, and what it worked on comes back", task(function(folder)
    send(folder, { exit = 0 }, {}, {})
    prepare(folder)
    local log = drain(folder)
    assert.same({ "complete", "complete", "retry", "retry" }, words_of(log))
  end))

  -- A server that watchbot does not run was down, and the messages became dead letters.
  it("that is down costs no message a receive", task(function(folder)
    send(folder, {})
    local port = free_port(folder)
    folder:write("server.py", SERVER)
    folder:write("policy.lua", ([[return require "watchbot".policy { queue = %q, probe = 1,
      max_receives = 1, serve = { url = "http://127.0.0.1:%d/" } }]]):format(folder:url(), port))
    local child = workshop.start(folder, { "run", "--drain", "policy.lua" })
    eventually(function() return child:output():find('"outcome":"retry"', 1, true) end)
    local server = assert(process.start { argv = { "python3", "server.py" }, cwd = folder.path })
    local exit = assert(child:wait(workshop.PATIENCE))
    server:close()
    assert.equal(0, exit.code, (child:output()))
    assert.equal("1", asked_of(folder)[1].headers["X-Aws-Sqsd-Receive-Count"])
  end))

  it("is given up on at the time limit", task(function(folder)
    send(folder, { sleep = 30 }, {})
    prepare(folder, "timeout = 3, max_receives = 1,")
    local log = drain(folder)
    assert.same({ "complete", "retry" }, words_of(log))
    assert.matches("timed out after 3 s", log)
  end))

  it("says that it cannot start: no program, an end at once, nothing that listens",
    task(function(folder)
      local port = free_port(folder)
      for _, case in ipairs {
        { [[{ "./no-such-program" }]], "could not start './no%-such%-program'" },
        { [["exit 7"]], "the server could not be started: the server has ended with exit code 7" },
        { [["sleep 60", init_timeout = 0.3]],
          "nothing listens at http://127.0.0.1:%d+/ after 0.3 s" },
      } do
        folder:write("policy.lua", ([[return require "watchbot".policy { queue = %q,
          kill_grace = 0.2,
          serve = { url = "http://127.0.0.1:%d/", command = %s } }]]):format(folder:url(), port,
            case[1]))
        send(folder, {})
        local child = workshop.start(folder, { "run", "policy.lua" })
        eventually(function() return child:output():find(case[2]) end, case[2])
        child:stop(1)
        child:wait()
      end
    end))

end)
