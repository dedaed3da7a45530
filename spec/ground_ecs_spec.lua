-- What ECS of the specs' own AWS is strict about, as AWS is and emulators are not: tokens, rates,
-- regions, permissions, and what is shown how long.

local cloud = require "support.cloud"
local ecs_server = require "support.ecs_server"
local workshop = require "support.workshop"

local eventually, task = workshop.eventually, workshop.task

describe("the specs' own ECS", function()
  local server, ecs

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local function define(more)
    local asked = { family = "job", containerDefinitions = { {
      name = "main", image = "worker:1", memory = 16, command = { "true" },
    } } }
    for name, value in pairs(more or {}) do asked[name] = value end
    assert(ecs:RegisterTaskDefinition(asked))
  end

  before_each(task(function()
    server:reset()
    ecs = server:client "ecs"
    assert(ecs:CreateCluster { clusterName = "fleet" })
    define()
  end))

  local function run(more)
    local asked = { cluster = "fleet", taskDefinition = "job" }
    for name, value in pairs(more or {}) do asked[name] = value end
    local answer, err, code = ecs:RunTask(asked)
    return answer and answer.tasks[1], err, code
  end

  local function await_end(arn)
    return eventually(function()
      local told = assert(ecs:DescribeTasks { cluster = "fleet", tasks = { arn } }).tasks[1]
      return told and told.lastStatus == "STOPPED" and told
    end, "the task has stopped")
  end

  it("remembers a token for a day, and names the tasks of a conflict", task(function()
    local first = run { clientToken = "t" }.taskArn
    await_end(first)
    assert.are.equal(first, run { clientToken = "t" }.taskArn)
    run { clientToken = "t", startedBy = "other" }
    local calls = server:calls "RunTask"
    assert.are.same({ first }, calls[#calls].answer.resourceIds)
    assert.matches("ConflictException", calls[#calls].answer.__type)
    server:knobs { token_life = 0 }
    assert.are_not.equal(first, run { clientToken = "t" }.taskArn)
  end))

  it("throttles ListTasks by a bucket of 100, filled with 20 a second", task(function()
    local answered, err, code = 0, nil, nil
    for _ = 1, 400 do
      local answer
      answer, err, code = ecs:ListTasks { cluster = "fleet" }
      if not answer then break end
      answered = answered + 1
    end
    assert.is_true(answered >= 100, answered)
    assert.are.equal("ThrottlingException", code)
    assert.matches("Rate exceeded", err)
    eventually(function() return ecs:ListTasks { cluster = "fleet" } end, "the bucket is filled")
  end))

  it("shows a stopped task for an hour, in both calls", task(function()
    local arn = run().taskArn
    await_end(arn)
    local function listed()
      return assert(ecs:ListTasks { cluster = "fleet", desiredStatus = "STOPPED" }).taskArns
    end
    assert.are.same({ arn }, listed())
    server:knobs { stopped_for = 0 }
    assert.are.same({}, listed())
    assert.are.equal("MISSING", assert(ecs:DescribeTasks { cluster = "fleet",
      tasks = { arn } }).failures[1].reason)
  end))

  it("knows a cluster by its name in its region only, and ARNs of that region", task(function()
    local elsewhere = server:client("ecs", { region = "eu-west-1" })
    local _, _, code = elsewhere:ListTasks { cluster = "fleet" }
    assert.are.equal("ClusterNotFoundException", code)
    local err
    _, err, code = elsewhere:ListTasks {
      cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/fleet",
    }
    assert.are.equal("InvalidParameterException", code)
    assert.matches("Invalid Region in ARN", err)
    assert(ecs:CreateCluster { clusterName = "second" })
    local arn = run().taskArn
    _, err, code = ecs:DescribeTasks { cluster = "second", tasks = { arn } }
    assert.are.equal("InvalidParameterException", code)
    assert.matches("Identifier is for cluster fleet. Your cluster is second", err)
  end))

  it("has null for what is absent, and may leave it out", task(function()
    local arn = run { startedBy = "stack" }.taskArn
    await_end(arn)
    local function raw(nulls)
      server:knobs { nulls = nulls }
      assert(ecs:DescribeTasks { cluster = "fleet", tasks = { arn } })
      local calls = server:calls "DescribeTasks"
      return calls[#calls].answer.tasks[1]
    end
    -- Both are the same to a client.
    assert.are.same(raw(true), raw(false))
  end))

  -- RunTask's refusals, each by its words.
  it("says in AWS's words what is not allowed, and whose role may not be passed", task(function()
    local account = cloud.of(server)
    account.region = ecs_server.REGION
    local function refused(action, implicitly)
      local denied = server:client("ecs", { credentials = account:user(action, implicitly) })
      local _, err, code = denied:RunTask { cluster = "fleet", taskDefinition = "job" }
      assert.are.equal("AccessDeniedException", code)
      return err
    end
    local words = "is not authorized to perform: ecs:RunTask on resource: "
      .. "arn:aws:ecs:us-east-1:123456789012:task-definition/job "
    assert.matches(words .. "with an explicit deny in an identity-based policy",
      refused "ecs:RunTask", 1, true)
    assert.matches(words .. "because no identity-based policy allows the ecs:RunTask action",
      refused("ecs:RunTask", true), 1, true)
    define { taskRoleArn = "arn:aws:iam::123456789012:role/worker" }
    assert.matches("iam:PassRole on resource: arn:aws:iam::123456789012:role/worker because",
      refused("iam:PassRole", true), 1, true)
  end))

  it("does not start a task whose log group is missing", task(function()
    define { containerDefinitions = { {
      name = "main", image = "worker:1", memory = 16, command = { "true" }, logConfiguration = {
        logDriver = "awslogs", options = { ["awslogs-group"] = "none" },
      },
    } } }
    local told = await_end(run().taskArn)
    assert.are.equal("TaskFailedToStart", told.stopCode)
    assert.matches("The specified log group does not exist", told.containers[1].reason)
  end))

  -- A deploy of 600 running tasks: each was asked for by itself, ListTasks was throttled, and 78 of
  -- them ran twice in the first minute.
  it("lets a new watcher find all of many running tasks, with few calls", task(function(folder)
    define { containerDefinitions = { {
      name = "main", image = "worker:1", memory = 16, workingDirectory = folder.path,
      command = { "sh", "-c", 'echo "$Message" >> done; while [ ! -e go ]; do sleep 0.2; done' },
    } } }
    local sqs = server:client "sqs"
    local url = assert(sqs:CreateQueue { QueueName = "jobs" }).QueueUrl
    for index = 1, 120, 10 do
      local entries = {}
      for one = index, index + 9 do
        entries[#entries + 1] = { Id = tostring(one), MessageBody = "m" .. one }
      end
      assert(sqs:SendMessageBatch { QueueUrl = url, Entries = entries })
    end
    folder:write("policy.lua", ([[return require "watchbot".policy { queue = %q, workers = 200,
      task = { cluster = "fleet", definition = "job" }, visibility = 3 }]]):format(url))
    local variables = server:environment()
    local first = workshop.start(folder, { "run", "policy.lua" }, variables)
    eventually(function() return #folder:lines "done" == 120 end, "all run")
    first:kill "KILL"
    first:wait()
    server:knobs { rates = { ListTasks = { 20, 4 }, DescribeTasks = { 20, 4 } } }
    local second = workshop.start(folder, { "run", "--drain", "policy.lua" }, variables)
    eventually(function() return #server:calls "ListTasks" > 0 end, "it looks for them")
    folder:write("go", "")
    local exit = assert(second:wait(workshop.PATIENCE), "the watcher did not end")
    assert.are.equal(0, exit.code)
    assert.are.equal(120, #folder:lines "done")
    assert.are.equal(120, #server:calls "RunTask")
  end))
end)
