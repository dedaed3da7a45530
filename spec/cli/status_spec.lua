-- `watchbot status`: of an embedded queue with a watcher at work, of SQS and CloudWatch on moto, of
-- a stack whose tasks run.

local cjson = require "cjson"
local cloud = require "support.cloud"
local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task = workshop.task

local NOBODY = {
  StackName = false, QueueUrl = false, Cluster = false, Service = false, TaskDefinition = false,
}

local function run(folder, arguments, more)
  local variables = {}
  for name, value in pairs(NOBODY) do variables[name] = value end
  for name, value in pairs(more or {}) do variables[name] = value end
  return workshop.run(folder, { "status", table.unpack(arguments) }, variables)
end

local function told(folder, arguments, more)
  arguments[#arguments + 1] = "--json"
  local exit, out, problem = run(folder, arguments, more)
  assert.are.equal(0, exit.code, problem)
  return cjson.decode(out)
end

describe("the status of an embedded queue", function()
  it("tells what waits, what runs, and how old the oldest is, beside a watcher",
    task(function(folder)
    workshop.send(folder, { "a", "b", "c" })
    workshop.send(folder, { "later" }, "--delay", "600")
    local watcher <close> = workshop.start(folder, {
      "run", "--queue", folder:url(), "--", "sleep", "600",
    })
    workshop.eventually(function() return
      told(folder, { "--queue", folder:url() }).in_flight == 1 end, "a running job")
    local found = told(folder, { "--queue", folder:url() })
    assert.are.same({ 2, 1, 1, 0 }, { found.visible, found.in_flight, found.delayed, found.dead })
    assert.is_true(found.oldest > 0 and found.oldest < 600)
    assert.are.equal(0, found.sent)
    local exit, out = run(folder, { "--queue", folder:url() })
    assert.are.equal(0, exit.code)
    assert.matches("waiting +2\nin flight +1\ndelayed +1\noldest +[%d ms]+\ndead letters +0\n", out)
    -- Without a policy's file or version, there is no version to show.
    assert.matches(("\nwatchers +%%S+ %d: %%d of 1 running\n"):format(watcher:pid()), out)
    watcher:kill "KILL"
  end))

  -- During a rolling update nobody could tell which watchers had the new policy.
  it("has the version of the policy of each watcher", task(function(folder)
    workshop.send(folder, { "makes the file" })
    local function start(version)
      local name = ("policy-%s.lua"):format(version)
      folder:write(name, ([[return require "watchbot".policy {
        queue = %q, version = %q, command = "true" }]]):format(folder:url(), version))
      return workshop.start(folder, { "run", name })
    end
    local first <close> = start "2.0"
    local second <close> = start "2.1"
    local children, found = { first, second }, nil
    workshop.eventually(function()
      found = told(folder, { "--queue", folder:url() }).watchers
      return #found == 2
    end, "both are alive")
    local versions = { found[1].policy, found[2].policy }
    table.sort(versions)
    assert.matches("^2%.0@%x+$", versions[1])
    assert.matches("^2%.1@%x+$", versions[2])
    local _, out = run(folder, { "--queue", folder:url() })
    for index, version in ipairs(versions) do
      local pid = children[index]:pid()
      assert.matches((" %d: 0 of 1 running, policy %s\n"):format(pid, version), out)
    end
    for _, child in ipairs(children) do
      child:kill "TERM"
      assert(child:wait(workshop.PATIENCE))
    end
    local _, none = run(folder, { "--queue", folder:url() })
    assert.matches("\nwatchers +none is alive\n", none)
  end))

  it("counts what is sent and done between its two looks", task(function(folder)
    workshop.send(folder, { "first" })
    local status = workshop.start(folder, { "status", "--queue", folder:url(), "--json" }, NOBODY)
    local count = 0
    while not status:wait(0.05) do
      workshop.send(folder, { "more" })
      count = count + 1
    end
    local found = cjson.decode((status:output()))
    assert.is_true(found.sent > 0, count)
    assert.are.equal(0, found.done)
  end))

  it("makes no file, and refuses what is none", task(function(folder)
    local exit, _, problem = run(folder, { "--queue", folder:url "none.db" })
    assert.are.equal(1, exit.code)
    assert.matches("none%.db", problem)
    assert.is_nil(io.open(folder:file "none.db"))
    exit, _, problem = run(folder, {})
    assert.are.equal(2, exit.code)
    assert.matches("status: no queue: give", problem)
    exit, _, problem = run(folder, { "tiles" })
    assert.are.equal(2, exit.code)
    assert.matches("unexpected argument 'tiles'; name a stack with %-%-stack", problem)
  end))
end)

describe("the status of an SQS queue", function()
  local account

  cloud.around(function(made) account = made end)

  local function put(name, metric, values)
    local client, now, data = account:client "cloudwatch", scheduler.time() // 1000, {}
    for index, value in ipairs(values) do
      data[index] = { MetricName = metric, Value = value, Timestamp = now - 60 * index - 30,
        Dimensions = { { Name = "QueueName", Value = name } } }
    end
    assert(client:PutMetricData { Namespace = "AWS/SQS", MetricData = data })
  end

  it("has counts from SQS, rates and age from CloudWatch, and the dead letters of its other queue",
    task(function(folder)
    local url, dead = account:queue { max_receives = 3 }
    local name = url:match "[^/]+$"
    for _ = 1, 3 do assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "m" }) end
    assert(account.sqs:ReceiveMessage { QueueUrl = url })
    assert(account.sqs:SendMessage { QueueUrl = dead, MessageBody = "d" })
    put(name, "ApproximateAgeOfOldestMessage", { 75, 15 })
    put(name, "NumberOfMessagesSent", { 6, 2 })
    put(name, "NumberOfMessagesDeleted", { 12 })
    local found = told(folder, { "--queue", url }, account:environment())
    assert.are.same({ 2, 1, 0, 1 }, { found.visible, found.in_flight, found.delayed, found.dead })
    assert.are.same({ 75, 4, 12 }, { found.oldest, found.sent, found.done })
    local exit, out, problem = run(folder, { "--queue", url }, account:environment())
    assert.are.equal(0, exit.code, problem)
    assert.matches("oldest +1 m 15 s\ndead letters +1\nsent +4.0 a minute\ndone +12 a minute\n",
      out)
  end))

  it("shows what can be shown where a permission is missing, and names its action",
    task(function(folder)
    local url = account:queue()
    local exit, out =
      run(folder, { "--queue", url }, account:environment(account:user "cloudwatch:GetMetricData"))
    assert.are.equal(0, exit.code)
    assert.matches("waiting +0\n", out)
    assert.matches("sent +%? the credentials do not allow 'cloudwatch:GetMetricData'", out)
    assert.matches("dead letters +the queue has no dead%-letter queue\n", out)
    local problem
    exit, out, problem =
      run(folder, { "--queue", url }, account:environment(account:user "sqs:GetQueueAttributes"))
    assert.are.equal("", out)
    assert.are.equal(1, exit.code)
    assert.matches("do not allow 'sqs:GetQueueAttributes'", problem)
  end))
