-- `watchbot listen` as a container of ecs-watchbot would run it: the real program, a real queue
-- file, real tasks.

local cjson = require "cjson"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task, send, eventually = workshop.task, workshop.send, workshop.eventually

local function counts_of(folder)
  local queue = assert(open_queue(folder:url()))
  local counts = assert(queue:counts())
  queue:close()
  return counts
end

-- What a container has in its environment, and no more of what `listen` reads.
local function container(folder, more)
  local variables = {
    QueueUrl = folder:url(), Volumes = "", maxJobDuration = "0", writableFilesystem = "false",
    structuredLogging = "false",
    Fifo = "false", LogGroup = "arn:aws:logs:eu-west-1:1:log-group:g",
    WorkTopic = "arn:aws:sns:eu-west-1:1:t",
    ProgressTable = "table", ECS_AGENT_URI = false, Concurrency = "7",
  }
  for name, value in pairs(more or {}) do variables[name] = value end
  return variables
end

local function listen(folder, words, more)
  return workshop.start(folder, { "listen", table.unpack(words) }, container(folder, more))
end

-- Runs until the queue is empty; returns the log, without the lines of beginning and end.
local function drained(folder, words, more)
  local child = listen(folder, words, more)
  eventually(function()
    local counts = counts_of(folder)
    return counts.visible + counts.delayed + counts.in_flight == 0
  end, "the queue is empty")
  child:kill "TERM"
  local exit = child:wait(workshop.PATIENCE)
  local log, problem = child:output()
  assert.are.equal(0, exit.code, log .. problem)
  return log
end

