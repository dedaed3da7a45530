-- The program as process 1 of a container: of a new pid namespace.

local process = require "watchbot.process"
local workshop = require "support.workshop"

local task = workshop.task
local can = os.execute "unshare --pid --fork --mount-proc true 2>/dev/null"

local function inside(folder, command)
  return assert(process.start {
    argv = { "unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", "exec " .. command },
    cwd = folder.path,
    output = "capture",
  })
end

describe("watchbot as process 1", function()
  if not can then
    it("reaps and passes signals on",
      function() pending "a pid namespace needs more rights than this user has" end)
    return
  end

  -- Orphans of tasks stayed zombies forever, one a job.
  it("reaps the orphans that tasks leave", task(function(folder)
    workshop.send(folder, { "1", "2", "3" })
    folder:write("work.sh", [[#!/bin/sh
      (setsid sh -c 'echo ended >> ended; echo > ended-$0' $Message >/dev/null 2>&1 &)
      while [ ! -e ended-$Message ]; do sleep 0.02; done]])
    local child = inside(folder,
      ("'%s' run --queue %s -- ./work.sh"):format(workshop.program, folder:url()))
    workshop.eventually(function() return #folder:lines "ended" == 3 end, "the orphans have ended")
    local pid = workshop.eventually(function()
      local pipe <close> = io.popen(("pgrep -o -P $(pgrep -P %d)"):format(child:pid()))
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

  -- In `docker run -it` one Ctrl-C counted twice, and nothing was drained: the terminal sends it to
  -- the whole group, and process 1 passed it on.
  it("counts one Ctrl-C as one", task(function(folder)
    if not os.execute "command -v script >/dev/null" then
      return pending "there is no script(1) to make a terminal"
    end
    workshop.send(folder, { "1" })
    folder:write("work.sh",
      "#!/bin/sh\ntrap '' INT; echo > up; while [ ! -e go ]; do sleep 0.02; done\n")
    folder:write("inside.sh",
    ("#!/bin/sh\nexec '%s' run --queue %s -- ./work.sh > log 2>&1\n"):format(workshop.program,
      folder:url()))
    local child = assert(process.start {
      command = [[{ while [ ! -e up ]; do sleep 0.02; done; printf '\003';
        while [ ! -e over ]; do sleep 0.05; done; } |
        script -qec "unshare --pid --fork --mount-proc ./inside.sh; echo $? > status" /dev/null]],
      cwd = folder.path, output = "capture",
    })
    workshop.eventually(function() return folder:read "log":find "draining" end, "it drains")
    workshop.scheduler.sleep(0.3)
    folder:write("go", "")
    workshop.eventually(function() return folder:read "log":find '"event":"stopped"' end,
      "it has ended")
    folder:write("over", "")
    assert.matches('"complete":1', folder:read "log", 1, true)
    child:close()
  end))

  it("ends with the status of the program", task(function(folder)
    local child = inside(folder, ("'%s' run missing.lua"):format(workshop.program))
    assert.are.equal(2, child:wait(workshop.PATIENCE).code)
    assert.matches("missing.lua", select(2, child:output()))
  end))
end)
