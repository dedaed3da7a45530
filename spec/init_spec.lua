-- The program as process 1 of a container: a pid namespace of its own.

local process = require "watchbot.process"
local workshop = require "support.workshop"

local task = workshop.task
local can = os.execute "unshare --pid --fork --mount-proc true 2>/dev/null"

local function inside(folder, command)
  return assert(process.start {
    argv = { "unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", "exec " .. command }, cwd = folder.path,
    output = "capture",
  })
end

describe("watchbot as process 1", function()
  if not can then
    it("reaps and passes signals on", function() pending "a pid namespace needs more rights than this user has" end)
    return
  end

  -- Orphans of tasks stayed zombies for ever, one a job.
  it("reaps the orphans that tasks leave", task(function(folder)
    workshop.send(folder, { "1", "2", "3" })
    folder:write("work.sh", [[#!/bin/sh
      (setsid sh -c 'echo ended >> ended; echo > ended-$0' $Message >/dev/null 2>&1 &)
      while [ ! -e ended-$Message ]; do sleep 0.02; done]])
    local child = inside(folder, ("'%s' run --queue %s -- ./work.sh"):format(workshop.program, folder:url()))
    workshop.eventually(function() return #folder:lines "ended" == 3 end, "the orphans have ended")
    local pid = workshop.eventually(function()
      local pipe <close> = io.popen(("pgrep -P $(pgrep -P %d)"):format(child:pid()))
      return pipe:read "n"
    end, "the watcher is there")
    workshop.eventually(function()
      local pipe <close> = io.popen(("nsenter -t %d -p -m ps -e -o stat= | grep -c Z"):format(pid))
      return pipe:read "n" == 0
    end, "no zombie is left")
    assert.is_truthy(os.execute(("nsenter -t %d -p -m kill -TERM 1"):format(pid)))
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
    assert.matches('"event":"stopped","complete":3', (child:output()))
  end))

  it("ends with the status of the program", task(function(folder)
    local child = inside(folder, ("'%s' run missing.lua"):format(workshop.program))
    assert.are.equal(2, child:wait(workshop.PATIENCE).code)
    assert.matches("missing.lua", select(2, child:output()))
  end))
end)