-- The text of each line behind the date; ids become ID, numbers N.
local function texts(log)
  local found = {}
  for line in log:gmatch "[^\n]+" do
    local rest = line:match "^%[%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT%] (.*)$"
    assert(rest, line)
    rest = rest:gsub("%x+%-%x+%-%x+%-%x+%-%x+", "ID"):gsub('("[%a_]*duration":)%d+', "%1N")
    if not rest:find '"event":' then found[#found + 1] = rest end
  end
  return found
end

describe("watchbot listen", function()
  it("runs the words in sh, with the whole environment and the message", task(function(folder)
    send(folder, { "photo-1.jpg" }, "--subject", "resize")
    drained(folder, { "echo",
      '"$Subject|$Message|$WorkTopic|$LogGroup|$ProgressTable|$Fifo|$AWS_SECRET_ACCESS_KEY"',
      '"$ApproximateReceiveCount"', "|", "tr", "a-z", "A-Z", ">", "out;", "echo", "--fast", "-x",
        ">>out" },
      { AWS_SECRET_ACCESS_KEY = "inherited" })
    assert.are.equal("RESIZE|PHOTO-1.JPG|ARN:AWS:SNS:EU-WEST-1:1:T|"
      .. "ARN:AWS:LOGS:EU-WEST-1:1:LOG-GROUP:G|TABLE|FALSE|INHERITED"
      .. " 1\n--fast -x\n", folder:read "out")
  end))

  it("writes the lines that the metric filters of ecs-watchbot look for", task(function(folder)
    send(folder, { "exit 0", "exit 3", "[ $ApproximateReceiveCount -ge 2 ] || exit 4",
      "[ $ApproximateReceiveCount -ge 2 ] || exit 7",
      "[ $ApproximateReceiveCount -ge 2 ] || kill -9 $$" })
    local log = texts(drained(folder, {
      [[eval "$Message"; code=$?; echo "line \"$code\""; exit $code]],
    }))
    local seen = {}
    for _, line in ipairs(log) do seen[line] = (seen[line] or 0) + 1 end
    assert.are.same({
      ['[watcher] [ID] {"message":"exit 0","receives":1}'] = 1,
      ['[watcher] [ID] {"message":"exit 3","receives":1}'] = 1,
      ['[watcher] [ID] {"message":"[ $ApproximateReceiveCount -ge 2 ] || exit 4","receives":1}'] =
        1,
      ['[watcher] [ID] {"message":"[ $ApproximateReceiveCount -ge 2 ] || exit 4","receives":2}'] =
        1,
      ['[watcher] [ID] {"message":"[ $ApproximateReceiveCount -ge 2 ] || exit 7","receives":1}'] =
        1,
      ['[watcher] [ID] {"message":"[ $ApproximateReceiveCount -ge 2 ] || exit 7","receives":2}'] =
        1,
      ['[watcher] [ID] {"message":"[ $ApproximateReceiveCount -ge 2 ] || kill -9 '
        .. '$$","receives":1}'] = 1,
      ['[watcher] [ID] {"message":"[ $ApproximateReceiveCount -ge 2 ] || kill -9 '
        .. '$$","receives":2}'] = 1,
      ['[worker] [ID] line "0"'] = 3,
      ['[watcher] [ID] {"code":0,"signal":null,"duration":N,"response_duration":N}'] = 4,
      ['[watcher] [ID] [failure] {"code":3,"signal":null,"duration":N,"response_duration":N}'] = 1,
      ['[watcher] [ID] {"code":4,"signal":null,"duration":N,"response_duration":N}'] = 1,
      ['[watcher] [ID] [failure] {"code":7,"signal":null,"duration":N,"response_duration":N}'] = 1,
      ['[watcher] [ID] [failure] '
        .. '{"code":null,"signal":"SIGKILL","duration":N,"response_duration":N,'
        .. '"reason":"killed by signal KILL"}'] = 1,
    }, seen)
    assert.are.same({ visible = 0, delayed = 0, in_flight = 0, dead = 0 }, counts_of(folder))
  end))

  it("writes JSON with structured logging", task(function(folder)
    send(folder, { "3" }, "--subject", "s")
    local log = drained(folder, { [[echo text; echo '{"tile":7}'; exit $Message]] },
      { structuredLogging = "true" })
    local about = {}
    for line in log:gmatch "[^\n]+" do
      local object = cjson.decode(line)
      assert.are.equal(0, object.v)
      assert.are.equal("number", type(object.pid))
      assert.is_string(object.hostname)
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", object.time)
      if object.watchbot_sqs_message_id then about[#about + 1] = object end
    end
    assert.are.equal(4, #about)
    assert.are.same({ "watcher", "s", "3", 1 },
      { about[1].name, about[1].subject, about[1].message, about[1].receives })
    assert.are.same({ "worker", "text" }, { about[2].name, about[2].msg })
    assert.are.same({ "worker", 7 }, { about[3].name, about[3].tile })
    assert.are.same({ "watcher", "failure", 3, cjson.null, 30 },
      { about[4].name, about[4].worker_event, about[4].code, about[4].signal, about[4].level })
    assert.are.equal("number", type(about[4].response_duration))
  end))

  it("says what is missing or wrong, and ends with status 2", task(function(folder)
    local function problem_of(words, more)
      local exit, _, problem =
        workshop.run(folder, { "listen", table.unpack(words) }, container(folder, more))
      assert.are.equal(2, exit.code, problem)
      return problem
    end
    assert.matches("listen: no queue: set the environment variable QueueUrl",
      problem_of({ "true" }, { QueueUrl = "" }))
    assert.matches("listen: no queue", problem_of({ "true" }, { QueueUrl = false }))
    assert.matches("listen: no command: watchbot listen COMMAND", problem_of {})
    assert.matches("listen: no command", problem_of { " " })
    assert.are.equal("watchbot: environment variable 'maxJobDuration': expected seconds, a number "
      .. "of at least 0, got 'soon'\n",
      problem_of({ "true" }, { maxJobDuration = "soon" }))
    assert.are.equal("watchbot: environment variable 'Volumes': expected a list of absolute paths "
      .. "like { '/tmp' }, "
      .. "got '/tmp,tmp'\n", problem_of({ "true" }, { Volumes = "/tmp,tmp" }))
    assert.matches("unknown option '%-%-worker'; did you mean '%-%-workers'%?", problem_of {
      "--worker", "2", "true",
    })
  end))

  it("runs one job at a time, whatever Concurrency says", task(function(folder)
    send(folder, { "1", "2", "3", "4" })
    drained(folder, {
      "mkdir running && sleep 0.05 && rmdir running && echo done >> done || echo two at once >> "
        .. "done",
    })
    assert.are.same({ "done", "done", "done", "done" }, folder:lines "done")
  end))

  it("ends a task that takes longer than maxJobDuration, also one that ignores TERM, and retries "
    .. "it", task(function(folder)
    send(folder, { "long" })
    local log = drained(folder, {
      "[ $ApproximateReceiveCount -ge 2 ] || { trap '' TERM; while :; do sleep 0.1; done; }",
    },
      { maxJobDuration = "0.3" })
    assert.matches('[failure] {"code":null,"signal":"SIGKILL",', log, 1, true)
    assert.matches('"reason":"timed out after 0.3 s"}', log, 1, true)
  end))

  it("lets the job finish at SIGTERM", task(function(folder)
    send(folder, { "one", "two" })
    local child = listen(folder, {
      "touch started; while [ ! -e go ]; do sleep 0.02; done; echo $Message >> out",
    })
    eventually(function() return io.open(folder:file "started") end, "the first job runs")
    child:kill "TERM"
    scheduler.sleep(0.2)
    folder:write("go", "")
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
    assert.are.same({ "one" }, folder:lines "out")
    assert.are.equal(1, counts_of(folder).visible)
  end))

  it("is not reloaded by SIGHUP, and goes on", task(function(folder)
    local child = listen(folder, { "echo $Message > out" })
    eventually(function() return child:output():find '"watching"' end, "it watches")
    child:kill "HUP"
    eventually(function()
      return child:output():find("[error] [worker] the policy was not reloaded, the old one "
        .. "stays: there is no", 1, true)
    end)
    send(folder, { "after" })
    eventually(function() return folder:read "out" == "after\n" end, "the job after it")
    child:kill "TERM"
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
  end))
end)

describe("writableFilesystem=true", function()
  it("ends the program with status 0 after exactly one job, whatever became of it",
    task(function(folder)
    send(folder, { "0", "3", "4", "7", "0" })
    local alive = 5
    for run, code in ipairs { "0", "3", "4", "7" } do
      local child = listen(folder, {
        "echo $Message >> out; echo $ApproximateReceiveCount >> receives; exit $Message",
      },
        { writableFilesystem = "true" })
      local exit = assert(child:wait(workshop.PATIENCE), "it did not end")
      assert.are.equal(0, exit.code, (child:output()))
      local ran = folder:lines "out"
      assert.are.equal(run, #ran)
      assert.are.equal(code, ran[run])
      if code == "0" or code == "3" then alive = alive - 1 end
      local counts = counts_of(folder)
      assert.are.equal(alive, counts.visible + counts.delayed + counts.in_flight,
        cjson.encode(counts))
    end
    assert.are.same({ "1", "1", "1", "1" }, folder:lines "receives",
      "no message was received for nothing")
  end))

  it("does not empty the volumes: the container ends", task(function(folder)
    send(folder, { "one" })
    os.execute(("mkdir '%s' && touch '%s/kept'"):format(folder:file "volume", folder:file "volume"))
    local child = listen(folder, { "true" },
      { writableFilesystem = "true", Volumes = folder:file "volume" })
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
    assert.is_truthy(io.open(folder:file "volume/kept"))
  end))
end)

describe("a policy's jobs", function()
  it("end the watcher after so many, with several workers, and none is received for nothing",
    task(function(folder)
    local bodies = {}
    for number = 1, 30 do bodies[number] = tostring(number) end
    send(folder, bodies)
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, workers = 4, jobs = 7,
        command = "echo $ApproximateReceiveCount >> out" }]]):format(folder:url()))
    local exit, log = workshop.run(folder, { "run", "policy.lua" })
    assert.are.equal(0, exit.code, log)
    assert.are.equal(7, #folder:lines "out")
    assert.are.equal(23, counts_of(folder).visible)
    exit = workshop.run(folder, { "run", "policy.lua" })
    assert.are.equal(0, exit.code)
    assert.are.equal(("1\n"):rep(14), folder:read "out")
  end))
end)

