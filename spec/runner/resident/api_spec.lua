-- The port of a runtime: who may come, and what strangers cannot do. Each case runs the whole
-- program with a runtime that holds its message until a file is there.

local cjson = require "cjson"
local host = require "support.host"
local process = require "watchbot.process"
local resident = require "support.resident"
local workshop = require "support.workshop"

local task, eventually = workshop.task, workshop.eventually

-- Writes its address and its pid, and answers when the file "go" is there.
local FUNCTION = [[
import os, time
open("pid", "a").write(f"{os.getpid()}\n")
open("address.new", "w").write(os.environ["AWS_LAMBDA_RUNTIME_API"])
os.rename("address.new", "address")
def handler(event, context):
    open("started", "a").write(event["Records"][0]["messageId"] + "\n")
    while not os.path.exists("go"): time.sleep(0.01)
    open("done", "a").write(event["Records"][0]["messageId"] + "\n")
]]

local function start(folder, more)
  folder:write("app.py", FUNCTION)
  folder:write("policy.lua", ([[local policy = require "watchbot".policy { queue = %q,
    kill_grace = 0.2, %s
    lambda = { command = { "python3", %q }, handler = "app.handler" } }
    function policy:backoff() return 0 end
    return policy]]):format(folder:url(), more or "", resident.runtimes .. "ric.py"))
  local child = workshop.start(folder, { "run", "--drain", "policy.lua" })
  eventually(function() return #folder:lines "started" > 0 end, "the message is being handled")
  return child, folder:read "address"
end

local function finish(folder, child)
  folder:write("go", "")
  local exit = assert(child:wait(workshop.PATIENCE))
  local log = child:output()
  assert.equal(0, exit.code, log)
  return log
end

-- Runs a script of Python with the address; returns what it prints.
local function python(script, address, prefix)
  local argv = prefix or {}
  for _, word in ipairs { "python3", "-c", script, address } do argv[#argv + 1] = word end
  local child = assert(process.start {
    argv = argv, output = "capture", env = process.environment(), cwd = "/",
  })
  local exit = assert(child:wait(workshop.PATIENCE))
  local out, err = child:output()
  assert.equal(0, exit.code, err)
  return out
end

local ASK = [[
import http.client, sys
try:
    connection = http.client.HTTPConnection(sys.argv[1], timeout=60)
    connection.request("GET", "/2018-06-01/ping")
    print(connection.getresponse().status)
except (ConnectionError, http.client.HTTPException) as error:
    print("refused")
]]

describe("the port of a runtime", function()
  it("answers its own user", task(function(folder)
    workshop.send(folder, { "one" })
    local child, address = start(folder)
    assert.equal("200\n", python(ASK, address))
    finish(folder, child)
  end))

  -- The runtime clients speak TCP only: any user of the machine could ask for a message, or answer
  -- one.
  it("refuses other users of the machine", task(function(folder)
    if not workshop.has_other_user() then
      return pending "no programs can be run as another user here"
    end
    workshop.send(folder, { "one" })
    local child, address = start(folder)
    local name, port = address:match "^(.-):(%d+)$"
    local asking = assert(process.start { output = "capture", env = process.environment(), argv = {
      "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-c",
      ([[trap '' PIPE; exec 3<>/dev/tcp/%s/%s
        printf 'GET /2018-06-01/ping HTTP/1.1\r\nHost: a\r\n\r\n' >&3 2>/dev/null
        cat <&3 2>/dev/null; echo end]]):format(name, port),
    } })
    assert(asking:wait(workshop.PATIENCE))
    assert.equal("end\n", (asking:output()))
    finish(folder, child)
  end))

  -- A second client of the same user holds no runtime up, and what it does settles nothing but an
  -- invocation whose id it knows.
  it("survives idle connections, slow heads, resets, garbage and wrong ids", task(function(folder)
    workshop.send(folder, { "one", "two" })
    local child, address = start(folder)
    local said = python([[
import socket, struct, sys
host, port = sys.argv[1].split(":")
def connect(): return socket.create_connection((host, int(port)), timeout=60)
idle = [connect() for _ in range(1000)]
slow = connect(); slow.sendall(b"GET /2018-06-01/runt")
reset = connect(); reset.sendall(b"POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\n"
                                 b"Host: a\r\nContent-Length: 99\r\n\r\nabc")
reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); reset.close()
def ask(text):
    one = connect(); one.sendall(text); answer = one.recv(12); one.close(); return answer.decode()
print(ask(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"))
post = ("POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\n"
        "Host: a\r\nContent-Length: 2\r\n\r\n{}")
for name in "x", "..", "00000000-0000-4000-8000-000000000000", "%2e":
    print(ask((post % name).encode()))
print(ask(b"GET /no-such-path HTTP/1.1\r\nHost: a\r\n\r\n"))
print(ask(b"GET /2018-06-01/runtime/restore/next HTTP/1.1\r\nHost: a\r\n\r\n"))
print(ask(b"DELETE /2018-06-01/ping HTTP/1.1\r\nHost: a\r\n\r\n"))
]], address)
    assert.equal(("HTTP/1.1 400\n"):rep(5) .. "HTTP/1.1 404\nHTTP/1.1 404\nHTTP/1.1 405\n", said)
    local log = finish(folder, child)
    local _, count = log:gsub('"outcome":"complete"', "")
    assert.equal(2, count, log)
    assert.is_nil(log:find('"outcome":"retry"', 1, true))
  end))

  it("answers ping, extensions and telemetry in the smallest form", task(function(folder)
    workshop.send(folder, { "one" })
    local child, address = start(folder)
    local said = cjson.decode(python([==[
import http.client, json, sys
connection = http.client.HTTPConnection(sys.argv[1], timeout=60)
def ask(method, path):
    connection.request(method, path, b"{}" if method != "GET" else None)
    answer = connection.getresponse(); body = answer.read().decode()
    return [answer.status, body, answer.headers["Lambda-Extension-Identifier"]]
print(json.dumps([ask("GET", "/2018-06-01/ping"), ask("POST", "/2020-01-01/extension/register"),
                  ask("PUT", "/2022-07-01/telemetry"), ask("PUT", "/2020-08-15/logs")]))
]==], address))
    assert.same({ 200, "pong" }, { said[1][1], said[1][2] })
    assert.equal(200, said[2][1])
    assert.matches("^%x+%-", said[2][3])
    assert.same({ 202, 202 }, { said[3][1], said[4][1] })
    finish(folder, child)
  end))

  it("ends with its watcher, even by kill -9, and no message is lost", task(function(folder)
    workshop.send(folder, { "one" })
    local child = start(folder, "visibility = 5,")
    local pid = tonumber(folder:lines "pid"[1])
    child:kill "KILL"
    child:wait()
    -- What has lost its parent is reaped by the system's first process, soon or never.
    eventually(function() return not host.is_alive(pid) end, "the runtime is gone")
    folder:write("go", "")
    local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.equal(0, exit.code, log)
    assert.equal(2, #folder:lines "started")
    assert.equal(1, #folder:lines "done")
  end))
end)
