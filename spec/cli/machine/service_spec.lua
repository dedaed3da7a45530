-- What `watchbot check` says of the systemd unit that it runs in. There is no systemd here: a
-- systemctl of the spec's answers as the real one does, and /proc/self/cgroup is the spec's.

local process = require "watchbot.process"
local service = require "watchbot.cli.machine.service"
local watchbot = require "watchbot"
local workshop = require "support.workshop"

local task = workshop.task

local function prepare(folder, groups, answer)
  os.execute(("mkdir -p '%s/proc/self' '%s/bin'"):format(folder.path, folder.path))
  folder:write("proc/self/cgroup", groups)
  folder:write("bin/systemctl", ("#!/bin/sh\necho \"$@\" > '%s/asked'\n%s\n"):format(folder.path,
    answer))
end

-- The look of a process whose PATH has the spec's systemctl.
local function look(folder, policy)
  local start, path = process.start, folder.path .. "/bin:" .. os.getenv "PATH"
  local _ <close> = setmetatable({}, { __close = function() process.start = start end })
  process.start = function(options)
    options.argv = { "env", "PATH=" .. path, table.unpack(options.argv) }
    return start(options)
  end
  local findings = {}
  service.look(findings, policy, folder.path)
  return findings
end

local UNIFIED = "0::/system.slice/tiles.service\n"
local OLD = "3:cpu:/\n1:name=systemd:/system.slice/system-tiles.slice/tiles@1.service\n0::/\n"

describe("the unit of systemd", function()
  it("is found in both versions of control groups", task(function(folder)
    prepare(folder, UNIFIED, "")
    assert.are.equal("tiles.service", service.unit(folder.path))
    prepare(folder, OLD, "")
    assert.are.equal("tiles@1.service", service.unit(folder.path))
    prepare(folder, "0::/system.slice/tiles.service/watchbot\n", "")
    assert.are.equal("tiles.service", service.unit(folder.path))
    for _, none in ipairs { "0::/\n", "0::/user.slice/user-0.slice/session-1.scope\n", "" } do
      prepare(folder, none, "")
      assert.is_nil(service.unit(folder.path))
      assert.are.same({}, look(folder))
    end
  end))

  -- A stop signalled every task together with the watcher: `drain` had no effect.
  it("is warned of where a stop ends or leaves the tasks", task(function(folder)
    for mode, words in pairs {
      ["control-group"] = "signals every task at once.*set KillMode=mixed",
      process = "tasks that are left stay.*set KillMode=mixed", none = "set KillMode=mixed",
    } do
      prepare(folder, UNIFIED, ("echo KillMode=%s; echo TimeoutStopUSec=1min 30s"):format(mode))
      local found = look(folder)
      assert.are.equal(1, #found)
      assert.are.equal("warning", found[1].level)
      assert.matches(words, found[1].message)
    end
    prepare(folder, UNIFIED, "echo KillMode=mixed; echo TimeoutStopUSec=infinity")
    assert.are.same({ { what = "systemd unit", level = "ok",
      message = "'tiles.service' has KillMode=mixed" } }, look(folder))
    assert.matches("%-%- tiles.service", folder:read "asked")
  end))

  it("is compared with the time that a stop may take", task(function(folder)
    local policy = watchbot.policy { queue = "sqlite:j.db", command = "true", drain = 100,
      kill_grace = 10 }
    prepare(folder, UNIFIED, "echo KillMode=mixed; echo TimeoutStopUSec=1min 30s")
    local found = look(folder, policy)
    assert.matches("TimeoutStopSec=90: .*%(110 s%).*set it to 120", found[2].message)
    prepare(folder, UNIFIED, "echo KillMode=mixed; echo TimeoutStopUSec=2min")
    assert.are.equal(1, #look(folder, policy))
    prepare(folder, UNIFIED, "echo KillMode=mixed; echo TimeoutStopUSec=infinity")
    assert.are.equal(1, #look(folder, policy))
  end))

  it("is a warning where systemctl says nothing", task(function(folder)
    prepare(folder, UNIFIED, "exit 1")
    local found = look(folder)
    assert.are.equal("warning", found[1].level)
    assert.matches("the KillMode of 'tiles.service' could not be read", found[1].message)
  end))
end)
