-- What a task starts ends with it, whatever group or session it went to: coreutils' timeout, bash
-- -m and parallel make new groups, so such a part of a task escaped the policy's timeout,
-- the drain and the guardian, and the same message ran twice at once.

local process = require "watchbot.process"
local workshop = require "support.workshop"

local task, eventually = workshop.task, workshop.eventually

-- Each starts `sleep 4343` with the task's folder in its environment, in its own way, and goes on.
local WAYS = {
  ["setsid"] = "setsid sleep 4343 &",
  ["timeout in the background"] = "(timeout 4343 sleep 4343 &)",
  ["job control"] = "bash -mc 'sleep 4343 & sleep 4343 & true'",
  ["a daemon that closes its descriptors"] =
    "setsid sh -c '(setsid sh -c \"exec sleep 4343\" <&- >&- 2>&- &)' &",
  ["a daemon of a daemon"] = "(setsid sh -c '(setsid sh -c \"sleep 4343; true\" &); sleep 4343' &)",
  ["a tree of groups"] = "(bash -mc 'bash -mc \"sleep 4343 & wait\" & wait' &)",
  ["nohup"] = "nohup sleep 4343 >/dev/null 2>&1 &",
}

local WAIT = "until pgrep -f '^(sleep|watchbot-orphan) 4343$' >/dev/null; do sleep 0.01; done"

local function policy(folder, way, last, fields)
  local started = way:find "4343" and WAIT or ""
  folder:write("work.sh", ("#!/bin/bash\n%s\n%s\n%s\n"):format(way, started, last))
  folder:write("policy.lua", ([[
    local policy = require "watchbot".policy {
      queue = %q, command = { "./work.sh" }, max_receives = 1, env = { WATCHBOT_SPEC = %q }, %s
    }
    function policy:backoff() return 0 end
    return policy]]):format(folder:url(), folder.path, fields or ""))
  workshop.send(folder, { "1" })
end

local function alive(folder)
  return workshop.processes_with("WATCHBOT_SPEC=" .. folder.path)
end

local function drained(folder)
  local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
  assert.are.equal(0, exit.code, log)
  return log
end

describe("what a task leaves behind by", function()
  for name, way in pairs(WAYS) do
    it(name .. " is gone when its outcome is decided", task(function(folder)
      policy(folder, way, "exit 0")
      folder:write("seen.lua", ([[
        local policy = dofile "policy.lua"
        function policy:verdict(job, exit)
          local list <close> = io.popen "grep -lsz '^WATCHBOT_SPEC=%s$' /proc/[0-9]*/environ"
          local file <close> = io.open("left", "w")
          for path in list:lines() do
            local pid = path:match "%%d+"
            local stat <close> = io.open("/proc/" .. pid .. "/stat")
            local text = stat and stat:read "a"
            if text and not text:match "%%) Z" then file:write(text) end
          end
          return "complete"
        end
        return policy]]):format(folder.path))
      local exit, log = workshop.run(folder, { "run", "--drain", "seen.lua" })
      assert.are.equal(0, exit.code, log)
      assert.matches('"outcome":"complete"', log, 1, true)
      assert.are.equal("", folder:read "left")
      assert.are.same({}, alive(folder))
    end))
  end

  it("a timeout is gone with it", task(function(folder)
    policy(folder, "(setsid timeout 4343 sleep 4343 &)",
    "exec timeout 4343 bash -mc 'sleep 4343; true'",
      "timeout = 1, kill_grace = 0.5,")
    assert.matches("timed out after 1 s", drained(folder))
    assert.are.same({}, alive(folder))
  end))

  -- Its environment is empty and its session its own: nothing says whose it is, but it can only be
  -- of a task that ran when it was first seen.
  it("a daemon without an environment is gone when no task is left that may have started it",
    task(function(folder)
      policy(folder, "(env -i setsid bash -c 'exec -a watchbot-orphan sleep 4343' &)", "exit 0")
      drained(folder)
      assert.is_nil((os.execute "pgrep -f '[w]atchbot-orphan' >/dev/null"))
    end))

  it("one task is left alone when another ends", task(function(folder)
    policy(folder, "", "")
    folder:write("work.sh", [[#!/bin/bash
      if [ "$Message" = 1 ]; then
        (setsid sh -c 'while [ ! -e over ]; do sleep 0.02; done; echo done > done' &)
        while [ ! -e done ]; do sleep 0.02; done
      else
        exit 0
      fi]])
    workshop.send(folder, { "2", "3", "4" })
    local child = workshop.start(folder, { "run", "--drain", "--workers", "2", "policy.lua" })
    eventually(function()
      return select(2, (child:output()):gsub('"outcome":"complete"', "")) == 3
    end, "the others have ended")
    folder:write("over", "")
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
    assert.matches('"complete":4', (child:output()), 1, true)
  end))

  it("is reaped while the task runs", task(function(folder)
    policy(folder, [[for _ in $(seq 20); do (setsid true &); done
      for _ in $(seq 500); do
        [ "$(ps -o stat= --ppid $PPID | grep -c Z)" = 0 ] && break; sleep 0.02
      done
      ps -o stat= --ppid $PPID | grep -c Z > zombies]], "exit 0")
    drained(folder)
    assert.are.equal("0\n", folder:read "zombies")
  end))
end)

