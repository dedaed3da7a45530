-- Child processes as Lua has them. Those that log run in a separate program, whose stdout is
-- the log.

local host = require "support.host"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"

local PATIENCE = host.PATIENCE

local function task(body)
  return function() scheduler.run(body) end
end

-- Runs a program to its end: exit, stdout, stderr.
local function run(options)
  options.output = options.output or "capture"
  local child = assert(process.start(options))
  local exit = assert(child:wait(PATIENCE), "it did not end")
  return exit, child:output()
end

local function sh(command)
  return run { command = command }
end

describe("process.start", function()
  it("runs a list of arguments without a shell in between", task(function()
    local exit, stdout, stderr = run { argv = { "printf", "%s|", "a b", "$HOME", "*", "" } }
    assert.are.equal(0, exit.code)
    assert.is_nil(exit.signal)
    assert.is_nil(exit.reason)
    assert.are.equal("a b|$HOME|*||", stdout)
    assert.are.equal("", stderr)
  end))

  it("runs a text in a shell", task(function()
    local exit, stdout, stderr = sh "echo out; echo err >&2; exit 75"
    assert.are.equal(75, exit.code)
    assert.are.equal("out\n", stdout)
    assert.are.equal("err\n", stderr)
  end))

  it("takes numbers for strings where a program can only get strings", task(function()
    local _, stdout = run {
      argv = { "sh", "-c", "echo $0 $N", 42 }, env = { N = 7, PATH = os.getenv "PATH" },
    }
    assert.are.equal("42 7\n", stdout)
  end))

  it("gives the environment of the host, or exactly the one that is asked for", task(function()
    local _, inherited = run { argv = { "/usr/bin/env" } }
    assert.is_truthy(inherited:find("PATH=" .. os.getenv "PATH", 1, true))
    local _, whole = run { argv = { "/usr/bin/env" }, env = { Message = "line\nline = x" } }
    assert.are.equal("Message=line\nline = x\n", whole)
    local _, empty = run { argv = { "/usr/bin/env" }, env = {} }
    assert.are.equal("", empty)
  end))

  it("looks a program up in the PATH of its environment", task(function()
    local folder <close> = assert(process.file "")
    local path = folder:path():match "(.*)/" .. "/bin"
    assert(os.execute(("mkdir -p '%s' && printf '#!/bin/sh\necho found' > '%s/watchbot-spec' && "
      .. "chmod +x '%s/watchbot-spec'")
      :format(path, path, path)))
    local _, stdout = run { argv = { "watchbot-spec" }, env = { PATH = "/nowhere:" .. path } }
    os.execute(("rm -r '%s'"):format(path))
    assert.are.equal("found\n", stdout)
  end))

  it("runs in another folder", task(function()
    local _, stdout = run { argv = { "pwd" }, cwd = "/usr/bin" }
    assert.are.equal("/usr/bin\n", stdout)
  end))

  it("feeds stdin, whatever its bytes and size", task(function()
    for _, text in ipairs { "", "hello", "a\0b\n", ("0123456789abcdef"):rep(100000) } do
      local exit, stdout = run { argv = { "cat" }, stdin = text }
      assert.are.equal(0, exit.code)
      assert.is_true(stdout == text, #stdout .. " bytes came back of " .. #text)
    end
  end))

  it("gives an empty stdin when there is none", task(function()
    local exit, stdout = sh "wc -c; readlink /proc/self/fd/0"
    assert.are.equal(0, exit.code)
    assert.are.equal("0\n/dev/null\n", stdout)
  end))

  it("does not mind a task that ends before it reads its stdin, or closes it", task(function()
    local large = ("x"):rep(4 << 20)
    assert.are.equal(0, run({ argv = { "true" }, stdin = large }).code)
    assert.are.equal(5, run({ command = "exec 0<&-; exit 5", stdin = large }).code)
    local _, stdout = run { argv = { "head", "-c", "3" }, stdin = large }
    assert.are.equal("xxx", stdout)
  end))

  it("discards output that nobody asked for", task(function()
    local child = assert(process.start {
      command = "readlink /proc/self/fd/1 /proc/self/fd/2 > /dev/fd/2; exit 0",
    })
    assert.are.equal(0, child:wait(PATIENCE).code)
    assert.are.same({ "", "" }, { child:output() })
  end))

  it("captures no more than the limit, and says so", task(function()
    local child = assert(process.start { command = "head -c 300000 /dev/zero; echo more; echo "
      .. "short >&2", output = "capture",
      limit = 100000 })
    assert.are.equal(0, child:wait(PATIENCE).code)
    local stdout, stderr = child:output()
    assert.is_true(stdout == ("\0"):rep(100000))
    assert.are.equal("short\n", stderr)
    assert.is_true(child:truncated())
    local exact = assert(process.start {
      command = "head -c 1000 /dev/zero", output = "capture", limit = 1000,
    })
    exact:wait(PATIENCE)
    assert.are.equal(1000, #exact:output())
    assert.is_false(exact:truncated())
  end))

  it("keeps the newest output of both streams", task(function()
    local child = assert(process.start {
      command = "seq 100000; echo end >&2", output = "capture", tail = 20,
    })
    child:wait(PATIENCE)
    assert.are.equal(20, #child:tail())
    assert.matches("end\n", child:tail())
    local short = assert(process.start { command = "echo all", output = "capture", tail = 20 })
    short:wait(PATIENCE)
    assert.are.equal("all\n", short:tail())
  end))

  it("shows what was captured while the task runs", task(function()
    local child <close> = assert(process.start {
      command = "echo ready; exec sleep 987", output = "capture",
    })
    host.eventually(function() return child:output() == "ready\n" end, "the line is seen")
  end))

  it("lets a task write to where the host writes", task(function()
    local stdout, stderr = host.run [[scheduler.run(function()
      assert(process.start { command = "echo out; echo err >&2", output = "inherit" }):wait()
    end)]]
    assert.are.equal("out\n", stdout)
    assert.are.equal("err\n", stderr)
  end))

  it("lets a task write nowhere when the host has closed its own", task(function()
    local answer <close> = assert(process.file "")
    host.run([[scheduler.run(function()
      local exit = assert(process.start {
        command = "echo out; echo err >&2; exit 3", output = "inherit" }):wait()
      local file <close> = io.open(os.getenv "ANSWER", "w")
      file:write(exit.code)
    end)]], { suffix = "1>&- 2>&-", env = { ANSWER = answer:path() } })
    local file <close> = io.open(answer:path())
    assert.are.equal("3", file:read "a")
  end))

  it("makes the task the leader of a process group", task(function()
    local child = assert(process.start {
      command = "cut -d ' ' -f 5 /proc/$$/stat", output = "capture",
    })
    child:wait(PATIENCE)
    assert.are.equal(child:pid() .. "\n", (child:output()))
  end))

  it("gives no descriptor of the host's to the task", task(function()
    local open <close> = assert(io.open "/dev/null")
    local other <close> = assert(process.start { argv = { "sleep", "987" }, output = "capture" })
    local _, stdout = sh "exec ls /proc/self/fd"
    assert.are.equal("0\n1\n2\n3\n", stdout) -- the last is the folder that ls reads
    assert.is_truthy(open and other)
  end))

  it("works in a host whose own descriptors 0, 1 and 2 are closed", task(function()
    for _, closed in ipairs { "0<&-", "1>&-", "2>&-", "0<&- 1>&-", "0<&- 1>&- 2>&-" } do
      local answer <close> = assert(process.file "")
      host.run([[scheduler.run(function()
        local child = process.start {
          argv = { "sh", "-c", "cat; echo err >&2" }, stdin = "in ", output = "capture" }
        child:wait()
        local file <close> = io.open(os.getenv "ANSWER", "w")
        local stdout, stderr = child:output()
        file:write(stdout, stderr)
      end)]], { suffix = closed, env = { ANSWER = answer:path() } })
      local file <close> = io.open(answer:path())
      assert.are.equal("in err\n", file:read "a", closed)
    end
  end))

  it("starts a task with default signal handlers and an empty mask", task(function()
    local stdout = host.run([[scheduler.run(function()
      local child = process.start {
        argv = { "grep", "-E", "Sig(Blk|Ign)", "/proc/self/status" }, output = "capture" }
      child:wait()
      io.write((child:output()))
    end)]], { prefix =
      "env --ignore-signal=PIPE --ignore-signal=HUP --block-signal=TERM --block-signal=USR1" })
    assert.are.equal("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", stdout)
  end))

  it("restores the limit of open files for the task", task(function()
    local stdout = host.run([[scheduler.run(function()
      process.nofile(64)
      local child = process.start { command = "ulimit -Sn; ulimit -Hn", output = "capture" }
      child:wait()
      io.write((child:output()))
    end)]], { prefix = "prlimit --nofile=200:300" })
    assert.are.equal("64\n300\n", stdout)
  end))

  describe("tells what the system refuses:", function()
    local function refused(options, err, code)
      assert.are.same({ nil, err, code }, { process.start(options) })
    end

    it("a program that is not there", task(function()
      refused({ argv = { "./rendr" } }, "could not start './rendr': no such file or directory",
        "ENOENT")
      refused({ argv = { "watchbot-rendr" } },
        "could not start 'watchbot-rendr': no such file or directory", "ENOENT")
      refused({ argv = { "" } }, "could not start '': no such file or directory", "ENOENT")
    end))

    it("a program that may not be executed, a folder, a file of no known format", task(function()
      local file <close> = assert(process.file "neither a script nor a program\n")
      refused({ argv = { file:path() } },
        ("could not start '%s': permission denied"):format(file:path()), "EACCES")
      refused({ argv = { "/tmp" } }, "could not start '/tmp': permission denied", "EACCES")
      assert(os.execute("chmod +x " .. file:path()))
      refused({ argv = { file:path() } },
        ("could not start '%s': exec format error"):format(file:path()), "ENOEXEC")
    end))

    it("a folder that is not there", task(function()
      refused({ argv = { "true" }, cwd = "/nowhere" },
      "could not enter the folder '/nowhere': no such file or directory",
        "ENOENT")
    end))

    it("a variable that is too long for the system", task(function()
      local environment = { PATH = os.getenv "PATH", Message = ("x"):rep(131072 - #"Message=" - 1) }
      assert.are.equal(0, run({ argv = { "true" }, env = environment }).code)
      environment.Message = environment.Message .. "x"
      refused({ argv = { "true" }, env = environment },
        "could not start 'true': argument list too long", "E2BIG")
    end))

    it("no process", task(function()
      -- The limit counts the processes of a user, and root has none.
      local nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
      if os.execute "[ $(id -u) != 0 ]" then nobody = "" end
      if not os.execute(nobody .. " test -r lua/watchbot/process.lua") then
        return pending "this folder is private, so no other user can run a program in it"
      end
      local stdout = host.run([[print(select(2, process.start { argv = { "true" } }))]],
        -- LeakSanitizer would need a process, too.
        {
          prefix = nobody .. " prlimit --nproc=0", readable = true, env = {
            ASAN_OPTIONS = "detect_leaks=0",
          },
        })
      local refusal = "could not start 'true': resource temporarily unavailable\tEAGAIN\n"
      assert.are.equal(refusal, stdout)
      -- The same where the guardian could be started, but no task any more.
      stdout = host.run([[scheduler.run(function()
        assert(process.start { argv = { "true" } }):wait()
        os.execute "prlimit --pid $PPID --nproc=1:"
        print(select(2, process.start { argv = { "true" }, output = "capture", stdin = "x" }))
      end)]], { prefix = nobody, readable = true, env = { ASAN_OPTIONS = "detect_leaks=0" } })
      assert.are.equal(refusal, stdout)
    end))

    it("no descriptor, of which none is lost", task(function()
      local stdout = host.run([[scheduler.run(function()
        local children, err, code = {}, nil, nil
        local function fill()
          repeat
            local child
            child, err, code = process.start {
              argv = { "sleep", "987" }, output = "capture", stdin = "x" }
            children[#children + 1] = child
          until not child
          return #children
        end
        local first = fill()
        assert(first > 2 and first < 20)
        print(err, code)
        for _ = 1, 20 do
          repeat -- until all are reaped
            for index = 1, #children do children[index]:close() end
            children = {}
            scheduler.sleep(0.01)
          until fill() == first
        end
      end)]], { prefix = "prlimit --nofile=40" })
      assert.are.equal("could not start 'sleep': too many open files\tEMFILE\n", stdout)
    end))
  end)

  it("raises when it is called wrongly", task(function()
    local function raises(options, words)
      local ok, err = pcall(process.start, options)
      assert.is_false(ok, words)
      assert.is_truthy(err:find(words, 1, true), err)
    end
    raises(nil, "table expected")
    raises({}, "either argv or command must be given")
    raises({ argv = { "true" }, command = "true" }, "either argv or command must be given")
    raises({ argv = {} }, "argv is empty")
    raises({ argv = "true" }, "'argv' must be a list of strings, not a string")
    raises({ argv = { "echo", true } }, "'argv[]' must be a string, not a boolean")
    raises({ argv = { "echo", "a\0b" } }, "'argv[]' has a NUL in it")
    raises({ command = "a\0b" }, "'command' has a NUL in it")
    raises({ command = print }, "'command' must be a string, not a function")
    raises({ command = "true", cmd = "true" }, "unknown option 'cmd'")
    raises({ "true" }, "unknown option '1'")
    raises({ command = "true", cwd = 7 }, "'cwd' must be a string, not a number")
    raises({ command = "true", cwd = "/tmp\0" }, "'cwd' has a NUL in it")
    raises({ command = "true", env = "A=1" },
      "'env' must be a table of names and values, not a string")
    raises({ command = "true", env = { "A=1" } },
      "the names in 'env' must be strings, not a number")
    raises({ command = "true", env = { [""] = "1" } }, "'' cannot be the name of a variable")
    raises({ command = "true", env = { ["A=B"] = "1" } }, "'A=B' cannot be the name of a variable")
    raises({ command = "true", env = { A = true } },
      "'env[]' must be a string, not a boolean")
    raises({ command = "true", env = { A = "1\0" } },
      "'env[]' has a NUL in it")
    raises({ command = "true", stdin = {} }, "'stdin' must be a string, not a table")
    raises({ command = "true", output = "captur" },
      "'output' must be a log, 'capture', 'inherit' or nil, not 'captur'")
    raises({ command = "true", output = io.stdout }, "watchbot.log expected")
    raises({ command = "true", tail = -1 }, "'tail' must be an integer of at least 0")
    raises({ command = "true", limit = "many" }, "'limit' must be an integer")
  end))

  it("starts nothing when an option is wrong", task(function()
    local file <close> = assert(process.file "")
    pcall(process.start, { command = "echo started > " .. file:path(), tail = {} })
    scheduler.sleep(0.1)
    local content <close> = io.open(file:path())
    assert.are.equal("", content:read "a")
  end))
end)

describe("process:wait", function()
  it("returns nothing but a reason when it takes longer", task(function()
    local child <close> = assert(process.start { argv = { "sleep", "987" } })
    assert.are.same({ nil, "wait: the process has not ended within 0.01 s", "Timeout" },
      { child:wait(0.01) })
    assert.are.same({ nil, "wait: the process has not ended within 0.0 s", "Timeout" },
      { child:wait(0) })
  end))

  it("serves several tasks, and later ones at once, with a table of their own each", task(function()
    local child = assert(process.start { command = "sleep 0.05; exit 3" })
    local waiters, exits = {}, {}
    for index = 1, 3 do
      waiters[index] = scheduler.spawn(function() exits[index] = child:wait() end)
    end
    for _, waiter in ipairs(waiters) do waiter:join() end
    exits[4] = child:wait(0)
    for index = 1, 4 do
      assert.are.equal(3, exits[index].code)
      assert.is_true(exits[index].duration >= 0.05)
      exits[index].code = 0
    end
  end))

  it("names the signal that ended it", task(function()
    for _, signal in ipairs { "KILL", "SEGV", "TERM" } do
      local exit = sh(("kill -%s $$"):format(signal))
      assert.is_nil(exit.code)
      assert.are.equal(signal, exit.signal)
      assert.are.equal("killed by signal " .. signal, exit.reason)
    end
    assert.are.equal("40", sh("kill -40 $$").signal)
  end))

  it("can be cancelled, and the process runs on", task(function()
    local child <close> = assert(process.start { argv = { "sleep", "987" } })
    local waiter = scheduler.spawn(child.wait, child)
    scheduler.sleep(0)
    waiter:cancel "enough"
    assert.are.same({ false, "enough" }, { waiter:join() })
    assert.is_true(host.is_alive(child:pid()))
  end))

  it("needs a task, except when it has ended", function()
    local child = assert(process.start { argv = { "true" } })
    local ok, err = pcall(child.wait, child)
    assert.is_false(ok)
    assert.matches("scheduler.run", err)
    scheduler.run(child.wait, child)
    assert.are.equal(0, child:wait().code)
  end)

  it("is over when the leader has exited, whoever holds its pipes", task(function()
    local exit, stdout = sh "sleep 987 & echo $!; exit 3"
    assert.are.equal(3, exit.code)
    local grandchild = tonumber(stdout)
    host.eventually(function() return not host.is_alive(grandchild) end, "the grandchild is killed")
  end))

  it("is not over when a task closes its output", task(function()
    local exit, stdout = sh "echo said; exec >&- 2>&-; sleep 0.1; exit 6"
    assert.are.equal(6, exit.code)
    assert.are.equal("said\n", stdout)
  end))

  it("gets everything that a task has written just before its end", task(function()
    for _ = 1, 20 do
      local _, stdout, stderr = sh "head -c 65536 /dev/zero; head -c 65536 /dev/zero >&2"
      assert.are.same({ 65536, 65536 }, { #stdout, #stderr })
    end
  end))

  it("is not held up by a task that takes the bytes out of its own pipe", task(function()
    local exit = sh
      "{ sleep 0.1; yes | head -c 1000000; } & timeout 1 cat < /dev/stdout > /dev/null; exit 4"
    assert.are.equal(4, exit.code)
  end))

  it("runs many at once", task(function()
    local tasks, sum = {}, 0
    for index = 1, 64 do
      tasks[index] = scheduler.spawn(function()
        local _, stdout = sh("echo " .. index)
        sum = sum + tonumber(stdout)
      end)
    end
    for _, one in ipairs(tasks) do assert.is_true(one:join()) end
    assert.are.equal(64 * 65 // 2, sum)
  end))

  it("says so when somebody else in the host takes the exit code", task(function()
    local stdout = host.run([[scheduler.run(function()
      local exit = process.start { command = "exit 3" }:wait()
      print(exit.code, exit.reason)
    end)]], { prefix = "env --ignore-signal=CHLD" })
    assert.are.equal("-1\tsomething else in the host has taken its exit code\n", stdout)
  end))
end)

describe("process:stop", function()
  -- Starts a text, and waits until it has said "ready".
  local function start(command)
    local child = assert(process.start { command = command, output = "capture" })
    host.eventually(function() return child:output():find "ready" end, "it is ready")
    return child
  end

  it("asks with TERM, and lets it end its own way", task(function()
    local child = start "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done"
    child:stop(PATIENCE)
    assert.are.equal(9, child:wait(PATIENCE).code)
  end))

  it("kills what ignores TERM, group and all, when the grace is over", task(function()
    local child = start "trap '' TERM; sleep 987 & echo $!; echo ready; while :; do sleep 1; done"
    local grandchild = tonumber(child:output():match "%d+")
    child:stop(0.05)
    local exit = child:wait(PATIENCE)
    assert.are.equal("KILL", exit.signal)
    host.eventually(function() return not host.is_alive(grandchild) end, "the grandchild is gone")
  end))

  it("kills at once without grace, and can be hurried", task(function()
    local child = start "trap '' TERM; echo ready; while :; do sleep 1; done"
    child:stop(PATIENCE)
    assert.is_nil(child:wait(0.05))
    child:stop(PATIENCE)
    child:stop(0)
    assert.are.equal("KILL", child:wait(PATIENCE).signal)
    child:stop(0)
  end))

  it("ends a task that is stopped", task(function()
    local child = start "echo ready; exec sleep 987"
    child:kill "STOP"
    host.eventually(function() return host.stat(child:pid(), 3) == "T" end, "it is stopped")
    child:stop(PATIENCE)
    assert.are.equal("TERM", child:wait(PATIENCE).signal)
  end))

  it("wants a grace", task(function()
    local child <close> = start "echo ready; exec sleep 987"
    assert.has_error(function() child:stop() end)
    assert.has_error(function() child:stop(-1) end)
  end))

  it("has a sister that sends any signal by its name", task(function()
    local child = start "trap 'exit 8' HUP; echo ready; while :; do sleep 0.01; done"
    assert.has_error(function() child:kill "HANGUP" end)
    assert.is_true(child:kill "SIGHUP")
    assert.are.equal(8, child:wait(PATIENCE).code)
    assert.is_false(child:kill "HUP")
  end))
end)

describe("process:close", function()
  local function sleeper()
    local child = assert(process.start {
      command = "sleep 987 & echo $!; wait", output = "capture",
    })
    return child, host.eventually(function() return tonumber((child:output())) end,
      "the grandchild is there")
  end

  local function is_gone(child, grandchild)
    host.eventually(function() return not host.is_alive(child)
      and not host.is_alive(grandchild) end, "both are gone")
  end

  it("kills the group, is harmless twice, and leaves no zombie", task(function()
    local child, grandchild = sleeper()
    local pid = child:pid()
    child:close()
    child:close()
    is_gone(pid, grandchild)
    host.eventually(function() return io.open(("/proc/%d/stat"):format(pid)) == nil end,
      "it is reaped")
    assert.is_false(child:kill "TERM")
    child:stop(0)
    assert.has_error(function() child:output() end, "output: the process is closed")
  end))

  it("happens at the end of a <close> variable and when the handle is collected", task(function()
    local pid, grandchild, closed
    do
      local child <close>, its = sleeper()
      pid, grandchild, closed = child:pid(), its, child
    end
    is_gone(pid, grandchild)
    assert.matches("closed", tostring(closed))
    local child, other = sleeper()
    pid = child:pid()
    child = nil -- luacheck: ignore
    scheduler.sleep(0)
    host.eventually(function()
      collectgarbage()
      return not host.is_alive(pid) and not host.is_alive(other)
    end, "what nobody has any more is gone")
  end))

  it("wakes who waits", task(function()
    local child = sleeper()
    local waiter = scheduler.spawn(child.wait, child)
    scheduler.sleep(0)
    child:close()
    assert.are.same({ true, nil, "wait: the process was closed", "Closed" }, { waiter:join() })
  end))

  it("keeps the exit of a process that had ended", task(function()
    local child = assert(process.start { command = "exit 3", output = "capture" })
    child:wait(PATIENCE)
    child:close()
    assert.are.equal(3, child:wait().code)
  end))
end)

describe("a task's output in the log", function()
  -- Runs a program that has a log on its stdout, `out`, and returns what it wrote.
  local function logged(body, options)
    return host.run("scheduler.run(function() local out = assert(log.open(1, os.getenv 'FORMAT'))\n"
      .. body ..
      "\nout:drain() out:close() end)", options)
  end

  local HEAD = "^%[%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT%] "

  it("gets the date, the category and the message's id before each line", task(function()
    local text = logged [[
      process.start { command = "echo one; echo; printf last", output = out, id = "id-1" }:wait()
      process.start { argv = { "echo", "two" }, output = out, category = "hook" }:wait()]]
    local lines = {}
    for line in text:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
    assert.matches(HEAD .. "%[worker%] %[id%-1%] one$", lines[1])
    assert.matches(HEAD .. "%[worker%] %[id%-1%] $", lines[2])
    assert.matches(HEAD .. "%[worker%] %[id%-1%] last$", lines[3])
    assert.matches(HEAD .. "%[hook%] two$", lines[4])
    assert.are.equal(4, #lines)
  end))

  it("is JSON when the log is", task(function()
    local text = logged(
      [[process.start { command = "echo plain; echo '{\"tile\":7}'", output = out,
        id = "id-1" }:wait()]],
      { env = { FORMAT = "json" } })
    assert.matches('"name":"worker".-"watchbot_sqs_message_id":"id%-1","msg":"plain"}\n', text)
    assert.matches('"watchbot_sqs_message_id":"id%-1","tile":7}\n', text)
  end))

  it("keeps any bytes", task(function()
    local text = logged [[process.start {
      command = "printf 'a\\0b\\377\\r\\n\\0'", output = out }:wait()]]
    assert.matches(HEAD .. "%[worker%] a\0b\255\r\n", text)
    assert.matches("%[worker%] \0\n$", text)
  end))

  it("never mixes the two streams within a line", task(function()
    local text = logged [[process.start { output = out, command =
      "for i in $(seq 200); do printf aaaa; printf bbbb >&2; " ..
        "printf 'aaaa\n'; printf 'bbbb\n' >&2; done" }:wait()]]
    local counts = {}
    for line in text:gmatch "%[worker%] ([^\n]*)\n" do counts[line] = (counts[line] or 0) + 1 end
    assert.are.same({ aaaaaaaa = 200, bbbbbbbb = 200 }, counts)
  end))

  it("never splits a line of 10 MB", task(function()
    local text = logged [[
      process.start {
        command = "head -c 10000000 /dev/zero | tr '\\0' x; echo; echo next",
        output = out }:wait()]]
    local long, next = text:match "%[worker%] (x+)\n[^\n]*%[worker%] (%w+)\n$"
    assert.are.equal(10000000, #long)
    assert.are.equal("next", next)
  end))

  it("loses nothing of a task that writes 1 GB, and keeps little of it in memory", task(function()
    -- The sanitizers are slow, and keep up to 256 MB of what was freed.
    local sanitized = (os.getenv "WATCHBOT_BUILD" or ""):find "sanitize"
    local megabytes, most = sanitized and 128 or 1024, sanitized and 400 or 32
    local stdout, stderr = logged(([[
      local line = ("x"):rep(1023)
      local exit = process.start {
        command = "yes " .. line .. " | head -c %dM", output = out, tail = 1000 }:wait()
      assert(exit.code == 0)
      for found in io.lines "/proc/self/status" do
        io.stderr:write(found:match "^VmHWM:%%s*(%%d+)" or "") end
    ]]):format(megabytes), { suffix = "| tr -dc '\\n' | wc -c" })
    assert.are.equal(megabytes * 1024, tonumber(stdout))
    assert.is_true(tonumber(stderr) < most * 1024, stderr .. " KB at the peak")
  end))

  -- The gate was garbage once its path was known: with the collector at every allocation it was
  -- sometimes gone before the reader looked, who then was not slow.
  it("makes the task wait for a slow reader, and nobody else", task(function()
    local gate <close> = assert(process.file "")
    local stdout, stderr = logged([[
      local child = process.start { command = "yes 0123456 | head -c 32M", output = out }
      while not out:full() do scheduler.sleep(0.001) end
      for _ = 1, 50 do scheduler.sleep(0.001) end
      local pending = out:pending()
      assert(not child:wait(0.05) and process.start { argv = { "true" } }:wait().code == 0)
      io.stderr:write(pending)
      os.remove(os.getenv "GATE")
      child:wait()
    ]], {
      env = { GATE = gate:path() },
      suffix = [[| { while [ -e "$GATE" ]; do sleep 0.01; done; wc -l; }]],
    })
    assert.are.equal(32 << 20 >> 3, tonumber(stdout))
    assert.is_true(tonumber(stderr) < 8 << 20, stderr .. " bytes were queued")
  end))

  it("goes nowhere, harmlessly, once the log is closed", task(function()
    local stdout = host.run [[scheduler.run(function()
      local out = assert(log.open(1))
      local child = process.start { command = "yes | head -c 8M; exit 3", output = out, tail = 4 }
      local other = process.start { argv = { "sleep", "987" }, output = out }
      scheduler.sleep(0.05)
      out:close()
      io.stderr:write(child:wait().code, child:tail())
      other:close()
      assert(not pcall(process.start, { argv = { "true" }, output = out }))
    end)]]
    assert.is_string(stdout)
  end))

  it("goes nowhere, harmlessly, once its reader is gone", task(function()
    local _, stderr = host.run([[scheduler.run(function()
      local out = assert(log.open(1))
      local child = process.start { command = "yes | head -c 32M; exit 3", output = out }
      io.stderr:write(child:wait().code)
    end)]], { suffix = "| head -c 10" })
    assert.are.equal("3", stderr)
  end))
end)

describe("a host of processes", function()
  it("keeps its own children and its handling of SIGCHLD", task(function()
    local stdout = host.run [[
      local function signals()
        return io.open "/proc/self/status":read "a":match "SigIgn.-SigCgt:%s*%x+" end
      local before = signals()
      scheduler.run(function()
        local own = io.popen "sleep 0.2; exit 7"
        for _ = 1, 5 do process.start { argv = { "true" } }:wait() end
        print(own:close())
      end)
      print(signals() == before)]]
    assert.are.equal("nil\texit\t7\ntrue\n", stdout)
  end))

  it("may end while processes run, with their handles in any state", task(function()
    local stdout = host.run [[scheduler.run(function()
      all = {}
      for index = 1, 8 do
        all[index] = process.start { command = "sleep 987 & echo $!; wait", output = "capture" } end
      for index = 1, 8 do
        while all[index]:output() == "" do scheduler.sleep(0.01) end
        print(all[index]:pid() .. "\n" .. all[index]:output())
      end
      all[1]:close()
      scheduler.spawn(function() all[2]:wait() end)
      scheduler.sleep(0)
    end)]]
    local count = 0
    for pid in stdout:gmatch "%d+" do
      count = count + 1
      host.eventually(function() return not host.is_alive(tonumber(pid)) end, "all are gone")
    end
    assert.are.equal(16, count)
  end))

  it("loses no descriptor", task(function()
    local function count()
      local pipe <close> = io.popen "ls /proc/$PPID/fd | wc -l"
      return tonumber(pipe:read "a")
    end
    sh "true"
    local before = count()
    for _ = 1, 10 do
      sh "echo x"
      run { argv = { "cat" }, stdin = "x" }
      process.start { argv = { "./rendr" }, output = "capture", stdin = "x" }
      process.start({ argv = { "sleep", "987" }, output = "capture" }):close()
    end
    host.eventually(function() return count() == before end, "all are closed")
  end))
end)

describe("process.environment", function()
  it("is the host's, in a table of one's own", function()
    local environment = process.environment()
    assert.are.equal(os.getenv "PATH", environment.PATH)
    environment.PATH = nil
    assert.are.equal(os.getenv "PATH", process.environment().PATH)
  end)

  it("has values with = and newlines, and of two with one name the one that getenv sees",
    task(function()
    local stdout = host.run("io.write(process.environment().ODD)", { env = { ODD = "a=b\nc=" } })
    assert.are.equal("a=b\nc=", stdout)
  end))
end)

describe("process.nofile", function()
  it("wants a limit above 0", function()
    assert.has_error(function() process.nofile(0) end)
    assert.has_error(function() process.nofile "many" end)
  end)
end)
