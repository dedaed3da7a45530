-- What a task gets from the process runner, and tasks that behave badly: each ends in the right
-- outcome, with a reason.

local cjson = require "cjson"
local workshop = require "support.workshop"

local task, run, send = workshop.task, workshop.run, workshop.send

local function policy(folder, fields)
  folder:write("policy.lua", ([[
    local policy = require "watchbot".policy { queue = %q, max_receives = 1, %s }
    function policy:backoff() return 0 end
    return policy]]):format(folder:url(), fields))
end

local function drain(folder, more)
  local exit, log = run(folder, { "run", "--drain", "policy.lua" }, more)
  assert.are.equal(0, exit.code, log)
  return log
end

-- What the log says of the outcome of the only job.
local function outcome_of(log)
  local json = log:match '%[watcher%] %[[^%]]*%] ({"outcome"[^\n]*})'
  return cjson.decode((assert(json, log)))
end

describe("a task of the process runner", function()
  it("gets a message of up to 131063 bytes in Message, and a bigger one in a private file that is "
    .. "gone afterwards",
    task(function(folder)
      send(folder, { ("x"):rep(131063), ("y"):rep(131064) })
      policy(folder, [==[command = [[if [ -n "$MessageFile" ]; then
        echo "file $(wc -c < "$MessageFile") $(stat -c %a "$MessageFile") ${Message-absent}" >> out;
        echo "$MessageFile" > path
        else echo "variable ${#Message}" >> out; fi]],]==])
      drain(folder)
      local lines = folder:lines "out"
      table.sort(lines)
      assert.are.same({ "file 131064 600 absent", "variable 131063" }, lines)
      assert.is_nil(io.open(folder:lines("path")[1]))
    end))

  it("gets a message with a NUL or invalid UTF-8 as it is", task(function(folder)
    local queue = assert(require "watchbot.queue".open(folder:url()))
    assert(queue:send { { body = "a\0b" }, { body = "\xFF\xFE" } })
    queue:close()
    policy(folder,
      [[command = 'if [ -n "$MessageFile" ]; then cp "$MessageFile" nul; ' ..
        'else printf %s "$Message" > bytes; fi',]])
    local log = drain(folder)
    assert.are.equal("a\0b", folder:read "nul")
    assert.are.equal("\xFF\xFE", folder:read "bytes")
    assert.is_truthy(utf8.len(log))
  end))

  it("gets every message on standard input when asked, also a big one", task(function(folder)
    send(folder, { "small", ("z"):rep(900000) })
    policy(folder, [[deliver = "stdin", command = 'wc -c >> out',]])
    drain(folder)
    local lines = folder:lines "out"
    table.sort(lines)
    assert.are.same({ "5", "900000" }, lines)
  end))

  it("inherits what the policy says, and never the watcher's keys by default", task(function(folder)
    send(folder, { "1" })
    policy(folder, [[env = { Own = "mine" },
      command = 'echo "$Own|$Other|$AWS_SECRET_ACCESS_KEY|$AWS_REGION" > out',]])
    drain(folder, { Other = "theirs", AWS_SECRET_ACCESS_KEY = "secret", AWS_REGION = "eu-west-1" })
    assert.are.equal("mine|theirs||eu-west-1\n", folder:read "out")
    send(folder, { "1" })
    policy(folder, [[inherit = { "PATH" }, command = 'echo "$Own|$Other|$AWS_REGION" > out',]])
    drain(folder, { Other = "theirs", AWS_REGION = "eu-west-1" })
    assert.are.equal("||\n", folder:read "out")
  end))

  -- A task that was a watcher itself ran its tasks with the Subject and MessageFile of the message
  -- that it had been started for.
  it("does not inherit a message of the watcher's own", task(function(folder)
    send(folder, { "1" })
    policy(folder, [[inherit = true,
      command = 'echo "$Message|${Subject-none}|${MessageFile-none}" > out',]])
    drain(folder, { Message = "outer", Subject = "outer", MessageFile = "/outer" })
    assert.are.equal("1|none|none\n", folder:read "out")
  end))

  it("runs in the folder of the policy's cwd", task(function(folder)
    send(folder, { "1" })
    os.execute("mkdir '" .. folder:file "work" .. "'")
    policy(folder, [[cwd = "work", command = 'pwd > out',]])
    drain(folder)
    assert.matches("/work\n$", folder:read "work/out")
  end))

  it("can be a command that the policy makes for each job", task(function(folder)
    send(folder, { "a b" })
    policy(folder, [[command = function(job)
      return { "sh", "-c", 'echo "$1" > out', "sh", job.message } end,]])
    drain(folder)
    assert.are.equal("a b\n", folder:read "out")
  end))

  it("whose command function throws or returns nothing is retried, with the reason in the log",
    task(function(folder)
    send(folder, { "1" })
    policy(folder, [[command = function(job) return job.nothing.here end,]])
    assert.matches("attempt to index a nil value", drain(folder))
    send(folder, { "1" })
    policy(folder, [[command = function(job) end,]])
    local outcome = outcome_of(drain(folder))
    assert.are.equal("retry", outcome.outcome)
    assert.matches("command", outcome.reason)
  end))
end)