describe("Volumes", function()
  -- A folder with volumes a and b, and next to them a file that must stay.
  local function prepare(folder)
    assert(os.execute(("cd '%s' && mkdir a b precious && touch precious/file && ln -s ../precious "
      .. "a/link"):format(folder.path)))
    return { Volumes = folder:file "a" .. " , " .. folder:file "b" }
  end

  local LOOK = "echo [$(find a b -mindepth 1)] >> seen; "

  it("are emptied before the next job, whatever became of the last one", task(function(folder)
    local variables = prepare(folder)
    variables.maxJobDuration = "1"
    send(folder, { "exit 0", "exit 3", "[ $ApproximateReceiveCount -ge 2 ] || exit 4",
      "[ $ApproximateReceiveCount -ge 2 ] || exit 9",
        "[ $ApproximateReceiveCount -ge 2 ] || sleep 60", "true" })
    drained(folder, {
      LOOK .. "mkdir -p a/x/y b/z; touch a/x/y/file b/.hidden; ln -s ../precious b/link; eval "
        .. "\"$Message\"",
    },
      variables)
    local seen = folder:lines "seen"
    assert.are.equal(9, #seen)
    assert.are.equal("[a/link]", seen[1])
    for index = 2, 9 do assert.are.equal("[]", seen[index]) end
    assert.is_truthy(io.open(folder:file "precious/file"))
    assert.is_truthy(io.open(folder:file "a"))
    local pipe <close> = io.popen(("cd '%s'; find a b -mindepth 1"):format(folder.path))
    assert.are.equal("", pipe:read "a")
  end))

  it("are emptied of what the task's processes were still writing when it ended",
    task(function(folder)
    local variables = prepare(folder)
    send(folder, { "1", "2", "3", "4", "5" })
    drained(folder, { LOOK .. "for i in 1 2 3 4 5 6 7 8; do (while :; do mkdir -p a/$i; echo > "
      .. "a/$i/$i; done) & done;",
      "sleep 0.1" }, variables)
    assert.are.same({ "[a/link]", "[]", "[]", "[]", "[]" }, folder:lines "seen")
  end))

  it("may hold the temporary files of the watcher itself", task(function(folder)
    local variables = prepare(folder)
    variables.TMPDIR = folder:file "a"
    send(folder, { ("1"):rep(200000), ("2"):rep(200000), ("3"):rep(200000) })
    drained(folder, { 'wc -c < "$MessageFile" >> sizes; touch a/left' }, variables)
    assert.are.same({ "200000", "200000", "200000" }, folder:lines "sizes")
    assert.is_nil(io.open(folder:file "a/left"))
  end))

  it("may hold many files", task(function(folder)
    local variables = prepare(folder)
    send(folder, { "one", "two" })
    drained(folder, { LOOK .. "mkdir a/d; cd a/d; seq 20000 | xargs touch" }, variables)
    assert.are.same({ "[a/link]", "[]" }, folder:lines "seen")
  end))

  it("that are swapped for a link by a task are not followed, and that is said once",
    task(function(folder)
    local variables = prepare(folder)
    send(folder, { "1", "2", "3" })
    local log = drained(folder, { "rm -rf a; ln -s precious a" }, variables)
    assert.is_truthy(io.open(folder:file "precious/file"))
    local _, said = log:gsub("%[error%] %[worker%] cannot empty '[^']*/a': a part of it is a "
      .. "symbolic link", "")
    assert.are.equal(1, said, log)
  end))

  it("that are missing are said, and emptied once they are there", task(function(folder)
    send(folder, { "1", "2" })
    local log = drained(folder, { "ls later >> seen 2>&1; mkdir -p later; touch later/file" },
      { Volumes = folder:file "later" })
    assert.matches("cannot empty '[^']*/later': no such file or directory; it will be emptied "
      .. "once it is there", log)
    assert.is_nil(folder:read "seen":find "file\n$")
    assert.is_nil(io.open(folder:file "later/file"))
  end))

  it("that cannot be emptied are said once, with the first entry that stays, and jobs go on",
    task(function(folder)
    local variables = prepare(folder)
    os.execute(("touch '%s'"):format(folder:file "a/fixed"))
    if not os.execute(("chattr +i '%s' 2>/dev/null"):format(folder:file "a/fixed")) then
      return pending "chattr +i is not possible here: not root, or "
        .. "the file system knows no immutable files"
    end
    send(folder, { "1", "2", "3" })
    local log = drained(folder, { "echo $Message >> out" }, variables)
    os.execute(("chattr -i '%s'"):format(folder:file "a/fixed"))
    local _, said = log:gsub("could not empty '[^']*/a': 'fixed' stays: not removed: operation "
      .. "not permitted %(EPERM%)", "")
    assert.are.equal(1, said, log)
    assert.are.equal(3, #folder:lines "out")
  end))

  it("are refused where emptying them could harm: links, files, the root, what holds the "
    .. "watcher's own", task(function(folder)
    prepare(folder)
    os.execute(("cd '%s' && ln -s precious link && mkdir -p a/work && ln -s . self"):format(
      folder.path))
    local function problem_of(volume, more)
      local variables = container(folder, more)
      variables.Volumes = volume
      local exit, _, problem = workshop.run(folder, { "listen", "true" }, variables)
      assert.are.equal(2, exit.code, problem)
      return problem
    end
    assert.matches("volumes: cannot empty '/': not the absolute path of a folder below '/'",
      problem_of "/", 1, true)
    assert.matches("not the absolute path", problem_of "/tmp/..")
    assert.matches("/link': it is a symbolic link", problem_of(folder:file "link"))
    assert.matches("/precious/file': not a directory", problem_of(folder:file "precious/file"))
    assert.matches("the queue is in it", problem_of(folder.path))
    assert.matches("the queue is in it", problem_of(folder:file "self/a", {
      QueueUrl = "sqlite:" .. folder:file "a/jobs.db",
    }))
    assert.matches("the queue is in it", problem_of(folder:file "a", {
      QueueUrl = "sqlite:a/work/../jobs.db",
    }))
    assert.matches("the watcher's program is in it", problem_of(workshop.build))
    assert.is_truthy(io.open(folder:file "precious/file"))
  end))

  it("are refused with several workers", task(function(folder)
    local variables = container(folder, prepare(folder))
    local exit, _, problem = workshop.run(folder, { "listen", "--workers", "2", "true" }, variables)
    assert.are.equal(2, exit.code)
    assert.matches("'volumes' are emptied after each job, but 2 'workers' share them: set workers "
      .. "= 1", problem, 1, true)
  end))
end)
