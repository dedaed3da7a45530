-- The tasks that have stopped, as those who look for the task of an earlier receive want to know them.

local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local scheduler = require "watchbot.scheduler"
local stopped = require "watchbot.runner.ecs.stopped"
local workshop = require "support.workshop"

describe("the stopped tasks of a family", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local function run(stack, started_by)
    return assert(stack.ecs:RunTask { cluster = "fleet", taskDefinition = "job", startedBy = started_by }).tasks[1].taskArn
  end

  local function await_end(stack, arn)
    workshop.eventually(function()
      return assert(stack.ecs:DescribeTasks { cluster = "fleet", tasks = { arn } }).tasks[1].lastStatus == "STOPPED"
    end)
  end

  -- Ten messages came back at once; one looked, and the others took what was not read yet for nothing.
  it("are read once for all that ask at the same time", workshop.task(function(folder)
    local stack = ecs_stack.new(server, folder, "exit 3")
    for index = 1, 5 do await_end(stack, run(stack, "spec/" .. index)) end
    local tasks, found = stopped.new(stack.ecs), {}
    server:forget_calls()
    for index = 1, 6 do
      found[index] = scheduler.spawn(function() return tasks:find("fleet", "job", "spec/" .. index) end)
    end
    for index = 1, 5 do
      local _, task = found[index]:join()
      assert.are.equal("spec/" .. index, task.startedBy)
    end
    assert.are.same({ true }, { found[6]:join() })
    assert.are.equal(1, #server:calls "ListTasks")
  end))

  it("are read again for who asks later, and the newest of a message counts", workshop.task(function(folder)
    local stack = ecs_stack.new(server, folder, "exit 3")
    await_end(stack, run(stack, "spec/1"))
    local tasks = stopped.new(stack.ecs)
    assert(tasks:find("fleet", "job", "spec/1"))
    local newest = run(stack, "spec/1")
    await_end(stack, newest)
    assert.are.equal(newest, tasks:find("fleet", "job", "spec/1").taskArn)
    assert.are.equal(2, #server:calls "ListTasks")
  end))
end)
