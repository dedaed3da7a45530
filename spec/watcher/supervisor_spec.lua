-- systemd learned nothing of a watcher but that its process is there: one that hung stayed up, and
-- a drain that was longer than TimeoutStopSec was cut off.

local host = require "support.host"
local server = require "support.server"
local shell = require "support.shell"
local supervisor = require "watchbot.watcher.supervisor"
local workshop = require "support.workshop"

local pid = require "watchbot.core".systemd.pid()

local function environment(variables)
  return function(name) return variables[name] end
end

local function watcher(phase, running)
  return {
    jobs = { slots = running, waiting = function() return 0 end },
    phase = { watching = function() return phase == "watching" end },
  }
end

describe("the supervisor", function()
  it("is there only when a manager has given its socket", function()
    assert.is_nil(supervisor.find(environment {}))
    assert.is_nil(supervisor.find(environment { NOTIFY_SOCKET = "" }))
  end)

  it("hears of each change once, and of life whenever its watchdog is ours", function()
    local one = supervisor.find(environment {
      NOTIFY_SOCKET = "/s", WATCHDOG_USEC = "750000", WATCHDOG_PID = tostring(pid) })
    assert.are.equal(0.25, one.interval)
    assert.are.equal("READY=1\nSTATUS=watching, 0 running, 0 waiting\nWATCHDOG=1",
      one:lines(watcher("watching", 0)))
    assert.are.equal("WATCHDOG=1", one:lines(watcher("watching", 0)))
    assert.are.equal("STATUS=watching, 2 running, 0 waiting\nWATCHDOG=1",
      one:lines(watcher("watching", 2)))
    assert.are.equal("STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\nSTATUS=stopping, 2 running\n"
      .. "WATCHDOG=1", one:lines(watcher("draining", 2)))
    assert.are.equal("EXTEND_TIMEOUT_USEC=30000000\nWATCHDOG=1", one:lines(watcher("stopping", 2)))
  end)

  it("leaves another process's watchdog alone", function()
    local other = supervisor.find(environment {
      NOTIFY_SOCKET = "/s", WATCHDOG_USEC = "600000", WATCHDOG_PID = tostring(pid + 1) })
    other:lines(watcher("watching", 0))
    assert.is_nil(other:lines(watcher("watching", 0)))
  end)

  it("says why the manager cannot be reached", function()
    local lost = supervisor.find(environment { NOTIFY_SOCKET = "/nowhere/notify" })
    local ok, err, code = lost:tell(watcher("watching", 0))
    assert.is_nil(ok)
    assert.are.equal("could not notify the service manager at '/nowhere/notify': "
      .. "no such file or directory", err)
    assert.are.equal("ENOENT", code)
    assert.are.equal("EINVAL", (select(3, supervisor.find(environment {
      NOTIFY_SOCKET = "vsock:2:1" }):tell(watcher("watching", 0)))))
  end)

  for name, prefix in pairs { ["a socket in a folder"] = "", ["an abstract socket"] = "@" } do
    it("hears from `watchbot run` through " .. name, workshop.task(function()
      local folder <close> = workshop.folder()
      local socket, log = prefix .. folder:file "notify", folder:file "log"
      local manager = server.start("python3", "spec/support/notify_socket.py", socket, log)
      local policy = folder:write("policy.lua", ([[return require "watchbot".policy {
        queue = "%s", command = "until [ -e %s ]; do sleep 0.1; done",
        drain = 20 }]]):format(folder:url(), folder:file "go"))
      shell.run(("%s send --queue %s hello"):format(workshop.program, folder:url()))
      local line = "NOTIFY_SOCKET=%s WATCHDOG_USEC=900000 %s run %s >%s & echo $!"
      local out = shell.run(line:format(socket, workshop.program, policy, folder:file "out"))
      local id = out:match "%d+"
      local function heard(text)
        host.eventually(function() return folder:read "log":find(text, 1, true) end, text)
      end
      heard "READY=1\nSTATUS=watching, "
      heard "STATUS=watching, 1 running"
      os.execute("kill -TERM " .. id)
      heard "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\nSTATUS=stopping, 1 running\nWATCHDOG=1"
      folder:write("go", "")
      host.eventually(function() return not host.is_alive(tonumber(id)) end, "the watcher ends")
      manager:close()
    end))
  end
end)
