-- One watcher whose queues have ECS tasks, and one that has a process: no spec had seen the tasks
-- of two queues in one watcher.

local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local workshop = require "support.workshop"

local eventually, task = workshop.eventually, workshop.task

-- The second queue has another task definition, the third a process.
local POLICY = [[
  local watchbot = require "watchbot"
  local policy = watchbot.policy {
    queues = {
      { %q, weight = 2 },
      { %q, task = { cluster = "fleet", definition = %q, container = "main" } },
      { "sqlite:local.db", command = 'echo "local $Message $QueueUrl" >> done' },
    },
    task = { cluster = "fleet", definition = "job", container = "main" },
    workers = 12, placements = 100, visibility = 5,
  }
  function policy:backoff() return 0 end
  return policy
]]

describe("a watcher of several queues with ECS tasks", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local function stack_of(folder, script, definition)
    local stack = ecs_stack.new(server, folder, script)
    stack:define("other", { command = { "sh", "-c", "echo other; " .. script },
      environment = { { name = "Kind", value = "other" } } })
    stack.second = assert(stack.sqs:CreateQueue { QueueName = "second" }).QueueUrl
    folder:write("policy.lua", POLICY:format(stack.queue, stack.second, definition or "other"))
    return stack
  end

  local function send(stack, folder, count)
    for index = 1, count do
      assert(stack.sqs:SendMessage { QueueUrl = stack.queue, MessageBody = "a" .. index })
      assert(stack.sqs:SendMessage { QueueUrl = stack.second, MessageBody = "b" .. index })
      workshop.send(folder, { "c" .. index }, "--queue", folder:url "local.db")
    end
  end

  local function left(stack)
    local sum, queue = 0, stack.queue
    for _, url in ipairs { queue, stack.second } do
      stack.queue = url
      sum = sum + stack:left()
    end
    stack.queue = queue
    return sum
  end

  -- $QueueUrl would stand for one of them.
  local function watch(stack) return stack:watch(nil, nil, { QueueUrl = false }) end

  local function stop(stack, watcher)
    watcher:kill "TERM"
    return stack:finish(watcher)
  end

  it("starts the tasks of each queue, and tells them which it is", task(function(folder)
    local stack = stack_of(folder, 'echo "${Kind-job} $Message $QueueUrl" >> done')
    send(stack, folder, 2)
    local watcher = watch(stack)
    eventually(function() return #folder:lines "done" == 6 and left(stack) == 0 end, "all are done")
    local exit, _, log = stop(stack, watcher)
    assert.are.equal(0, exit.code, log)
    local lines, file = folder:lines "done", folder:url "local.db"
    table.sort(lines)
    assert.are.same({
      "job a1 " .. stack.queue, "job a2 " .. stack.queue, "local c1 " .. file,
      "local c2 " .. file, "other b1 " .. stack.second, "other b2 " .. stack.second,
    }, lines)
    for _, name in ipairs { "jobs", "second" } do
      assert.matches(('{"queue":"%s","outcome":"success"'):format(name), log, 1, true)
    end
  end))

  -- A message must not run twice because its watcher was killed: the next one finds its task.
  it("finds the running tasks of all of them after kill -9", task(function(folder)
    local stack = stack_of(folder,
      'echo "$Message" >> done; while ! [ -e go ]; do sleep 0.05; done')
    send(stack, folder, 3)
    local first = watch(stack)
    eventually(function() return #folder:lines "done" == 9 end, "six tasks and three processes")
    first:kill "KILL"
    first:wait(workshop.PATIENCE)
    local second = watch(stack)
    eventually(function()
      folder:write("go", "")
      return left(stack) == 0
    end, "both queues are empty")
    stop(stack, second)
    assert.are.equal(6, #server:calls "RunTask")
    local counts = stack:done()
    for index = 1, 3 do
      assert.are.same({ 1, 1 }, { counts["a" .. index], counts["b" .. index] })
    end
  end))

  it("goes on with the others where one cannot start its tasks", task(function(folder)
    local stack = stack_of(folder, 'echo "$Message" >> done', "missing")
    send(stack, folder, 2)
    local watcher = watch(stack)
    eventually(function()
      return #folder:lines "done" == 4
        and watcher:output():find '"queue":"second"[^\n]*TaskDefinition not found'
    end, "those of the two other queues are done")
    stop(stack, watcher)
    -- By the policy's fault no message ends.
    stack.queue = stack.second
    assert.are.equal(2, stack:left())
  end))
end)
