-- ECS tasks for messages of an embedded queue, which takes receives back: the real program, against
-- a local AWS whose tasks really run. The same with SQS is in spec/aws/ecs_spec.lua.

local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local ecs = require "watchbot.runner.ecs"
local queue = require "watchbot.queue"
local workshop = require "support.workshop"

local eventually, task = workshop.eventually, workshop.task

local RECORD = 'echo "$Message $ApproximateReceiveCount" >> done; '

describe("a policy for ECS tasks", function()
  local QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"

  local function policy(more)
    local made = { queue = QUEUE, task = { cluster = "fleet", definition = "job" },
      env = { A = "1" } }
    for name, value in pairs(more) do made[name] = value end
    return made
  end

  it("is refused where no message could work with it", function()
    assert.is_true(ecs.check(policy {}))
    assert.is_true(ecs.check(policy { task_events = QUEUE .. "-events" }))
    assert.is_true(ecs.check(policy { task = function() end, env = false }))
    for code, more in pairs {
      Usage = { task_events = QUEUE }, EnvironmentTooBig = { env = { A = ("x"):rep(8200) } },
      InvalidText = { env = { A = "\xFF" } },
    } do
      assert.are.equal(code, select(3, ecs.check(policy(more))))
    end
  end)

  it("is refused by 'check', too", task(function(folder)
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, task_events = %q, task = { cluster = "fleet", definition = "job" },
    }]]):format(QUEUE, QUEUE))
    local exit, _, problem = workshop.run(folder, { "check", "policy.lua" })
    assert.are.equal(2, exit.code)
    assert.matches("'task_events' %(TaskEventQueueUrl%) names the queue of the messages", problem)
  end))
end)

describe("a receive that was taken back", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local function new(folder, script, fields)
    local stack = ecs_stack.new(server, folder, script)
    stack:policy(("queue = %q, %s"):format(folder:url "jobs.db", fields or ""))
    local embedded = assert(queue.open(folder:url "jobs.db"))
    assert(embedded:send { { body = "m1" } })
    embedded:close()
    return stack
  end

  local function tokens()
    local seen, count = {}, 0
    for _, call in ipairs(server:calls "RunTask") do
      local token = call.parameters.clientToken
      if not seen[token] then seen[token], count = true, count + 1 end
    end
    return count
  end

  -- Its client token was that of before: RunTask answered with the same stopped task for 24 hours.
  it("starts another task after one that stayed pending", task(function(folder)
    local stack = new(folder, RECORD, "pending_timeout = 4,")
    server:knobs { pending = 2 }
    stack:drain()
    assert.are.same({ ["m1 1"] = 1 }, stack:done())
    assert.are.equal(3, tokens())
  end))

  it("starts another task after one that could not start, or lost its machine",
    task(function(folder)
    local stack = new(folder, RECORD .. "[ -e again ] || { touch again; exec sleep 100; }")
    server:knobs { fail_starts = 1 }
    local watcher = stack:watch "--drain"
    eventually(function() return stack:done()["m1 1"] end)
    server:knobs { interrupt = { stopCode = "SpotInterruption",
      reason = "Your Spot Task was interrupted." } }
    assert.are.equal(0, (stack:finish(watcher)).code)
    assert.are.same({ ["m1 1"] = 2 }, stack:done())
    assert.are.equal(3, tokens())
  end))

  -- The next watcher took it for a first receive: its task ran twice.
  it("is known as one by the next watcher, which finds the task", task(function(folder)
    local stack = new(folder, RECORD .. "sleep 6")
    server:knobs { faults = { { operation = "RunTask", seconds = 600, applied = true,
      drop = true } } }
    local watcher = stack:watch()
    eventually(function() return watcher:output():find("failedPlacement", 1, true) end,
      "its answer is lost")
    watcher:kill "TERM"
    assert.are.equal(0, (stack:finish(watcher)).code)
    stack:drain()
    assert.are.same({ ["m1 1"] = 1 }, stack:done())
    assert.are.equal(1, tokens())
  end))
end)
