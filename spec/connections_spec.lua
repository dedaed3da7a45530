-- Ten thousand clients that are connected and ask nothing: the loop, the kernel's tables and the
-- memory of each, as far as this machine lets a process have as many files.

local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local server = require "watchbot.server"

local COUNT, BOUND = 10000, 120

-- Connects all, has every hundredth ask; when the file is there, others ask, and all are closed.
local CLIENTS = [[
import os, socket, sys, time
port, count = int(sys.argv[1]), int(sys.argv[2])
many = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(count)]
def ask(one):
    one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    return one.recv(12)
print(sum(ask(one) == b"HTTP/1.1 200" for one in many[::100]), flush=True)
while not os.path.exists(sys.argv[3]):
    time.sleep(0.05)
print(sum(ask(one) == b"HTTP/1.1 200" for one in many[50::100]), flush=True)
]]

local function limit_of_files()
  for line in io.lines "/proc/self/limits" do
    local soft = line:match "^Max open files%s+(%d+)"
    if soft then return tonumber(soft) end
  end
  return math.huge
end

local function sockets()
  collectgarbage()
  local pipe <close> = assert(io.popen "ls -l /proc/$PPID/fd")
  local _, count = pipe:read("a"):gsub("socket:", "")
  return count
end

local function resident()
  local file <close> = assert(io.open "/proc/self/statm")
  return tonumber(file:read("a"):match "%d+ (%d+)") * 4096
end

local function eventually(condition)
  local deadline = scheduler.now() + BOUND
  while not condition() and scheduler.now() < deadline do scheduler.sleep(0.02) end
end

describe("a server with ten thousand idle connections", function()
  it("answers all the same, at a few kilobytes each, and gives all of it back", function()
    if limit_of_files() < COUNT + 200 then
      return pending(("the limit of open files here is %d"):format(limit_of_files()))
    end
    local gate = os.tmpname()
    os.remove(gate)
    scheduler.run(function()
      local listening <close> = assert(server.listen { connections = COUNT, idle_time = 0 })
      scheduler.spawn(server.serve, listening, function(request) request:answer(200) end)
      local _, port = listening:address()
      local before, memory = sockets(), resident()
      local child = assert(process.start {
        argv = { "python3", "-c", CLIENTS, tostring(port), tostring(COUNT),
          gate },
        env = process.environment(), output = "capture",
      })
      eventually(function() return listening:connections() == COUNT or child:wait(0) end)
      assert.equal(COUNT, listening:connections())
      local grown = resident() - memory
      assert.is_true(grown / COUNT < 8192, ("%d bytes each"):format(grown // COUNT))
      assert(io.open(gate, "w")):close()
      local exit = assert(child:wait(BOUND))
      os.remove(gate)
      assert.equal(0, exit.code, select(2, child:output()))
      assert.equal("100\n100\n", (child:output()))
      eventually(function() return listening:connections() == 0 end)
      assert.equal(0, listening:connections())
      assert.equal(before, sockets())
    end)
  end)
end)
