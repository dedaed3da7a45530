-- `watchbot jobs` on SQS: what the log and the ECS tasks of a stack say of a message.

local cjson = require "cjson"
local cloud = require "support.cloud"
local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task = workshop.task

local ID = "e2c045cc-5606-4950-964b-20877900bccb"

local function text_line(category, text)
  return ("[Thu, 28 Jul 2016 00:12:37 GMT] [%s] [%s] %s\n"):format(category, ID, text)
end

local LOG = {
  text_line("watcher", '{"subject":"s","message":"m","receives":1}'),
  text_line("worker", "begun"), text_line("worker", '{"outcome":"forged"}'),
  text_line("watcher", '{"outcome":"retry","code":7,"duration":2000,"cpu":12}'),
  text_line("watcher", '{"subject":"s","message":"m","receives":2}'),
  text_line("worker", "again"), text_line("watcher", '{"outcome":"complete","code":0}'),
}

describe("watchbot jobs on SQS", function()
  local account

  cloud.around(function(made) account = made end)

  local function run(folder, arguments, more)
    local variables = account:environment()
    variables.StackName, variables.LogGroup, variables.QueueUrl = false, false, false
    for name, value in pairs(more or {}) do variables[name] = value end
    local exit, out, problem = workshop.run(folder, { "jobs", table.unpack(arguments) }, variables)
    return exit.code, out, problem
  end

  it("says what is not available there, and what is", task(function(folder)
    local url = account:queue()
    for name, words in pairs {
      list = "SQS cannot list its messages: see watchbot status", retry = "on SQS only the watcher "
        .. "that has received a message",
    } do
      local arguments = { name, "--queue", url, name == "retry" and "id" or nil }
      local code, out, problem = run(folder, arguments)
      assert.are.same({ 1, "" }, { code, out })
      assert.is_truthy(problem:find(words, 1, true), problem)
    end
    local code, out, problem = run(folder, { "cancel", "--queue", url, "an-id" })
    assert.are.same({ 1, "" }, { code, out })
    assert.matches("no ECS task of this stack runs for 'an%-id': on SQS, a message that waits",
      problem)
    code, out, problem = run(folder, { "show", "--queue", url, "an-id" })
    assert.are.same({ 1, "" }, { code, out })
    assert.matches("no log group: give %-%-stack NAME or %-%-log%-group", problem)
  end))

  it("shows a message from the log", task(function(folder)
    local group = account:name "group"
    assert(account.logs:CreateLogGroup { logGroupName = group })
    assert(account.logs:CreateLogStream { logGroupName = group, logStreamName = "s" })
    local events, now = {}, scheduler.time()
    for index, line in ipairs(LOG) do
      events[index] = { timestamp = now - 60000 + 1000 * index, message = line }
    end
    assert(account.logs:PutLogEvents {
      logGroupName = group, logStreamName = "s", logEvents = events,
    })
    local url = account:queue()
    local code, out, problem = run(folder, { "show", "--queue", url, "--log-group", group, ID })
    assert.are.equal(0, code, problem)
    assert.matches(
      "\nattempt 1: retry, exit code 7, after 3.0 s\n  ended %S+, CPU 12 ms\n    begun\n", out)
    assert.matches("\nattempt 2: complete, after 2.0 s\n", out)
    assert.matches("SQS itself cannot be asked about a message", problem)
    code, out = run(folder, { "show", "--queue", url, "--log-group", group, ID, "--json" })
    assert.are.equal(0, code)
    assert.are.equal(2, #cjson.decode(out).attempts)
    code, out, problem = run(folder, { "show", "--queue", url, "--log-group", group, "other" })
    assert.are.same({ 1, "" }, { code, out })
    assert.matches("the log has nothing of the message 'other' since", problem)
  end))
end)

describe("a message of SQS that runs as an ECS task", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  -- The watcher has the receipt handle: it removes the message when it sees why its task ended.
  it("is shown, and cancelled through its task", task(function(folder)
    local stack = ecs_stack.new(server, folder, "echo $MessageId > began; sleep 600")
    assert(server:client "cloudformation":CreateStack { StackName = "tiles",
      TemplateBody = cjson.encode {
      Resources = { WatchbotQueue = { Type = "AWS::SQS::Queue" } },
      Outputs = {
        WatchbotQueueUrl = { Value = stack.queue }, ClusterArn = { Value = ecs_stack.CLUSTER },
        WatchbotTaskDefinition = { Value = "job:1" },
      },
    } })
    local id = stack:send({ "long" }).long
    local watcher = stack:watch()
    workshop.eventually(function() return folder:read "began" ~= "" end, "the task runs")
    local variables = server:environment()
    variables.QueueUrl, variables.LogGroup = false, false
    local exit, out, problem = workshop.run(folder, { "jobs", "cancel", "--stack", "tiles", id },
      variables)
    assert.are.equal(0, exit.code, problem)
    assert.matches("its task %S+ is stopped, and then its watcher removes it", out)
    workshop.eventually(function() return stack:left() == 0 end, "the message is gone")
    watcher:kill "TERM"
    local _, said, log = stack:finish(watcher)
    assert.are.same({ "cancelled, removed from queue" }, ecs_stack.outcomes(said[id]), log)
  end))
end)
