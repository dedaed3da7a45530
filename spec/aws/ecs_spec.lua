-- `watchbot run` with ECS tasks: the real program, against a local AWS whose tasks really run.

local cjson = require "cjson"
local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local eventually, outcomes, task = workshop.eventually, ecs_stack.outcomes, workshop.task

local RECORD = 'echo "$Message" >> done; '

-- Ends as the message says when it comes for the first time, and well when it comes again.
local AS_TOLD = RECORD .. '[ $ApproximateReceiveCount -gt 1 ] && exit 0; eval "$Message"'

local function numbered(count, prefix)
  local bodies = {}
  for index = 1, count do bodies[index] = (prefix or "m") .. index end
  return bodies
end

local function once(bodies)
  local counts = {}
  for _, body in ipairs(bodies) do counts[body] = 1 end
  return counts
end

describe("watchbot run with ECS tasks", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local function new(folder, script, ...) return ecs_stack.new(server, folder, script, ...) end

  it("lets the exit code decide", task(function(folder)
    local stack = new(folder, AS_TOLD)
    stack:subscribe()
    local ids = stack:send { "exit 0", "exit 3", "exit 4", "exit 7", "kill -9 $$" }
    local said = stack:drain()
    local function of(body) return outcomes(said[ids[body]]) end
    assert.are.same({ "success" }, of "exit 0")
    assert.are.same({ "failed, removed from queue" }, of "exit 3")
    assert.are.same({ "no-op, will retry", "success" }, of "exit 4")
    assert.are.same({ "failed, will retry", "success" }, of "exit 7")
    assert.are.same({ "failed, will retry", "success" }, of "kill -9 $$")
    assert.are.same({ ["exit 0"] = 1, ["exit 3"] = 1, ["exit 4"] = 2, ["exit 7"] = 2,
      ["kill -9 $$"] = 2 }, stack:done())
    assert.are.equal(0, stack:left())
    local notifications = table.concat(stack:notifications(), "\n")
    for body, is_told in pairs { ["exit 0"] = false, ["exit 3"] = true, ["exit 4"] = false,
      ["exit 7"] = true } do
      assert.are.equal(is_told, notifications:find(ids[body], 1, true) ~= nil, body)
    end
    assert.matches("Task ARN: arn:aws:ecs:us%-east%-1:123456789012:task/fleet/", notifications)
    assert.matches("Instance ARN: arn:aws:ecs:us%-east%-1:123456789012:container%-instance/fleet/",
      notifications)
  end))

  it("gives a task its message, and says who has started it", task(function(folder)
    local stack = new(folder,
      'printf "%s|%s|%s\\n" "$MessageId" "$Message" "$ApproximateReceiveCount" >> seen')
    local id = stack:send({ "hello" }).hello
    stack:drain()
    assert.are.same({ id .. "|hello|1" }, folder:lines "seen")
    assert.are.equal("spec/" .. id, server:calls "RunTask"[1].parameters.startedBy)
  end))

  -- All containers had to agree where the policy names none: a sidecar's end made a success fail.
  it("judges by the container that gets the message, where the policy names none",
    task(function(folder)
    local stack = new(folder, RECORD .. "sleep 0.3; exit 0",
      { name = "side", command = { "sh", "-c", "exit 3" }, essential = false })
    stack:policy 'task = { cluster = "fleet", definition = "job" },'
    local id = stack:send({ "m1" }).m1
    local said = stack:drain()
    assert.are.same({ "success" }, outcomes(said[id]))
    assert.are.same({ m1 = 1 }, stack:done())
  end))

  it("needs no policy in a container that the template has defined", task(function(folder)
    local stack = new(folder, RECORD)
    local id = stack:send({ "m1" }).m1
    local exit, said = stack:finish(stack:watch("--drain", {
      Cluster = ecs_stack.CLUSTER, TaskDefinition = "job", ContainerName = "main",
      Concurrency = "3",
    }))
    assert.are.equal(0, exit.code)
    assert.are.same({ m1 = 1 }, stack:done())
    assert.are.same({ "success" }, outcomes(said[id]))
    assert.are.equal(3, said[""][1].workers)
  end))

  it("takes from that container what RunTask is told besides, and refuses what it does not know",
    task(function(folder)
    local stack = new(folder, RECORD)
    stack:send { "m1" }
    local variables = {
      Cluster = ecs_stack.CLUSTER, TaskDefinition = "job", ContainerName = "main",
      TaskOptions = '{"launchType":"FARGATE",'
        .. '"networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-1"]}}}',
    }
    assert.are.equal(0, stack:finish(stack:watch("--drain", variables)).code)
    local parameters = server:calls "RunTask"[1].parameters
    assert.are.equal("FARGATE", parameters.launchType)
    assert.are.same({ "subnet-1" }, parameters.networkConfiguration.awsvpcConfiguration.subnets)
    for text, problem in pairs {
      ['{"lunchType":"FARGATE"}'] = "unknown name 'lunchType'; did you mean 'launchType'%?",
      ["FARGATE"] = "expected a JSON object, got 'FARGATE'",
    } do
      variables.TaskOptions = text
      local watcher = stack:watch("--drain", variables)
      assert.are.equal(2, watcher:wait(workshop.PATIENCE).code)
      assert.matches("environment variable 'TaskOptions': " .. problem, select(2, watcher:output()))
    end
  end))

  it("takes a task that the policy makes for each job, and stops one that takes too long",
    task(function(folder)
    local stack = new(folder, RECORD .. "sleep 0.1")
    stack:policy [[timeout = 5, task = function(job)
      return { cluster = "fleet", definition = "job", container = "main",
        command = job.message == "long" and { "sh", "-c",
          "echo long >> done; [ $ApproximateReceiveCount -gt 1 ] || sleep 600" } or nil }
    end,]]
    local ids = stack:send { "long", "short" }
    local said = stack:drain()
    assert.are.same({ "success" }, outcomes(said[ids.short]))
    assert.are.same({ "failed, will retry", "success" }, outcomes(said[ids.long]))
    assert.are.same({ long = 2, short = 1 }, stack:done())
    local reason
    for _, line in ipairs(said[ids.long]) do reason = reason or line.reason end
    assert.are.equal("timed out after 5 s", reason)
  end))

  it("says how busy it is", task(function(folder)
    local stack = new(folder, RECORD .. "sleep 600")
    stack:policy "status = 0.2, on_stop = 'stop',"
    stack:send { "m1" }
    local watcher = stack:watch()
    local line = '{"max":20,"concurrency":1,"messages":0,"pending":0,"held":0,"policy":'
    eventually(function() return watcher:output():find(line, 1, true) end,
      "a line about one task that runs")
    watcher:kill "TERM"
    assert.are.equal(0, stack:finish(watcher).code)
  end))

  it("takes 300 messages through 20 workers", task(function(folder)
    local stack = new(folder, RECORD)
    local bodies = numbered(300)
    stack:send(bodies)
    stack:drain()
    assert.are.same(once(bodies), stack:done())
    assert.are.equal(300, #server:calls "RunTask")
    assert.are.equal(0, stack:left())
    assert.is_true(#server:calls "DescribeTasks" < 150, #server:calls "DescribeTasks")
  end))

  -- It was deleted, with a log line as all that was left.
  it("moves a message that does not fit to the dead-letter queue, and the others run",
    task(function(folder)
    local stack = new(folder, RECORD)
    local big = ("x"):rep(9000)
    local dead = assert(stack.sqs:CreateQueue { QueueName = "dead" }).QueueUrl
    assert(stack.sqs:SetQueueAttributes { QueueUrl = stack.queue,
      Attributes = { RedrivePolicy = cjson.encode {
      deadLetterTargetArn = "arn:aws:sqs:us-east-1:123456789012:dead", maxReceiveCount = 100,
    } } })
    stack:send { big, "small" }
    stack:drain()
    local letters = assert(stack.sqs:ReceiveMessage { QueueUrl = dead,
      MessageAttributeNames = { "All" } }).Messages
    assert.are.equal(1, #letters)
    assert.are.equal(big, letters[1].Body)
    assert.matches("8192 are allowed", cjson.encode(letters[1].MessageAttributes))
    assert.are.same({ small = 1 }, stack:done())
    assert.are.equal(1, #server:calls "RunTask")
  end))

  -- The environment of the policy was taken for an oversized message: six messages of 11 bytes were
  -- deleted.
  it("refuses an environment that fits no task when it starts", task(function(folder)
    local stack = new(folder, RECORD)
    stack:policy 'env = { CONFIG = ("x"):rep(8200) },'
    stack:send { "m1" }
    local watcher = stack:watch "--drain"
    assert.are_not.equal(0, watcher:wait(workshop.PATIENCE).code)
    local log, problem = watcher:output()
    assert.matches("shorten 'env'", log .. problem)
    assert.are.equal(1, stack:left())
  end))

  it("or keeps all messages where a hook makes it, and takes no more of them", task(function(folder)
    local stack = new(folder, RECORD)
    stack:policy ""
    folder:write("policy.lua", table.concat(folder:lines "policy.lua", "\n"):gsub("return policy",
      "function policy:environment(job) return { MessageId = job.id, CONFIG = ('x'):rep(8200) } "
        .. "end\nreturn policy"))
    stack:send(numbered(6))
    local watcher = stack:watch()
    eventually(function() return watcher:output():find("no task can be started", 1, true) end)
    watcher:kill "TERM"
    stack:finish(watcher)
    assert.are.equal(6, stack:left())
    assert.are.equal(0, #server:calls "RunTask")
  end))

  describe("where there is no room", function()
    it("holds the message, and no attempt is lost", task(function(folder)
      local stack = new(folder, 'echo "$Message $ApproximateReceiveCount" >> done; sleep 1')
      server:knobs { slots = 2, no_capacity = 2 }
      local ids = stack:send(numbered(6))
      local said, log = stack:drain()
      assert.are.same(once { "m1 1", "m2 1", "m3 1", "m4 1", "m5 1", "m6 1" }, stack:done())
      assert.matches('"failedPlacement":"true","reason":"RESOURCE:MEMORY"', log)
      assert.matches('"failedPlacement":"true","reason":"Capacity is unavailable', log)
      for _, id in pairs(ids) do assert.are.same({ "success" }, outcomes(said[id])) end
      assert.is_true(#server:calls "RunTask" < 100, #server:calls "RunTask")
    end))

    it("does not delete what ECS cannot start, and tells nobody", task(function(folder)
      local stack = new(folder, RECORD)
      stack:subscribe()
      stack:define("job", { image = "missing:1", command = { "true" } })
      stack:send { "m1" }
      local watcher = stack:watch()
      eventually(function() return #server:calls "RunTask" >= 2 end)
      watcher:kill "TERM"
      local exit, _, log = stack:finish(watcher)
      assert.are.equal(0, exit.code)
      assert.matches("CannotPullContainerError", log)
      assert.are.equal(1, stack:left())
      assert.are.same({}, stack:notifications())
    end))

    it("stops a task that stays pending, and returns its message", task(function(folder)
      local stack = new(folder, RECORD)
      stack:policy "pending_timeout = 5,"
      server:knobs { pending = 1 }
      local id = stack:send({ "m1" }).m1
      local said = stack:drain()
      assert.are.same({ "no-op, will retry", "success" }, outcomes(said[id]))
      assert.are.equal(1, #server:calls "StopTask")
      assert.are.same({ m1 = 1 }, stack:done())
    end))
  end)

  describe("when calls fail", function()
    it("starts one task though RunTask's answers are lost", task(function(folder)
      for _, fault in ipairs { { drop = true }, { status = 500 } } do
        local stack = new(folder, RECORD)
        fault.operation, fault.count, fault.applied = "RunTask", 6, true
        server:knobs { faults = { fault } }
        stack:send { "m1" }
        stack:drain()
        assert.are.same({ m1 = 1 }, stack:done())
        os.remove(folder:file "done")
      end
    end))

    it("slows down while it is throttled, and recovers", task(function(folder)
      local stack = new(folder, RECORD)
      server:knobs { faults = {
        { operation = "*", seconds = 6, status = 400, code = "ThrottlingException",
        message = "Rate exceeded" },
        { operation = "RunTask", count = 3, status = 400, code = "ClientException",
          message = "Tasks cannot be started: ThrottlingException: Rate exceeded" },
      } }
      local bodies = numbered(20)
      stack:send(bodies)
      stack:drain()
      assert.are.same(once(bodies), stack:done())
      local refused = 0
      for _, call in ipairs(server:calls "RunTask") do
        if call.status == 400 then refused = refused + 1 end
      end
      assert.is_true(refused < 150, refused)
    end))

    it("does without the permission to find the tasks of a watcher that died, and says so once",
      task(function(folder)
      local stack = new(folder, RECORD)
      server:knobs { faults = { { operation = "ListTasks", count = 1000, status = 400,
        code = "AccessDeniedException" } } }
      local bodies = numbered(3)
      stack:send(bodies)
      stack:receive_and_return(#bodies)
      local said = stack:drain()
      assert.are.same(once(bodies), stack:done())
      local told = {}
      for _, line in ipairs(said[""]) do
        told[#told + 1] = line.where == "ListTasks" and line.error or nil
      end
      assert.are.equal(1, #told)
      assert.matches("the credentials do not allow 'ecs:ListTasks'.*their messages run again",
        told[1])
    end))

    -- A passing failure of the look was "no earlier task": each running task was started a second
    -- time.
    it("runs nothing twice though the look for earlier tasks fails for a while",
      task(function(folder)
      for _, operation in ipairs { "ListTasks", "DescribeTasks" } do
        local stack = new(folder, RECORD .. "sleep 16")
        stack:send(numbered(10))
        local watcher = stack:watch()
        eventually(function() return #folder:lines "done" == 10 end)
        watcher:kill "KILL"
        watcher:wait()
        server:knobs { faults = { { operation = operation, seconds = 10, status = 400,
          code = "ThrottlingException",
          message = "Rate exceeded" } } }
        stack:drain()
        assert.are.same(once(numbered(10)), stack:done())
        assert.are.equal(10, #server:calls "RunTask")
        os.remove(folder:file "done")
      end
    end))

    -- AWS has more texts for "no room" than the four that were known: receives were spent, the
    -- breaker opened.
    it("holds the message whatever the words for no room", task(function(folder)
      local stack = new(folder, 'echo "$Message $ApproximateReceiveCount" >> done')
      server:knobs { no_capacity = 1, capacity_reason = "EMPTY CAPACITY PROVIDER", faults = {
        { operation = "RunTask", count = 1, status = 400, code = "InvalidParameterException",
          message = "No Container Instances were found in your cluster." },
        { operation = "RunTask", count = 1, status = 400, code = "ClientException",
          message = "You've reached the limit on the number of tasks you can run concurrently" },
      } }
      local id = stack:send({ "m1" }).m1
      local said, log = stack:drain()
      assert.are.same({ ["m1 1"] = 1 }, stack:done())
      assert.are.same({ "success" }, outcomes(said[id]), log)
      for _, text in ipairs { "No Container Instances", "reached the limit", "EMPTY CAPACITY" } do
        assert.matches('"failedPlacement":"true","reason":"[^"]*' .. text, log)
      end
    end))

    -- Denied, or the cluster gone: slot and message were kept with heartbeats for up to 12 hours.
    it("gives up a task whose end cannot be known, after the same bound", task(function(folder)
      local stack = new(folder, RECORD .. "[ $ApproximateReceiveCount -gt 1 ] || exec sleep 100")
      stack:policy "lost_after = 1,"
      local id = stack:send({ "m1" }).m1
      server:knobs { faults = { { operation = "DescribeTasks", seconds = 600, status = 400,
        code = "AccessDeniedException", message = "not authorized" } } }
      local watcher = stack:watch()
      eventually(function()
        return watcher:output():find("ecs:DescribeTasks", 1, true)
          and #ecs_stack.said(watcher:output())[id] >= 2
      end, "it is given up")
      watcher:kill "TERM"
      stack:finish(watcher)
      assert.are.equal(1, stack:left())
    end))

    it("returns the message of a task that ECS has lost", task(function(folder)
      local stack = new(folder, RECORD .. "[ $ApproximateReceiveCount -gt 1 ] || exec sleep 100")
      stack:policy "lost_after = 1,"
      local id = stack:send({ "m1" }).m1
      local watcher = stack:watch "--drain"
      eventually(function() return stack:done().m1 end)
      server:knobs { lose = true }
      local exit, said = stack:finish(watcher)
      assert.are.equal(0, exit.code)
      assert.are.same({ "no-op, will retry", "success" }, outcomes(said[id]))
    end))
  end)

  it("returns the message of a task whose machine goes away, and tells nobody",
    task(function(folder)
    for _, cut in ipairs { false, true } do
      local stack = new(folder, RECORD .. "[ $ApproximateReceiveCount -gt 1 ] || exec sleep 100")
      stack:subscribe()
      local id = stack:send({ "m1" }).m1
      local watcher = stack:watch "--drain"
      eventually(function() return stack:done().m1 end)
      server:knobs { interrupt = {
        stopCode = cut and "TerminationNotice" or "SpotInterruption",
        reason = "Your Spot Task was interrupted.", cut = cut,
      } }
      local _, said = stack:finish(watcher)
      assert.are.same({ "no-op, will retry", "success" }, outcomes(said[id]))
      assert.are.same({}, stack:notifications())
      local sum = said[""][#said[""]]
      assert.are.same({ "stopped", 1, 1, 0 }, { sum.event, sum.complete, sum.blameless,
        sum.release })
      os.remove(folder:file "done")
    end
  end))

  describe("told by events", function()
    it("asks little, and copes with events that come twice and late", task(function(folder)
      local stack = new(folder, RECORD)
      stack:listen()
      server:knobs { double_events = 10, event_delay = 1 }
      local bodies = numbered(40)
      stack:send(bodies)
      stack:drain()
      assert.are.same(once(bodies), stack:done())
      assert.are.equal(40, #server:calls "RunTask")
      assert.is_true(#server:calls "DescribeTasks" <= 4, #server:calls "DescribeTasks")
    end))

    -- It takes a minute: so seldom are tasks asked for when there are events.
    it("misses nothing when events are lost", task(function(folder)
      local stack = new(folder, RECORD)
      stack:listen()
      server:knobs { lose_events = 5 }
      local bodies = numbered(10)
      stack:send(bodies)
      stack:drain()
      assert.are.same(once(bodies), stack:done())
      assert.are.equal(10, #server:calls "RunTask")
    end))
  end)

  describe("survives", function()
    -- Some tasks end before their message comes back, some later.
    local MIXED = RECORD .. "case $Message in short*) sleep 1 ;; *) sleep 8 ;; esac"

    local function all()
      local bodies = numbered(5, "short")
      return table.move(numbered(5, "long"), 1, 5, 6, bodies)
    end

    for _, events in ipairs { false, true } do
      it("kill -9" .. (events and ", with events" or ""), task(function(folder)
        local stack = new(folder, MIXED)
        if events then stack:listen() end
        stack:send(all())
        local watcher = stack:watch()
        eventually(function() return #folder:lines "done" == 10 end)
        watcher:kill "KILL"
        watcher:wait()
        stack:drain()
        assert.are.same(once(all()), stack:done())
        assert.are.equal(10, #server:calls "RunTask")
        assert.are.equal(0, stack:left())
      end))
    end

    -- ECS lists a task whose containers have ended, but that is not STOPPED yet, neither as running
    -- nor with its exit code.
    it("kill -9 while tasks are ending", task(function(folder)
      local stack = new(folder, RECORD)
      stack:policy "visibility = 4,"
      server:knobs { stop_delay = 10 }
      stack:send(numbered(3))
      local watcher = stack:watch()
      eventually(function() return #folder:lines "done" == 3 end)
      watcher:kill "KILL"
      watcher:wait()
      stack:drain()
      assert.are.same(once(numbered(3)), stack:done())
      assert.are.equal(3, #server:calls "RunTask")
    end))

    it("the death of one of two watchers", task(function(folder)
      local stack = new(folder, MIXED)
      stack:policy "workers = 6,"
      stack:listen()
      local first, second = stack:watch(), stack:watch()
      stack:send(all())
      eventually(function() return #folder:lines "done" == 10 end)
      first:kill "KILL"
      first:wait()
      eventually(function() return stack:left() == 0 end)
      second:kill "TERM"
      assert.are.equal(0, stack:finish(second).code)
      assert.are.same(once(all()), stack:done())
      assert.are.equal(10, #server:calls "RunTask")
    end))
  end)

  describe("on SIGTERM", function()
    local SLOW = RECORD .. "sleep 8; echo ended >> done"

    local function stopped(stack, on_stop)
      stack:policy(("on_stop = %q, handover = 2,"):format(on_stop))
      stack:send { "m1" }
      local watcher = stack:watch()
      eventually(function() return stack:done().m1 end)
      workshop.live(1.5) -- the watcher has seen that it runs
      watcher:kill "TERM"
      local began = scheduler.now()
      assert.are.equal(0, stack:finish(watcher).code)
      return scheduler.now() - began
    end

    it("leaves its tasks running, for the next watcher", task(function(folder)
      local stack = new(folder, SLOW)
      stopped(stack, "leave")
      assert.are.equal(1, #stack:tasks())
      assert.are.equal(1, stack:left())
      stack:drain()
      assert.are.same({ m1 = 1, ended = 1 }, stack:done())
      assert.are.equal(1, #server:calls "RunTask")
      assert.are.equal(0, #server:calls "StopTask")
    end))

    -- The next watcher once gave a task it had found the whole of its timeout again.
    it("and the time of a task that it finds goes on from its start", task(function(folder)
      local stack = new(folder, RECORD .. "[ $ApproximateReceiveCount -gt 1 ] || sleep 600")
      stack:policy "timeout = 30, handover = 1,"
      stack:send { "m1" }
      local watcher = stack:watch()
      eventually(function() return stack:done().m1 end, "the task runs")
      scheduler.sleep(15)
      watcher:kill "TERM"
      stack:finish(watcher)
      stack:drain()
      local found, stopped_at = server:calls "ListTasks"[1].at, server:calls "StopTask"[1].at
      assert.is_true(stopped_at - found < 28, "stopped " .. stopped_at - found
        .. " s after it was found")
    end))

    it("or lets them finish", task(function(folder)
      local stack = new(folder, SLOW)
      stopped(stack, "drain")
      assert.are.same({ m1 = 1, ended = 1 }, stack:done())
      assert.are.equal(0, stack:left())
    end))

    it("or stops them and returns their messages", task(function(folder)
      local stack = new(folder, SLOW)
      stopped(stack, "stop")
      assert.are.same({ m1 = 1 }, stack:done())
      assert.are.same({}, stack:tasks())
      assert.are.equal("1", assert(stack.sqs:GetQueueAttributes {
        QueueUrl = stack.queue, AttributeNames = { "All" },
      }).Attributes.ApproximateNumberOfMessages)
    end))

    local function stopping(folder, knobs)
      local stack = new(folder, RECORD .. "exec sleep 600")
      stack:policy "on_stop = 'stop', handover = 2,"
      stack:send { "m1" }
      local watcher = stack:watch()
      eventually(function() return stack:done().m1 end)
      server:knobs(knobs)
      watcher:kill "TERM"
      eventually(function() return #server:calls "StopTask" > 0 end)
      return stack, watcher
    end

    -- It went on asking for two minutes, while the container of the watcher was killed after 20 s.
    it("leaves a task that it may not stop to the next watcher", task(function(folder)
      local stack, watcher = stopping(folder, { faults = { {
        operation = "StopTask", count = 1000, status = 400, code = "AccessDeniedException",
        message = "not authorized to perform: ecs:StopTask",
      } } })
      local exit, _, log = stack:finish(watcher)
      assert.are.equal(0, exit.code)
      assert.matches("could not be stopped and runs on", log, 1, true)
      assert.are.equal(1, #stack:tasks())
      assert.are.equal(1, stack:left())
    end))

    -- A second signal changed nothing, once tasks were being stopped.
    it("leaves what does not stop at a second signal", task(function(folder)
      local stack, watcher = stopping(folder, { stop_delay = 1000 })
      watcher:kill "TERM"
      local exit, _, log = stack:finish(watcher)
      assert.are.equal(0, exit.code)
      assert.matches('"event":"left to the next watcher"', log, 1, true)
      assert.are.equal(1, stack:left())
    end))
  end)
end)
