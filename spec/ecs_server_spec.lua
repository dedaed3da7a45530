-- The local AWS whose ECS tasks really run: what the ECS runner's specs take for granted of it.

local cjson = require "cjson"
local ecs_server = require "support.ecs_server"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local CLUSTER, GROUP = "fleet", "tasks"
local LOG = {
  logDriver = "awslogs", options = { ["awslogs-group"] = GROUP, ["awslogs-stream-prefix"] = "p" },
}

describe("the ECS server", function()
  local server, ecs

  local function task(body)
    return function() scheduler.run(body) end
  end

  local function define(family, ...)
    local containers = {}
    for index, container in ipairs { (...) or {}, select(2, ...) } do
      containers[index] = {
        name = container.name or "main", image = container.image or "worker:1", memory = 16,
        logConfiguration = LOG,
        command = { "sh", "-c", container.script or "exit 0" }, essential = container.essential,
        stopTimeout = 1,
        environment = container.environment, entryPoint = container.entry,
      }
    end
    assert(ecs:RegisterTaskDefinition { family = family, containerDefinitions = containers })
  end

  local function run(family, options)
    local asked = { cluster = CLUSTER, taskDefinition = family }
    for name, value in pairs(options or {}) do asked[name] = value end
    return ecs:RunTask(asked)
  end

  local function start(family, options)
    local answer = assert(run(family, options))
    assert.are.same({}, answer.failures)
    return answer.tasks[1].taskArn
  end

  local function overriding(variables, command)
    local environment = {}
    for name, value in pairs(variables) do
      environment[#environment + 1] = { name = name, value = value }
    end
    return {
      containerOverrides = { { name = "main", environment = environment, command = command } },
    }
  end

  local function describe_task(arn)
    return assert(ecs:DescribeTasks { cluster = CLUSTER, tasks = { arn } }).tasks[1]
  end

  local function await(arn, status)
    return workshop.eventually(function()
      local told = describe_task(arn)
      return told.lastStatus == status and told
    end, arn .. " is " .. status)
  end

  local function fails(code, pattern, answer, message, got)
    assert.is_nil(answer)
    assert.are.equal(code, got)
    assert.matches(pattern, message)
  end

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  before_each(task(function()
    server:reset()
    ecs = server:client "ecs"
    assert(ecs:CreateCluster { clusterName = CLUSTER })
    assert(server:client "logs":CreateLogGroup { logGroupName = GROUP })
  end))

  it("runs a task's command with the environment of definition and override, and keeps what it "
    .. "says", task(function()
    define("job", { script = 'echo "$A $B"; echo err >&2; exit 3',
      environment = { { name = "A", value = "no" },
      { name = "B", value = "defined" } } })
    local arn = start("job", { overrides = overriding { A = "overridden" }, startedBy = "stack/1" })
    local told = await(arn, "STOPPED")
    assert.are.equal(3, told.containers[1].exitCode)
    assert.are.equal("EssentialContainerExited", told.stopCode)
    assert.are.equal("stack/1", told.startedBy)
    assert.matches(":task%-definition/job:1$", told.taskDefinitionArn)
    assert.matches(":container%-instance/", told.containerInstanceArn)
    local events = assert(server:client "logs":FilterLogEvents { logGroupName = GROUP }).events
    assert.are.equal("overridden defined", events[1].message)
    assert.are.equal("err", events[2].message)
    assert.are.equal("p/main/" .. arn:match "[^/]+$", events[1].logStreamName)
  end))

  it("takes another command from the override, and keeps the entry point", task(function()
    define("job", { entry = { "sh", "-c" } })
    assert.are.equal(9,
      await(start("job", { overrides = overriding({}, { "exit 9" }) }),
      "STOPPED").containers[1].exitCode)
  end))

  it("goes through the states, with their times and a rising version", task(function()
    server:knobs { start_delay = 2, stop_delay = 2 }
    define("job", { script = "sleep 2" })
    local arn = start "job"
    local seen, version = {}, 0
    workshop.eventually(function()
      local told = describe_task(arn)
      if seen[#seen] ~= told.lastStatus then
        seen[#seen + 1] = told.lastStatus
        assert.is_true(told.version > version)
        version = told.version
      end
      return told.lastStatus == "STOPPED"
    end)
    assert.are.same({ "PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED" }, seen)
    local told, last = describe_task(arn), 0
    for _, name in ipairs { "createdAt", "pullStartedAt", "startedAt", "stoppingAt",
      "stoppedAt" } do
      assert.is_true(told[name] > last, name)
      last = told[name]
    end
  end))

  it("tells a signal as 128 and more", task(function()
    define("job", { script = "kill -9 $$" })
    assert.are.equal(137, await(start "job", "STOPPED").containers[1].exitCode)
  end))

  it("stops a task with SIGTERM, and kills it after its stopTimeout", task(function()
    define("polite", { script = "trap 'exit 5' TERM; sleep 100 & wait" })
    define("deaf", { script = "trap '' TERM; while :; do sleep 0.1; done" })
    for family, code in pairs { polite = 5, deaf = 137 } do
      local arn = start(family)
      await(arn, "RUNNING")
      scheduler.sleep(0.3) -- the trap is set by then
      assert(ecs:StopTask { cluster = CLUSTER, task = arn, reason = "enough" })
      local told = await(arn, "STOPPED")
      assert.are.equal(code, told.containers[1].exitCode)
      assert.are.equal("UserInitiated", told.stopCode)
      assert.are.equal("enough", told.stoppedReason)
    end
    fails("InvalidParameterException", "not found", ecs:StopTask {
      cluster = CLUSTER, task = "nobody",
    })
  end))

  it("does not start what cannot be pulled, or has no such program", task(function()
    define("unpulled", { image = "missing:1" })
    assert(ecs:RegisterTaskDefinition { family = "absent", containerDefinitions = {
      { name = "main", image = "worker:1", memory = 16, command = { "/no/such/program" } },
    } })
    for family, pattern in pairs { unpulled = "^CannotPullContainerError: ",
      absent = "^CannotStartContainerError: " } do
      local told = await(start(family), "STOPPED")
      assert.are.equal("TaskFailedToStart", told.stopCode)
      assert.matches(pattern, told.containers[1].reason)
      assert.is_nil(told.containers[1].exitCode)
      assert.is_nil(told.startedAt)
    end
  end))

  it("runs two containers, whose codes may differ, and ends with the essential one", task(function()
    define("pair", { name = "main", script = "sleep 5; exit 0" },
      { name = "side", script = "exit 3", essential = false })
    local containers = await(start "pair", "STOPPED").containers
    assert.are.equal(0, containers[1].exitCode)
    assert.are.equal(3, containers[2].exitCode)
    define("server", { name = "main", script = "exit 4" },
      { name = "side", script = "exec sleep 100", essential = false })
    assert.are.equal(143, await(start "server", "STOPPED").containers[2].exitCode)
  end))

  it("lists by who started, by family and by the state that is wanted", task(function()
    define("job", { script = "exec sleep 100" })
    define("short")
    local arn = start("job", { startedBy = "stack/1" })
    start("job", { startedBy = "stack/2" })
    local ended = start "short"
    await(ended, "STOPPED")
    local function list(filter)
      filter.cluster = CLUSTER
      return assert(ecs:ListTasks(filter)).taskArns
    end
    assert.are.same({ arn }, list { startedBy = "stack/1" })
    assert.are.equal(2, #list { family = "job" })
    assert.are.same({}, list { family = "short" })
    assert.are.same({ ended }, list { family = "short", desiredStatus = "STOPPED" })
    fails("InvalidParameterException", "only", ecs:ListTasks {
      cluster = CLUSTER, family = "job", startedBy = "x",
    })
    local page = assert(ecs:ListTasks { cluster = CLUSTER, maxResults = 1 })
    assert.are.equal(1,
      #assert(ecs:ListTasks { cluster = CLUSTER, maxResults = 1,
      nextToken = page.nextToken }).taskArns)
    server:knobs { list_lag = 100 }
    assert.are.same({}, list { startedBy = "stack/1" })
  end))

  it("describes at most 100, and says which are missing", task(function()
    define "job"
    local arn = start "job"
    local told = assert(ecs:DescribeTasks { cluster = CLUSTER, tasks = { arn, "nobody" } })
    assert.are.equal(1, #told.tasks)
    assert.are.equal("MISSING", told.failures[1].reason)
    assert.matches(":task/fleet/nobody$", told.failures[1].arn)
    local many = {}
    for index = 1, 101 do many[index] = arn end
    fails("InvalidParameterException", "100", ecs:DescribeTasks { cluster = CLUSTER, tasks = many })
  end))

  it("starts one task for each token", task(function()
    define("job", { script = "exec sleep 100" })
    local arn = start("job", { clientToken = "once" })
    assert.are.equal(arn, start("job", { clientToken = "once" }))
    fails("ConflictException", "different", run("job", {
      clientToken = "once", startedBy = "another",
    }))
    assert.is_true(arn ~= start("job", { clientToken = "twice" }))
    assert.are.equal(2, #assert(ecs:ListTasks { cluster = CLUSTER }).taskArns)
  end))

  it("refuses what AWS refuses", task(function()
    define "job"
    local fits = 8192 - #cjson.encode(overriding { A = "" })
    assert.are.same({},
      assert(run("job", { overrides = overriding { A = ("x"):rep(fits) } })).failures)
    fails("InvalidParameterException", "Container Overrides length must be at most 8192",
      run("job", { overrides = overriding { A = ("x"):rep(fits + 1) } }))
    fails("ClusterNotFoundException", "Cluster", run("job", { cluster = "none" }))
    fails("ClientException", "TaskDefinition not found", run "nothing")
    fails("InvalidParameterException", "startedBy", run("job", { startedBy = "with space" }))
    fails("InvalidParameterException", "startedBy", run("job", { startedBy = ("x"):rep(129) }))
    fails("InvalidParameterException", "clientToken", run("job", { clientToken = ("x"):rep(65) }))
    fails("InvalidParameterException", "other", run("job", {
      overrides = { containerOverrides = { { name = "other" } } },
    }))
    fails("InvalidParameterException", "capacity provider", run("job", { launchType = "EC2",
      capacityProviderStrategy = { { capacityProvider = "FARGATE_SPOT" } } }))
  end))

  it("has no room when its slots are taken, or for as often as it is told", task(function()
    define("job", { script = "exec sleep 100" })
    server:knobs { slots = 1, no_capacity = 1 }
    assert.matches("^Capacity is unavailable at this time", assert(run "job").failures[1].reason)
    local arn = start "job"
    local answer = assert(run "job")
    assert.are.same({}, answer.tasks)
    assert.are.equal("RESOURCE:MEMORY", answer.failures[1].reason)
    assert(ecs:StopTask { cluster = CLUSTER, task = arn })
    await(arn, "STOPPED")
    server:knobs { no_capacity = 1, capacity_reason = "AGENT" }
    assert.are.equal("AGENT", assert(run "job").failures[1].reason)
    start "job"
  end))

  it("lets tasks wait forever, fail to start, and be interrupted", task(function()
    define("job", { script = "exec sleep 100" })
    server:knobs { pending = 1 }
    local pending = start "job"
    await(pending, "PENDING")
    server:knobs { fail_starts = 1 }
    assert.matches("^DockerTimeoutError", await(start "job", "STOPPED").containers[1].reason)
    local running = start "job"
    await(running, "RUNNING")
    assert.are.equal("PENDING", describe_task(pending).lastStatus)
    assert(ecs:StopTask { cluster = CLUSTER, task = pending })
    assert.is_nil(await(pending, "STOPPED").containers[1].exitCode)
    server:knobs {
      interrupt = { stopCode = "SpotInterruption", reason = "Your Spot Task was interrupted." },
    }
    assert.are.equal("SpotInterruption", await(running, "STOPPED").stopCode)
    running = start "job"
    await(running, "RUNNING")
    server:knobs {
      interrupt = { stopCode = "TerminationNotice", reason = "Host EC2 terminated.", cut = true },
    }
    assert.is_nil(await(running, "STOPPED").containers[1].exitCode)
  end))

  it("fails calls, for a count or for a time, before or after they are applied", task(function()
    define("job", { script = "exec sleep 100" })
    server:knobs { faults = {
      { operation = "RunTask", count = 1, status = 500, code = "ServerException" },
      { operation = "RunTask", count = 1, status = 400, code = "ClientException",
        message = "ThrottlingException: Rate exceeded" },
      -- one try of it is on a connection that was open
      { operation = "RunTask", count = 2, applied = true, drop = true },
    } }
    fails("ServerException", "", run "job")
    fails("ClientException", "Rate exceeded", run "job")
    assert.are.equal(0, #assert(ecs:ListTasks { cluster = CLUSTER }).taskArns)
    assert.is_nil(run("job", { clientToken = "lost" }))
    assert.are.equal(1, #assert(ecs:ListTasks { cluster = CLUSTER }).taskArns)
    assert.are.equal(assert(ecs:ListTasks { cluster = CLUSTER }).taskArns[1],
      start("job", { clientToken = "lost" }))
    server:knobs {
      faults = { { operation = "*", seconds = 1, status = 400, code = "ThrottlingException" } },
    }
    fails("ThrottlingException", "", ecs:ListTasks { cluster = CLUSTER })
    workshop.eventually(function() return ecs:ListTasks { cluster = CLUSTER } end)
  end))

  it("loses a task, of which nobody knows any more", task(function()
    define("job", { script = "exec sleep 100" })
    local arn = start "job"
    await(arn, "RUNNING")
    server:knobs { lose = arn }
    assert.are.equal("MISSING",
      assert(ecs:DescribeTasks { cluster = CLUSTER, tasks = { arn } }).failures[1].reason)
    assert.are.same({}, assert(ecs:ListTasks { cluster = CLUSTER }).taskArns)
  end))

  describe("sends events", function()
    local sqs, url

    -- The details of the events that came, in their order, until `count` of them are there.
    local function events(count)
      local found = {}
      workshop.eventually(function()
        local answer = assert(sqs:ReceiveMessage {
          QueueUrl = url, MaxNumberOfMessages = 10, WaitTimeSeconds = 1,
        })
        for _, message in ipairs(answer.Messages or {}) do
          found[#found + 1] = cjson.decode(message.Body)
          assert(sqs:DeleteMessage { QueueUrl = url, ReceiptHandle = message.ReceiptHandle })
        end
        return #found >= count
      end)
      return found
    end

    before_each(task(function()
      sqs = server:client "sqs"
      url = assert(sqs:CreateQueue { QueueName = "events" }).QueueUrl
      define("job", { script = "exit 3" })
    end))

    -- EventBridge is not among watchbot's services, but it uses JSON as ECS does: an ECS client
    -- with the other service's names.
    local function events_client()
      local client = server:client "ecs"
      client.service = {
        protocol = "json", content_type = "application/x-amz-json-1.1", target = "AWSEvents",
      }
      client:resolve().service = "events"
      return client
    end

    it("through a rule", task(function()
      local bridge = events_client()
      assert(bridge:PutRule { Name = "ends", EventPattern = cjson.encode {
        source = { "aws.ecs" }, ["detail-type"] = { "ECS Task State Change" },
        detail = { lastStatus = { "STOPPED" } },
      } })
      assert(bridge:PutTargets { Rule = "ends", Targets = {
        { Id = "queue", Arn = "arn:aws:sqs:us-east-1:123456789012:events" },
      } })
      local arn = start("job", { startedBy = "stack/1" })
      local event = events(1)[1]
      assert.are.equal("aws.ecs", event.source)
      assert.are.equal("ECS Task State Change", event["detail-type"])
      assert.are.equal("123456789012", event.account)
      assert.are.equal("us-east-1", event.region)
      assert.matches("^%d+%-%d+%-%d+T%d+:%d+:%d+Z$", event.time)
      assert.are.same({ arn }, event.resources)
      local detail = event.detail
      assert.are.equal(arn, detail.taskArn)
      assert.are.equal("stack/1", detail.startedBy)
      assert.are.equal(3, detail.containers[1].exitCode)
      assert.matches("^%d+%-%d+%-%d+T%d+:%d+:%d+%.%d%d%dZ$", detail.stoppedAt)
      assert.are.equal(describe_task(arn).version, detail.version)
    end))

    it("of every change, to a queue without a rule", task(function()
      server:knobs { event_queue = url }
      start "job"
      local seen, version = {}, 0
      for _, event in ipairs(events(6)) do
        seen[#seen + 1] = event.detail.lastStatus
        assert.is_true(event.detail.version > version)
        version = event.detail.version
      end
      assert.are.same({ "PROVISIONING", "PENDING", "RUNNING", "RUNNING", "DEPROVISIONING",
        "STOPPED" }, seen)
    end))

    it("lost, twice and late", task(function()
      server:knobs { event_queue = url, lose_events = 1 }
      start "job"
      for _, event in ipairs(events(5)) do assert.is_true(event.detail.lastStatus ~= "STOPPED") end
      server:knobs { double_events = 1 }
      start "job"
      local found = events(7)
      assert.are.equal("STOPPED", found[6].detail.lastStatus)
      assert.are.same(found[6], found[7])
      server:knobs { event_delay = 1 }
      local began = scheduler.now()
      await(start "job", "STOPPED")
      events(1)
      assert.is_true(scheduler.now() - began >= 1)
    end))
  end)

  it("tells the calls that were made", task(function()
    define "job"
    start("job", { startedBy = "stack/1" })
    run "nothing"
    local calls = server:calls "RunTask"
    assert.are.equal(2, #calls)
    assert.are.equal("stack/1", calls[1].parameters.startedBy)
    assert.are.equal(200, calls[1].status)
    assert.matches(":task/fleet/", calls[1].answer.tasks[1].taskArn)
    assert.are.equal(400, calls[2].status)
    server:forget_calls()
    assert.are.same({}, server:calls())
    assert.has_error(function() server:knobs { slotz = 1 } end)
  end))

  -- moto hands one message to two receivers when they ask at the same time.
  it("gives a message to one receiver", task(function()
    local sqs = server:client "sqs"
    local url = assert(sqs:CreateQueue { QueueName = "jobs" }).QueueUrl
    local got, receivers = {}, {}
    for index = 1, 4 do
      receivers[index] = scheduler.spawn(function()
        local answer = assert(sqs:ReceiveMessage {
          QueueUrl = url, WaitTimeSeconds = 2, MaxNumberOfMessages = 1,
        })
        for _, message in ipairs(answer.Messages or {}) do got[#got + 1] = message.Body end
      end)
    end
    assert(sqs:SendMessage { QueueUrl = url, MessageBody = "one" })
    assert(sqs:SendMessage { QueueUrl = url, MessageBody = "two" })
    for _, receiver in ipairs(receivers) do receiver:join() end
    table.sort(got)
    assert.are.same({ "one", "two" }, got)
  end))

  -- A zombie has no command line, nor has a process in the middle of its exec.
  local function lives(pid)
    local file <close> = io.open("/proc/" .. pid .. "/cmdline")
    return file ~= nil and file:read "a" ~= ""
  end

  -- A soak of 22,000 tasks ended with "too many open files" in this server.
  it("keeps no descriptor of a task that has stopped", task(function()
    define("job", { script = "echo $PPID" })
    local arns = {}
    for index = 1, 10 do arns[index] = start "job" end
    for _, arn in ipairs(arns) do await(arn, "STOPPED") end
    local events = assert(server:client "logs":FilterLogEvents { logGroupName = GROUP }).events
    local pipes = ("ls -l /proc/%d/fd | grep -c 'pipe:'"):format(events[1].message)
    local before = tonumber(io.popen(pipes):read "l")
    for index = 1, 10 do arns[index] = start "job" end
    for _, arn in ipairs(arns) do await(arn, "STOPPED") end
    workshop.eventually(function() return tonumber(io.popen(pipes):read "l") <= before end,
      "the pipes are closed")
    assert.is_true(before < 10, before)
  end))

  it("leaves no process behind, whether it is closed or killed", task(function()
    for _, way in ipairs { "closed", "killed" } do
      local other = ecs_server.start()
      local client = other:client "ecs"
      local folder <close> = workshop.folder()
      assert(client:CreateCluster { clusterName = CLUSTER })
      assert(client:RegisterTaskDefinition { family = "job", containerDefinitions = { {
        name = "main", image = "worker:1", memory = 16,
        command = {
          "sh", "-c", ("sleep 100 & echo $PPID $$ $! > %s; wait"):format(folder:file "ids"),
        },
      } } })
      assert(client:RunTask { cluster = CLUSTER, taskDefinition = "job" })
      local parent, shell, sleeper =
        workshop.eventually(function() return folder:lines "ids"[1] end):match "(%d+) (%d+) (%d+)"
      workshop.eventually(function() return lives(parent) and lives(shell) and lives(sleeper) end)
      if way == "killed" then assert(os.execute("kill -9 " .. parent)) end
      other:close()
      workshop.eventually(function()
        return not lives(parent) and not lives(shell) and not lives(sleeper)
      end)
    end
  end))
end)
