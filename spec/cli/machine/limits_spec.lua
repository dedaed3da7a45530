-- What `watchbot check` says of limits on processes. A container's limit is its control group's:
-- ulimit -u says "unlimited" there, and the fork fails all the same.

local limits = require "watchbot.cli.machine.limits"
local workshop = require "support.workshop"

local task = workshop.task

local function prepare(folder, groups, path, most)
  os.execute(("rm -rf '%s/sys'; mkdir -p '%s/proc/self' '%s/sys/fs/cgroup%s'"):format(folder.path,
    folder.path, folder.path, path))
  folder:write("proc/self/cgroup", groups)
  folder:write(("sys/fs/cgroup%s/pids.max"):format(path), most .. "\n")
end

local function look(folder, workers)
  local findings = {}
  limits(findings, workers, folder.path)
  return findings[1].what:find "control group" and findings[1] or nil
end

describe("the limit of a control group on processes", function()
  for name, case in pairs {
    ["version 2"] = { "0::/system.slice/tiles.service\n", "/system.slice/tiles.service" },
    ["version 2, in a container"] = { "0::/\n", "" },
    ["version 1"] = { "8:pids:/docker/1\n0::/\n", "/pids/docker/1" },
    ["version 1, with another controller"] = { "8:cpu,pids:/docker/1\n", "/pids/docker/1" },
    ["version 1, in a container that sees its own alone"] = { "8:pids:/docker/1\n", "/pids" },
  } do
    it("is compared with the workers: " .. name, task(function(folder)
      prepare(folder, case[1], case[2], "20")
      local found = look(folder, 100)
      assert.are.equal("failure", found.level)
      assert.matches("a limit of 20, needs 108: raise it %(TasksMax=, %-%-pids%-limit%)",
        found.message)
      assert.are.equal("ok", look(folder, 12).level)
      prepare(folder, case[1], case[2], "max")
      assert.is_nil(look(folder, 100))
    end))
  end

  it("is not there without control groups", task(function(folder)
    assert.is_nil(look(folder, 100))
  end))
end)