end)

describe("the status of a stack", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  it("tells of the ECS tasks that run, and of the service", task(function(folder)
    local stack = ecs_stack.new(server, folder, "sleep 600")
    stack:define("version", { environment = { { name = "PolicyVersion", value = "2.1.0" } } })
    assert(stack.ecs:CreateService {
      cluster = ecs_stack.CLUSTER, serviceName = "watchers", taskDefinition = "version",
      desiredCount = 0,
    })
    for _ = 1, 2 do
      assert(stack.ecs:RunTask { cluster = ecs_stack.CLUSTER, taskDefinition = "job", count = 1 })
    end
    assert(server:client "cloudformation":CreateStack { StackName = "tiles",
      TemplateBody = cjson.encode {
      Resources = { WatchbotQueue = { Type = "AWS::SQS::Queue" } },
      Outputs = {
        WatchbotQueueUrl = { Value = { Ref = "WatchbotQueue" } },
        ClusterArn = { Value = ecs_stack.CLUSTER },
        WatchbotService = { Value = "watchers" }, WatchbotTaskDefinition = { Value = "job:1" },
      },
    } })
    local found
    workshop.eventually(function()
      found = told(folder, { "--stack", "tiles" }, server:environment())
      return found.tasks == 2
    end, "two running tasks")
    assert.are.same({ desired = 0, running = 0, pending = 0 }, found.service)
    assert.are.equal(0, found.visible)
    local _, out = run(folder, { "--stack", "tiles" }, server:environment())
    assert.matches("service +0 of 0 running\ndeployments +version:1, version 2%.1%.0: "
      .. "0 of 0 running, COMPLETED\ntasks +2 running\n", out)
    for _, arn in ipairs(stack:tasks()) do
      assert(stack.ecs:StopTask { cluster = ecs_stack.CLUSTER, task = arn })
    end
  end))
end)