describe("after kill -9 of the watcher", function()
  for name, way in pairs(WAYS) do
    it("what was started by " .. name .. " is gone", task(function(folder)
      policy(folder, way, "echo up > up; exec sleep 4343")
      local child = workshop.start(folder, { "run", "policy.lua" })
      eventually(function() return folder:read "up" ~= "" end, "the task is up")
      workshop.live(1.3) -- the watcher looks for orphans each second
      assert.is_true(#alive(folder) > 1)
      os.execute("kill -9 " .. child:pid())
      eventually(function() return #alive(folder) == 0 end, "all are gone")
    end))
  end
end)

describe("a task", function()
  it("has no terminal to ask at, and is the leader of a session", task(function(folder)
    policy(folder, [[cut -d ' ' -f 6 /proc/$$/stat > session; echo $$ > pid
      (: < /dev/tty) 2> tty]], "exit 0")
    drained(folder)
    assert.are.equal(folder:read "pid", folder:read "session")
    assert.matches("No such device", folder:read "tty")
  end))

  -- A task that was stopped waited forever silently.
  it("that is stopped is named in the log", task(function(folder)
    policy(folder, "", "echo $$ > pid; kill -STOP $$; exit 0")
    local child = workshop.start(folder, { "run", "--drain", "policy.lua" })
    eventually(function() return (child:output()):find "waits for SIGCONT" end, "it is said")
    os.execute("kill -CONT " .. folder:read "pid")
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
  end))

  -- A task that became another user (sudo) could not be killed: the timeout did nothing, nothing
  -- was logged, and the watcher hung at its end.
  it("that may not be killed is named, and not waited for without end", task(function(folder)
    if not os.execute "[ $(id -u) = 0 ]" then return pending "only root can make such a task" end
    folder:write("become.c", [[
      #define _GNU_SOURCE
      #include <unistd.h>
      int main(void) { return setresuid(0, 0, 0) || sleep(4343); }]])
    assert(os.execute(("cd '%s' && cc -o become become.c && chmod 4755 become && chmod 777 .")
      :format(folder.path)))
    policy(folder, "", "")
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, command = { "./become" }, timeout = 0.5, kill_grace = 0.1, max_receives = 1,
      env = { WATCHBOT_SPEC = %q } }]]):format(folder:url(), folder.path))
    assert(os.execute(("chmod 666 '%s'/jobs.db*"):format(folder.path)))
    local child = assert(process.start {
      argv = { "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", workshop.program,
        "run", "--drain", "policy.lua" }, cwd = folder.path, output = "capture",
    })
    local exit = child:wait(workshop.PATIENCE)
    local log, errors = child:output()
    for _, pid in ipairs(alive(folder)) do os.execute("kill -9 " .. pid) end
    assert.is_truthy(exit, log)
    if errors:find "ermission denied" then
      return pending "another user may not read this folder"
    end
    assert.matches("%d+ %(become%): operation not permitted", log)
    assert.matches("timed out after 0.5 s", log)
  end))
end)