-- Ten innocent messages were buried, since there were no processes left: that is the machine's
-- trouble.
describe("a machine without room", function()
  it("is no failure of the job: the message is held, and runs once there is room",
    task(function(folder)
    if not os.execute "[ $(id -u) = 0 ] && command -v setpriv >/dev/null" then
      return pending "the limit of processes is another user's"
    end
    send(folder, { "1", "2", "3" })
    policy(folder, "command = { 'sleep', '0.05' }, workers = 3,")
    os.execute(("chmod -R a+rwX '%s'"):format(folder.path))
    local process = require "watchbot.process"
    -- The watcher's two threads and its guardian are three; no other process may run as this user.
    local child = assert(process.start { output = "capture", cwd = folder.path,
      argv = { "setpriv", "--reuid=65501",
      "--regid=65501", "--clear-groups", "prlimit", "--nproc=3:100", workshop.program, "run",
        "--drain", "policy.lua" } })
    workshop.eventually(function()
      return (child:output()):find('"held":true', 1, true) or child:wait(0)
    end, "a job is held")
    local log, errors = child:output()
    if errors:find "ermission denied" then
      return pending "another user may not read this folder"
    end
    assert.matches('"held":true', log, 1, true)
    assert.matches("resource temporarily unavailable", log)
    assert.is_true(os.execute(("setpriv --reuid=65501 --regid=65501 --clear-groups prlimit "
      .. "--nproc=100 --pid %d")
      :format(child:pid())))
    assert.are.equal(0, assert(child:wait(workshop.PATIENCE)).code)
    log = child:output()
    assert.matches('"complete":3,"reject":0,"release":0,"retry":0', log, 1, true)
    assert.equal(1, select(2, log:gsub('"held":true', "")), log)
  end))

  -- `ulimit -f`, a TMPDIR that is gone or cannot be written: each big message used up its receives,
  -- and five of them stopped the small ones.
  for name, case in pairs {
    ["a limit on the size of files"] = {
      wrap = { "prlimit", "--fsize=150000:unlimited" }, says = "file too large",
      mend = "prlimit --fsize=unlimited --pid PID",
    },
    ["a missing TMPDIR"] = {
      wrap = { "env", "TMPDIR=%s/tmp" }, says = "no such file", mend = "mkdir 'FOLDER/tmp'",
    },
    ["a TMPDIR that is a file"] = {
      wrap = { "env", "TMPDIR=%s/policy.lua" }, says = "not a directory",
      mend = "rm 'FOLDER/policy.lua'; mkdir 'FOLDER/policy.lua'",
    },
    ["no room for private folders"] = {
      wrap = { "env", "TMPDIR=%s/tmp" }, says = "no such file", mend = "mkdir 'FOLDER/tmp'",
      fields = "private_tmp = true,",
    },
  } do
    it(name .. " is no failure of the job, and stops no other message", task(function(folder)
      send(folder, { ("x"):rep(200000), ("x"):rep(200000), "small" })
      policy(folder, "command = 'true', workers = 3, max_receives = 1," .. (case.fields or ""))
      local argv = {}
      for _, word in ipairs(case.wrap) do argv[#argv + 1] = word:format(folder.path) end
      table.move({ workshop.program, "run", "--drain", "policy.lua" }, 1, 4, #argv + 1, argv)
      local process = require "watchbot.process"
      local child = assert(process.start { argv = argv, cwd = folder.path, output = "capture",
        limit = 4 << 20, env = process.environment() })
      workshop.eventually(function()
        return (child:output()):find('"held":true', 1, true) or child:wait(0)
      end, "a job is held")
      assert.matches(case.says, (child:output()), 1, true)
      local mend = case.mend:gsub("PID", child:pid()):gsub("FOLDER", folder.path)
      assert.is_true(os.execute(mend))
      assert.are.equal(0, assert(child:wait(workshop.PATIENCE)).code)
      local log = child:output()
      assert.matches('"complete":3,"reject":0,"release":0,"retry":0', log, 1, true)
    end))
  end

  it("a program that is being written is waited for", task(function(folder)
    send(folder, { "1" })
    folder:write("copy.sh", "#!/bin/sh\ncp /bin/true worker; exec 3>>worker; echo up > up\n"
      .. "while [ ! -e go ]; do sleep 0.02; done\n")
    local process = require "watchbot.process"
    local writer = assert(process.start { argv = { "./copy.sh" }, cwd = folder.path })
    workshop.eventually(function() return folder:read "up" ~= "" end, "the program is open")
    policy(folder, "command = { './worker' },")
    local child = workshop.start(folder, { "run", "--drain", "policy.lua" })
    workshop.eventually(function() return (child:output()):find('"held":true', 1, true) end,
      "the job is held")
    folder:write("go", "")
    writer:wait(workshop.PATIENCE)
    assert.are.equal(0, assert(child:wait(workshop.PATIENCE)).code)
    assert.matches('"complete":1', (child:output()), 1, true)
  end))
end)

describe("a task that", function()
  local function outcome(folder, fields)
    send(folder, { "1" })
    policy(folder, fields)
    local log = drain(folder)
    return outcome_of(log), log
  end

  -- A program that is missing hits every message: none is buried for it, so a drain does not end.
  local function first_outcome(folder, fields)
    send(folder, { "1" })
    policy(folder, fields)
    local child <close> = workshop.start(folder, { "run", "policy.lua" })
    return workshop.eventually(function()
      local json = (child:output()):match '%[watcher%] %[[^%]]*%] ({"outcome"[^\n]*})'
      return json and cjson.decode(json)
    end, "the outcome is logged")
  end

  it("cannot be found", task(function(folder)
    local result = first_outcome(folder, "command = { './rendr' },")
    assert.are.equal("retry", result.outcome)
    assert.are.equal("could not start './rendr': no such file or directory", result.reason)
  end))

  it("is not executable", task(function(folder)
    folder:write("rendr", "text")
    local result = first_outcome(folder, "command = { './rendr' },")
    assert.are.equal("could not start './rendr': permission denied", result.reason)
  end))

  it("has more in its environment than the system takes", task(function(folder)
    local result = outcome(folder, "env = { Big = ('x'):rep(200000) }, command = { 'true' },")
    assert.are.equal("could not start 'true': argument list too long", result.reason)
  end))

  it("ignores TERM is KILLed after the grace", task(function(folder)
    local result = outcome(folder,
      [[timeout = 0.3, kill_grace = 0.2, command = "trap '' TERM; sleep 987; sleep 987",]])
    assert.are.equal("retry", result.outcome)
    assert.are.equal("timed out after 0.3 s", result.reason)
  end))

  it("leaves grandchildren that hold its pipes ends with its leader, and they with it",
    task(function(folder)
    local marker = "WATCHBOT_SPEC=" .. folder.path
    local result, log = outcome(folder, ([[env = { WATCHBOT_SPEC = %q },
      command = "sleep 987 & sleep 987 & echo started; exit 0",]]):format(folder.path))
    assert.are.equal("complete", result.outcome)
    assert.matches("%] started\n", log)
    assert.are.same({}, workshop.processes_with(marker))
  end))

  it("closes its output early is still waited for", task(function(folder)
    local result = outcome(folder,
      [[command = "exec >&- 2>&-; sleep 0.3; echo done > done; exit 3",]])
    assert.are.equal("reject", result.outcome)
    assert.are.equal("done\n", folder:read "done")
  end))

  it("exits before it reads its input", task(function(folder)
    send(folder, { ("m"):rep(500000) })
    policy(folder, [[deliver = "stdin", command = { "true" },]])
    assert.are.equal("complete", outcome_of(drain(folder)).outcome)
  end))

  it("writes 1 GB: every line arrives, in bounded memory", task(function(folder)
    send(folder, { "1" })
    policy(folder,
      [[command = "yes 012345678901234567890123456789012345678901234567" ..
        "8901234567890123456789012345678 | " ..
      "head -c 1000000000",]])
    folder:write("count.sh",
      "#!/bin/sh\nexec \"$1\" run --drain policy.lua | grep -c '] 0123456789.*78$'\n")
    local process = require "watchbot.process"
    local child = assert(process.start {
      argv = { "./count.sh", workshop.program }, cwd = folder.path, output = "capture",
    })
    assert.are.equal(0, child:wait(600).code)
    assert.are.equal("12500000\n", (child:output()))
  end))

  it("is killed by a signal is told by its name", task(function(folder)
    local result = outcome(folder,
      [[exits = { USR1 = "complete" }, command = { "sh", "-c", "kill -USR1 $$" },]])
    assert.are.equal("complete", result.outcome)
    assert.are.equal("USR1", result.signal)
  end))

  it("writes a last line without a newline, on both streams", task(function(folder)
    local _, log = outcome(folder, [[command = "printf out; printf err >&2",]])
    assert.matches("%] out\n", log)
    assert.matches("%] err\n", log)
  end))
end)
