-- `watchbot run` as its users have it: the real program, a real queue file, real child processes.

local cjson = require "cjson"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task, run, send, eventually = workshop.task, workshop.run, workshop.send, workshop.eventually

-- The watcher's own lines of a log, decoded, those about one message or about none.
local function watcher_lines(log)
  local lines = {}
  for json in log:gmatch "%[watcher%][^{\n]*(%b{})\n" do lines[#lines + 1] = cjson.decode(json) end
  return lines
end

local function outcomes(log)
  local counts = {}
  for _, line in ipairs(watcher_lines(log)) do
    if line.outcome then counts[line.outcome] = (counts[line.outcome] or 0) + 1 end
  end
  return counts
end

local function counts_of(folder)
  local queue = assert(require "watchbot.queue".open(folder:url()))
  local counts = assert(queue:counts())
  queue:close()
  return counts
end

local BACKOFF = "function policy:backoff() return 0 end\n"

-- A policy file with these fields, as Lua text.
local function policy(folder, fields, more)
  return folder:write("policy.lua",
    ("local watchbot = require 'watchbot'\nlocal policy = watchbot.policy {\n" ..
    "queue = %q,\n%s}\n%s\nreturn policy\n"):format(folder:url(), fields, more or BACKOFF))
end

describe("watchbot run", function()
  it("runs a task for each message and lets the exit code decide", task(function(folder)
    send(folder, { "0", "3", "4", "7" })
    policy(folder, [[command = 'echo "m=$Message n=$ApproximateReceiveCount"; ' ..
      '[ $ApproximateReceiveCount -ge 2 ] || exit $Message',]])
    local exit, log = run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code, log)
    assert.are.same({ complete = 3, reject = 1, release = 1, retry = 1 }, outcomes(log))
    assert.matches("%[%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT%] %[worker%] "
      .. "%[%x+%-%x+%-%x+%-%x+%-%x+%] m=3 n=1\n", log)
    assert.are.same({ visible = 0, delayed = 0, in_flight = 0, dead = 0 }, counts_of(folder))
  end))

  it("runs a command without any policy file", task(function(folder)
    send(folder, { "photo-1.jpg" }, "--subject", "resize")
    folder:write("resize.sh",
      "#!/bin/sh\necho \"$1|$Subject|$Message|$MessageId|$SentTimestamp\" > out\n")
    local exit, log = run(folder, {
      "run", "--drain", "--queue", folder:url(), "--", "./resize.sh", "--fast",
    })
    assert.are.equal(0, exit.code, log)
    assert.matches("^%-%-fast|resize|photo%-1.jpg|%x+%-%x+%-%x+%-%x+%-%x+|"
      .. "%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ\n$",
      folder:read "out")
  end))

  it("says which environment variable is wrong, with status 2", task(function(folder)
    -- Without a policy file it used to end with a traceback and status 1.
    local exit, _, problem =
      run(folder, { "run", "--queue", folder:url(), "--", "true" }, { maxJobDuration = "soon" })
    assert.are.equal(2, exit.code)
    assert.are.equal("watchbot: environment variable 'maxJobDuration': expected seconds, a number "
      .. "of at least 0, got 'soon'\n",
      problem)
  end))

  it("runs as many tasks at once as there are workers", task(function(folder)
    send(folder, { "1", "2", "3", "4", "5", "6" })
    policy(folder, [[workers = 3,
      command = "touch run-$Message; while [ ! -e go ]; do sleep 0.02; done; rm run-$Message",]])
    local child = workshop.start(folder, { "run", "--drain", "policy.lua" })
    local function running()
      local pipe <close> = io.popen("ls '" .. folder.path .. "' | grep -c run-")
      return tonumber(pipe:read "l")
    end
    eventually(function() return running() == 3 end, "three tasks run")
    scheduler.sleep(0.1)
    assert.are.equal(3, running())
    folder:write("go", "")
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
  end))

  it("sends what failed max_receives times to the dead letters, and replays it from there",
    task(function(folder)
    send(folder, { "poison", "good" })
    policy(folder, [[max_receives = 3, command = 'echo run >> "$Message"; [ "$Message" = good ]',]])
    local exit, log = run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code)
    assert.are.equal(3, #folder:lines "poison")
    assert.are.equal(1, #folder:lines "good")
    assert.are.equal(3, outcomes(log).retry)
    local _, listed = run(folder, { "dead-letter", "list", "--json", "--queue", folder:url() })
    local dead = cjson.decode(listed)
    assert.are.equal("poison", dead.message)
    assert.are.equal(3, dead.receives)
    local _, said = run(folder, { "dead-letter", "replay", "--queue", folder:url() })
    assert.are.equal("1 message back in the queue\n", said)
    run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(6, #folder:lines "poison")
  end))

  it("says why a task could not be started, and does not carry the queue to the dead letters",
    task(function(folder)
    local messages = {}
    for index = 1, 30 do messages[index] = "m" .. index end
    send(folder, messages)
    policy(folder, "command = { './rendr' }, workers = 4, max_receives = 3, probe = 0.05,")
    local child = workshop.start(folder, { "run", "--drain", "policy.lua" })
    eventually(function() return child:output():find "no task can be started" end,
      "the breaker opens")
    scheduler.sleep(1)
    assert.are.equal(0, counts_of(folder).dead)
    folder:write("rendr", "#!/bin/sh\necho \"$Message\" >> done\n")
    local exit = child:wait(workshop.PATIENCE)
    local log = child:output()
    assert.are.equal(0, exit.code)
    assert.matches("could not start './rendr': no such file or directory", log)
    assert.matches("tasks start again", log)
    assert.are.equal(30, #folder:lines "done")
    assert.are.equal(0, counts_of(folder).dead)
  end))

  it("counts a shell's 127 as not started", task(function(folder)
    send(folder, { "1", "2", "3", "4", "5", "6", "7", "8" })
    policy(folder, "command = './rendr', max_receives = 3, probe = 0.05,")
    local child = workshop.start(folder, { "run", "--drain", "policy.lua" })
    eventually(function() return child:output():find "no task can be started" end,
      "the breaker opens")
    folder:write("rendr", "#!/bin/sh\nexit 0\n")
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
    assert.are.equal(0, counts_of(folder).dead)
  end))

  -- dash forks for a command that is text, and reports its death by KILL as exit code 137.
  it("knows the signal that ended a command that is text", task(function(folder)
    send(folder, { "1" })
    policy(folder, [[command = "./killed; exit $?", exits = { KILL = "complete" },]])
    folder:write("killed", "#!/bin/sh\nkill -KILL $$\n")
    local exit, log = run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code, log)
    assert.are.equal(1, outcomes(log).complete)
    assert.matches('"code":137', log)
    -- A number in `exits` comes first.
    send(folder, { "2" })
    policy(folder, [[command = "./killed; exit $?",
      exits = { KILL = "retry", [137] = "complete" },]])
    exit, log = run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code, log)
    assert.are.equal(1, outcomes(log).complete)
  end))

  -- systemd sends TERM to all processes of a service at once (KillMode=control-group), a terminal
  -- its Ctrl-C to the foreground group: running jobs were retried, notified, and a receive was
  -- spent.
  for _, signal in ipairs { "TERM", "INT" } do
    it(("returns what dies of %s together with it, and counts no receive"):format(signal),
      task(function(folder)
        send(folder, { "1", "2" })
        policy(folder, [[workers = 2, max_receives = 1,
          command = { "sh", "-c", "echo $$ >> started; exec sleep 987" },]])
        local child = workshop.start(folder, { "run", "policy.lua" })
        eventually(function() return #folder:lines "started" == 2 end, "two tasks run")
        for _, pid in ipairs(folder:lines "started") do
          assert(os.execute(("kill -%s %s"):format(signal, pid)))
        end
        child:kill(signal)
        assert.is_truthy(child:wait(workshop.PATIENCE))
        assert.are.equal(2, outcomes(child:output()).retry)
        assert.are.same({ visible = 2, delayed = 0, in_flight = 0, dead = 0 }, counts_of(folder))
        policy(folder, "command = 'echo $ApproximateReceiveCount >> receives',")
        run(folder, { "run", "--drain", "policy.lua" })
        assert.are.same({ "1", "1" }, folder:lines "receives")
      end))
  end

  describe("SIGTERM", function()
    it("lets running tasks finish within `drain`, and gives back the rest", task(function(folder)
      send(folder, { "1", "2", "3", "4", "5" })
      policy(folder, [[workers = 2, drain = 60,
        command = "touch started-$Message; " ..
          "while [ ! -e go ]; do sleep 0.02; done; echo $Message >> done",]])
      local child = workshop.start(folder, { "run", "policy.lua" })
      eventually(function() return io.open(folder:file "started-1")
        and io.open(folder:file "started-2") end, "two tasks run")
      child:kill "TERM"
      eventually(function() return child:output():find "draining" end, "it drains")
      folder:write("go", "")
      assert.are.equal(0, child:wait(workshop.PATIENCE).code)
      assert.are.equal(2, #folder:lines "done")
      assert.are.same({ visible = 3, delayed = 0, in_flight = 0, dead = 0 }, counts_of(folder))
    end))

    it("stops tasks that take longer, group and all, and makes their messages visible at once",
      task(function(folder)
      send(folder, { "1", "2", "3" })
      policy(folder, [[workers = 2, drain = 0.1, kill_grace = 0.1,
        command = "trap '' TERM; sleep 987 & echo ready >> ready; while :; do sleep 1; done",]])
      local marker = "WATCHBOT_SPEC=" .. folder.path
      local child = workshop.start(folder, { "run", "policy.lua" }, { WATCHBOT_SPEC = folder.path })
      eventually(function() return #folder:lines "ready" == 2 end, "two tasks run")
      child:kill "TERM"
      assert.are.equal(0, child:wait(workshop.PATIENCE).code)
      assert.are.same({}, workshop.processes_with(marker))
      assert.are.same({ visible = 3, delayed = 0, in_flight = 0, dead = 0 }, counts_of(folder))
    end))

    it("twice hurries", task(function(folder)
      send(folder, { "1" })
      policy(folder, [[drain = 3600, command = "touch started; exec sleep 987",]])
      local child = workshop.start(folder, { "run", "policy.lua" })
      eventually(function() return io.open(folder:file "started") end, "a task runs")
      child:kill "TERM"
      eventually(function() return child:output():find "draining" end, "it drains")
      child:kill "INT"
      assert.are.equal(0, child:wait(workshop.PATIENCE).code)
      assert.are.equal(1, counts_of(folder).visible)
    end))

    it("ends an idle watcher at once", task(function(folder)
      send(folder, { "1" })
      policy(folder, "command = { 'true' }, drain = 3600,")
      local child = workshop.start(folder, { "run", "policy.lua" })
      eventually(function() return child:output():find '"outcome":"complete"' end,
        "the job is done")
      child:kill "TERM"
      assert.are.equal(0, child:wait(workshop.PATIENCE).code)
    end))
  end)

  it("loads the policy again at SIGHUP, and keeps the old one when the new one is wrong",
    task(function(folder)
    policy(folder, "command = 'echo old',")
    local child = workshop.start(folder, { "run", "policy.lua" })
    eventually(function() return child:output():find "watching" end, "it watches")
    policy(folder, "comand = 'echo new',")
    child:kill "HUP"
    eventually(function() return child:output():find "not reloaded" end,
      "the wrong policy is refused")
    assert.matches("did you mean 'command'", child:output())
    folder:write("policy.lua",
      "return require 'watchbot'.policy { queue = 'sqlite:other.db', command = 'echo new' }")
    child:kill "HUP"
    eventually(function() return select(2, child:output():gsub("not reloaded", "")) == 2 end,
      "another queue is refused")
    send(folder, { "1" })
    eventually(function() return child:output():find "%] old\n" end, "the old policy runs on")
    policy(folder, "command = 'echo new',")
    child:kill "HUP"
    eventually(function() return child:output():find "policy reloaded" end,
      "the new policy is taken")
    send(folder, { "2" })
    eventually(function() return child:output():find "%] new\n" end, "the new policy runs")
    child:kill "TERM"
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
  end))

  -- `watchbot run --drain policy.lua && deploy` deployed after a SIGTERM, with half of the messages
  -- left.
  it("ends --drain with status 0 only when the queue is empty", task(function(folder)
    send(folder, { "1", "2" })
    policy(folder, [[command = "echo began > $Message; sleep 600", drain = 0,]])
    for name, status in pairs { TERM = 143, INT = 130 } do
      local child = workshop.start(folder, { "run", "--drain", "policy.lua" })
      eventually(function() return folder:read "1" ~= "" or folder:read "2" ~= "" end,
        "a task runs")
      child:kill(name)
      assert.are.equal(status, child:wait(workshop.PATIENCE).code)
      assert.matches("SIG" .. name .. " ended the watcher; the queue is not empty",
        (select(2, child:output())))
      os.remove(folder:file "1")
      os.remove(folder:file "2")
    end
    policy(folder, [[command = "true", jobs = 1, backoff = function() return 0 end,]])
    local exit, _, problem = run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(1, exit.code)
    assert.matches("the queue is not empty", problem)
  end))

  -- It tried one message a minute, forever; a nightly job never came to its end.
  for name, field in pairs {
    ["a program is missing"] = [[command = { "./missing" },]],
    ["every message's command raises"] = [[command = function() error "bad" end,]],
  } do
    it("ends --drain with status 1 where " .. name, task(function(folder)
      send(folder, { "1", "2", "3", "4", "5", "6", "7" })
      policy(folder, field)
      local exit, _, problem = run(folder, { "run", "--drain", "policy.lua" })
      assert.are.equal(1, exit.code)
      assert.matches("^watchbot: run: no more messages are taken, since no task can be started: "
        .. "[^\n]+; the queue is not empty\n$", problem)
      local counts = counts_of(folder)
      assert.are.same({ 7, 0, 0 }, { counts.visible, counts.in_flight, counts.delayed })
    end))
  end

  it("touches the health file while it is well", task(function(folder)
    policy(folder, "command = 'true',")
    local child = workshop.start(folder, { "run", "--health", "health", "policy.lua" })
    local first = eventually(function() return folder:lines("health")[1] end, "the file is there")
    eventually(function() return (folder:lines("health")[1] or first) > first end,
      "it is touched again")
    child:kill "TERM"
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
  end))

  describe("with bad input exits 2 and says what is wrong:", function()
    local function refused(folder, arguments, ...)
      local exit, _, problem = run(folder, arguments, { QueueUrl = false })
      assert.are.equal(2, exit.code, problem)
      for _, words in ipairs { ... } do assert.is_truthy(problem:find(words, 1, true), problem) end
      assert.are.equal(1, select(2, problem:gsub("\n", "\n")), problem)
    end

    it("a syntax error", task(function(folder)
      folder:write("policy.lua",
        "local watchbot = require 'watchbot'\nreturn watchbot.policy {\n  queue = = 1\n}\n")
      refused(folder, { "run", "policy.lua" }, "policy.lua:3:", "unexpected symbol near '='")
    end))

    it("an unknown field", task(function(folder)
      folder:write("policy.lua",
        "return require 'watchbot'.policy {\n  command = 'true', worker = 2 }\n")
      refused(folder, { "run", "policy.lua" }, "policy.lua:",
        "unknown policy field 'worker'; did you mean 'workers'?")
    end))

    it("a wrong type", task(function(folder)
      folder:write("policy.lua",
        "return require 'watchbot'.policy { command = 'true', workers = 'four' }\n")
      refused(folder, { "run", "policy.lua" }, "policy.lua:1:", "'workers'", "'four'")
    end))

    it("a misspelt hook", task(function(folder)
      policy(folder, "command = 'true',", "function policy:verdit() end")
      refused(folder, { "run", "policy.lua" }, "policy.lua:", "'verdit'; did you mean 'verdict'?")
    end))

    it("no policy, no such file, nothing returned", task(function(folder)
      folder:write("nothing.lua", "local x = 1\n")
      refused(folder, { "run" }, "no policy")
      refused(folder, { "run", "missing.lua" }, "missing.lua", "no such file")
      refused(folder, { "run", "." }, "is a directory")
      refused(folder, { "run", "nothing.lua" }, "nothing.lua", "returned nothing")
    end))

    it("no queue, and a queue that is none", task(function(folder)
      folder:write("policy.lua", "return require 'watchbot'.policy { command = 'true' }\n")
      refused(folder, { "run", "policy.lua" }, "queue", "QueueUrl")
      refused(folder, { "run", "--queue", "mysql:jobs", "policy.lua" }, "mysql:jobs", "sqlite:")
    end))

    it("no command", task(function(folder)
      folder:write("policy.lua", "return require 'watchbot'.policy { queue = 'sqlite:jobs.db' }\n")
      refused(folder, { "run", "policy.lua" }, "command")
      refused(folder, { "run", "--queue", "sqlite:jobs.db", "--" }, "no command")
    end))

    it("unknown options and commands", task(function(folder)
      refused(folder, { "run", "--drian", "policy.lua" }, "--drian", "did you mean '--drain'?")
      refused(folder, { "rnu" }, "rnu", "did you mean 'run'?")
      refused(folder, { "run", "--workers", "four", "policy.lua" }, "--workers", "'four'")
    end))
  end)

  it("exits 1 with one message when the queue cannot be opened", task(function(folder)
    folder:write("jobs.db", ("this is no database\n"):rep(100))
    policy(folder, "command = 'true',")
    local exit, _, problem = run(folder, { "run", "policy.lua" })
    assert.are.equal(1, exit.code)
    assert.matches("jobs.db", problem)
    assert.matches("not a database", problem)
  end))

  it("writes JSON lines when asked", task(function(folder)
    send(folder, { "hello" })
    local _, log = run(folder,
      { "run", "--drain", "--log", "json", "--queue", folder:url(), "--", "sh", "-c",
      "echo plain; echo '{\"tile\":7}'" })
    local by_message = {}
    for line in log:gmatch "[^\n]+" do
      local decoded = cjson.decode(line)
      assert.is_string(decoded.time)
      if decoded.msg == "plain" then by_message.plain = decoded end
      if decoded.tile == 7 then by_message.tile = decoded end
      if decoded.outcome then by_message.outcome = decoded end
    end
    assert.are.equal("worker", by_message.plain.name)
    assert.are.equal(by_message.plain.watchbot_sqs_message_id,
      by_message.tile.watchbot_sqs_message_id)
    assert.are.equal("complete", by_message.outcome.outcome)
    assert.are.equal("watcher", by_message.outcome.name)
  end))

  it("helps", task(function(folder)
    for _, arguments in ipairs { { "--help" }, { "run", "--help" }, { "send", "--help" },
    { "check", "--help" },
      { "dead-letter", "--help" } } do
      local exit, said = run(folder, arguments)
      assert.are.equal(0, exit.code)
      assert.matches("usage: watchbot", said)
    end
    local _, said = run(folder, { "--version" })
    assert.matches("^watchbot %d+%.%d+%.%d+\n$", said)
  end))

  it("leaves the message of a job alone that ended with its program's own signal",
    task(function(folder)
    send(folder, { "1" })
    policy(folder, [[max_receives = 2, command = 'kill -SEGV $$',]])
    local _, log = run(folder, { "run", "--drain", "policy.lua" })
    assert.matches('"outcome":"retry","signal":"SEGV"', log)
    assert.are.equal(1, counts_of(folder).dead)
  end))

  it("ends a task that takes longer than its timeout, and says so", task(function(folder)
    send(folder, { "1" })
    policy(folder, [[timeout = 0.2, kill_grace = 0.2, max_receives = 1,
      command = "trap '' TERM; sleep 987; sleep 987",]])
    local _, log = run(folder, { "run", "--drain", "policy.lua" })
    assert.matches('"outcome":"retry"[^\n]*"reason":"timed out after 0.2 s"', log)
  end))
end)

-- A watcher whose stdout was closed once wrote its log into its own epoll descriptor; no
-- message may be lost for lack of a log.
describe("watchbot run with closed standard descriptors", function()
  it("does its work", task(function(folder)
    send(folder, { "1" })
    local process = require "watchbot.process"
    local child = assert(process.start {
      command = ("exec '%s' run --drain --queue %s "
        .. "-- sh -c 'echo $Message > done' <&- >&- 2>&-"):format(
        workshop.program,
        folder:url()), cwd = folder.path,
    })
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
    assert.are.equal("1\n", folder:read "done")
  end))

  -- SIGXFSZ, whose default is death, comes with the first byte beyond the limit.
  it("outlives a file that reaches its size limit", task(function(folder)
    send(folder, { "1" })
    local process = require "watchbot.process"
    local child = assert(process.start {
      command = ("ulimit -f 1; exec '%s' run --drain --queue %s -- sh -c 'head -c 5000 /dev/zero "
        .. "| tr \"\\0\" x' > log"):format(
        workshop.program, folder:url()), cwd = folder.path,
    })
    local exit = child:wait(workshop.PATIENCE)
    assert.is_nil(exit.signal)
  end))
end)
