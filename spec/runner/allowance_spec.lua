-- What a policy lets its tasks use.

local allowance = require "watchbot.runner.allowance"
local workshop = require "support.workshop"

local task, send = workshop.task, workshop.send

local function write_policy(folder, fields)
  folder:write("policy.lua", ([[
    local policy = require "watchbot".policy { queue = %q, max_receives = 1, %s }
    function policy:backoff() return 0 end
    return policy]]):format(folder:url(), fields))
end

-- The log of a watcher whose only task runs `command` with these fields.
local function run(folder, fields, command)
  send(folder, { "1" })
  write_policy(folder, ("command = %q, %s"):format(command, fields))
  local exit, log, errors = workshop.run(folder, { "run", "--drain", "policy.lua" })
  assert.are.equal(0, exit.code, log .. errors)
  return log
end

local function check(folder, fields)
  write_policy(folder, "command = 'true', " .. fields)
  local exit, out, errors = workshop.run(folder, { "check", "policy.lua" })
  return exit.code, out .. errors
end

describe("the field", function()
  it("'files' limits open files, softly and hard", task(function(folder)
    run(folder, "files = 123,", "echo $(ulimit -Sn) $(ulimit -Hn) > out")
    assert.are.equal("123 123\n", folder:read "out")
  end))

  it("'nice' is added to the watcher's", task(function(folder)
    run(folder, "nice = 7,", "nice > out")
    -- The specs may themselves run with `nice`, and 19 is the most.
    assert.are.equal(math.min(19, tonumber(io.popen "nice":read "n") + 7),
      tonumber(folder:read "out"))
  end))

  it("'umask' takes mode bits from a task's files, and leaves the watcher's", task(function(folder)
    run(folder, "umask = '027',", "umask > out; touch made")
    assert.are.equal("0027\n", folder:read "out")
    assert.are.equal("640", io.popen(("stat -c %%a '%s/made'"):format(folder.path)):read "l")
  end))

  it("'cpu_seconds' ends a task that computes", task(function(folder)
    local log = run(folder, "cpu_seconds = 1, exits = { XCPU = 'reject' },",
      "exec sh -c 'while :; do :; done'")
    assert.matches('"outcome":"reject","signal":"XCPU"', log, 1, true)
  end))

  -- It was only "killed by signal KILL", which has many senders.
  it("'cpu_seconds' names itself where a task ignores SIGXCPU", task(function(folder)
    local log = run(folder, "cpu_seconds = 1,",
      "trap '' XCPU; exec sh -c 'while :; do :; done'")
    assert.matches('"signal":"KILL"', log, 1, true)
    assert.matches("it ignored SIGXCPU and used %d%.%d s of CPU %(cpu_seconds = 1%)", log)
  end))

  -- What was used was compared with the limit: but the kernel's clock runs differently from that of
  -- getrusage(2), and counts no children.
  it("'cpu_seconds' is not blamed for a KILL of another sender", task(function(folder)
    local log = run(folder, "cpu_seconds = 1,", "trap '' XCPU; kill -KILL $$")
    assert.matches('"signal":"KILL"', log, 1, true)
    assert.is_nil(log:find "SIGXCPU")
    log = run(folder, "cpu_seconds = 1,", "ulimit -t 1; kill -KILL $$")
    assert.matches('"signal":"KILL"', log, 1, true)
    assert.is_nil(log:find "SIGXCPU")
  end))

  it("'memory' ends a task that takes more, whatever keeps the limit", task(function(folder)
    local by = allowance.memory_by()
    local log = run(folder, "memory = '64M',",
      [[lua5.4 -e 'local t = {} for i = 1, 300 do
        t[i] = ("x"):rep(1 << 20) .. i end io.open("done", "w")']])
    assert.are.equal("", folder:read "done")
    assert.matches('"outcome":"retry"', log, 1, true)
    if by == "cgroup" then assert.matches('"oom":true', log, 1, true) end
    assert.matches("memory by", select(2, check(folder, "memory = '64M',")))
  end))

  it("'memory' lets what needs address space run", task(function(folder)
    if not os.execute "command -v node >/dev/null" then return pending "there is no node" end
    run(folder, "memory = '1G',", "node -e 'require(\"fs\").writeFileSync(\"out\", \"up\")'")
    assert.are.equal("up", folder:read "out")
  end))

  it("'memory' leaves no cgroup", task(function(folder)
    run(folder, "memory = '64M',", "setsid sleep 4344 & cut -d: -f3 /proc/self/cgroup > groups")
    for path in folder:read "groups":gmatch "[^\n]*watchbot%-%d+%-%d+" do
      local found = io.popen(("find /sys/fs/cgroup -type d -path '*%s'"):format(path)):read "a"
      assert.are.equal("", found)
    end
  end))

  it("'user' runs tasks as another user, with its groups and names", task(function(folder)
    if not workshop.has_other_user() then return pending "no other user may run a program here" end
    assert(os.execute(("chmod 777 '%s'"):format(folder.path)))
    send(folder, { ("x"):rep(140000) })
    run(folder, "user = 'nobody',", [[
      if [ -n "$MessageFile" ]; then wc -c < "$MessageFile" > big; exit; fi
      echo "$(id -u) $(id -g) $(id -G) $USER $HOME" > out;
      id -u > owned; grep CapEff /proc/self/status > caps]])
    assert.are.equal("65534 65534 65534 nobody /nonexistent\n", folder:read "out")
    assert.are.equal("140000\n", folder:read "big")
    assert.matches("0000000000000000", folder:read "caps")
  end))

  it("'user' is refused where it cannot be", task(function(folder)
    send(folder, { "1" })
    write_policy(folder, "command = 'true', user = 'watchbot-nobody-has-this-name',")
    local exit, _, errors = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(2, exit.code)
    assert.matches("policy field 'user': there is no user 'watchbot%-nobody%-has%-this%-name'",
      errors)
  end))

  it("'private_tmp' is an empty folder of the task's, gone afterwards", task(function(folder)
    run(folder, "private_tmp = true, umask = '077',", [[
      echo "$TMPDIR" > path; ls -A "$TMPDIR" > list; mkdir -p "$TMPDIR/a/b"; mktemp > /dev/null
      chmod 0 "$TMPDIR/a"; ln -s / "$TMPDIR/root"; stat -c %a "$TMPDIR" > mode]])
    assert.are.equal("", folder:read "list")
    assert.are.equal("700\n", folder:read "mode")
    assert.is_nil(io.open(folder:lines("path")[1]))
    assert.is_not_nil(io.open "/etc/passwd")
  end))

  -- A watcher that is killed leaves it; the next one's start sweeps it.
  it("'private_tmp' is swept after kill -9", task(function(folder)
    write_policy(folder, [[private_tmp = true, workers = 1,
      command = 'mkdir -p "$TMPDIR/a/b"; echo x > "$TMPDIR/a/b/c"; echo $TMPDIR > path; ' ..
        'exec sleep 4344',]])
    send(folder, { "1" })
    os.execute(("mkdir '%s/tmp'"):format(folder.path))
    local child = workshop.start(folder, { "run", "policy.lua" },
      { TMPDIR = folder.path .. "/tmp" })
    workshop.eventually(function() return folder:read "path" ~= "" end, "the task is up")
    os.execute("kill -9 " .. child:pid())
    child:wait(workshop.PATIENCE)
    folder:write("next.lua",
      ([[return require "watchbot".policy { queue = "sqlite:%s/other.db", command = "true" }]])
      :format(folder.path))
    workshop.eventually(function()
      workshop.run(folder, { "run", "--drain", "next.lua" }, { TMPDIR = folder.path .. "/tmp" })
      return io.popen(("ls -A '%s/tmp'"):format(folder.path)):read "a" == ""
    end, "it is swept")
  end))

  for _, case in ipairs {
    { "memory = '5X'", "bytes, or text like" }, { "memory = 0", "bytes, or text like" },
    { "memory = 1.5", "bytes, or text like" }, { "umask = '9'", "octal digits" },
    { "umask = 27", "octal digits" }, { "nice = 40", "from %-20 to 19" },
    { "cpu_seconds = 0", "at least 1" }, { "files = 'many'", "at least 1" },
    { "user = 7", "expected text" }, { "private_tmp = 'yes'", "true or false" },
  } do
    it("is refused: " .. case[1], task(function(folder)
      local code, text = check(folder, case[1] .. ",")
      assert.are.equal(2, code)
      assert.matches(case[2], text)
    end))
  end
end)

describe("the outcome of a task", function()
  it("shows CPU and memory of what it has waited for", task(function(folder)
    local log = run(folder, "", [[lua5.4 -e 'local x, n = ("x"):rep(200 << 20), 0
      while os.clock() < 0.2 do n = n + 1 end']])
    local cpu, rss = log:match '"cpu":(%d+),"max_rss":(%d+)'
    assert.is_truthy(cpu, log)
    assert.is_true(tonumber(cpu) >= 200)
    assert.is_true(tonumber(rss) >= 200 << 20)
  end))
end)
