-- What specs rely on where the machine stands still for a while.

local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local LATE = '{"event":"heartbeats are late: the process was suspended, or the machine is"}'

-- Runs a test whose watcher logs this, and that fails so often; returns how often it ran.
local function tried(log, failures)
  local runs, stderr = 0, io.stderr
  io.stderr = { write = function() end } -- luacheck: ignore 122
  local ok, err = pcall(workshop.task(function(folder)
    runs = runs + 1
    folder.children = { { output = function() return log, "" end } }
    if runs <= failures then error "it failed" end
  end))
  io.stderr = stderr -- luacheck: ignore 122
  return runs, ok, err
end

describe("a test of watchers", function()
  -- A lease is lost by design where heartbeats are late: a machine that stood still for a second
  -- failed tests of something else.
  it("is made again where it failed and heartbeats were late, four times in all", function()
    assert.are.same({ 2, true }, { tried(LATE, 1) })
    local runs, ok, err = tried(LATE, 9)
    assert.are.same({ 4, false }, { runs, ok })
    assert.matches("workshop_spec.lua:%d+: it failed\nstack traceback", err)
  end)

  it("is not made again where they were in time, or where it did not fail", function()
    local runs, ok = tried('{"event":"watching"}', 1)
    assert.are.same({ 1, false }, { runs, ok })
    assert.are.same({ 1, true }, { tried(LATE, 0) })
  end)
end)

it("a free port is none that the kernel gives to others", function()
  local file <close> = assert(io.open "/proc/sys/net/ipv4/ip_local_port_range")
  local lowest = file:read "n"
  scheduler.run(function()
    for _ = 1, 20 do
      local port = workshop.free_port()
      assert.is_true(port >= 1024 and port < lowest, port)
    end
  end)
end)
