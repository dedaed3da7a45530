-- Control groups, where this machine lets the interpreter of the specs make them.

local cgroup = require "watchbot.runner.cgroup"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"

local groups = cgroup.open()

describe("a cgroup of a task", function()
  if not groups then
    it("limits memory", function() pending "no cgroup can be made here" end)
    return
  end

  local function run(bytes, command)
    local group = assert(groups:make(bytes))
    local exit = scheduler.run(function()
      local child = assert(process.start {
        command = command, limits = { cgroup = group.processes },
      })
      return assert(child:wait(120))
    end)
    group:close(exit)
    return exit, group
  end

  it("holds the task, tells its peak, and is gone", function()
    local exit, group = run(64 << 20, "grep -q watchbot- /proc/self/cgroup")
    assert.are.equal(0, exit.code)
    assert.is_nil(exit.oom)
    assert.is_true(exit.max_rss > 0 and exit.max_rss <= 64 << 20)
    assert.is_nil(io.open(group.processes))
  end)

  it("kills what takes more, and says so", function()
    local exit = run(16 << 20,
      [[exec lua5.4 -e 'local t = {} for i = 1, 100 do t[i] = ("x"):rep(1 << 20) .. i end']])
    assert.are.equal("KILL", exit.signal)
    assert.is_true(exit.oom)
  end)
end)
