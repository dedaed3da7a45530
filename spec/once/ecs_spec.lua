-- Keys of messages whose ECS tasks outlive their watcher: the next receive of the message finds the
-- task, and another message with the key waits for that. Without it both ran at the same time.

local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local workshop = require "support.workshop"

local eventually, task = workshop.eventually, workshop.task

-- The task of a message, which ends when the file `go` is there.
local SCRIPT = "echo $Message >> done; while [ ! -e go ]; do sleep 0.1; done; exit ${CODE:-0}"

describe("the key of an ECS task", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local function new(folder)
    local stack = ecs_stack.new(server, folder, SCRIPT)
    local arn = assert(server:client "dynamodb":CreateTable {
      TableName = "keys", BillingMode = "PAY_PER_REQUEST",
      AttributeDefinitions = { { AttributeName = "id", AttributeType = "S" } },
      KeySchema = { { AttributeName = "id", KeyType = "HASH" } },
    }).TableDescription.TableArn
    stack:policy(([[once = "body", once_table = %q, handover = 1,]]):format(arn))
    return stack
  end

  -- Two messages of one key, of which one has a task.
  local function begun(stack, folder)
    stack:send { "m", "m" }
    local watcher = stack:watch()
    eventually(function() return #folder:lines "done" >= 1 end, "a task runs")
    eventually(function()
      return (watcher:output()):find("its key is in progress", 1, true)
    end, "the other one waits")
    return watcher
  end

  local function check(stack, folder)
    local second = stack:watch()
    folder:write("go", "")
    eventually(function() return stack:left() == 0 end, "both messages are gone")
    second:kill "TERM"
    local _, _, log = stack:finish(second)
    assert.are.same({ m = 1 }, stack:done())
    assert.are.equal(1, #server:calls "RunTask")
    assert.is_nil(log:find("in doubt", 1, true))
    assert.is_truthy(log:find("not run: its key is done", 1, true))
  end

  it("stays with its message when the watcher is killed", task(function(folder)
    local stack = new(folder)
    local watcher = begun(stack, folder)
    watcher:kill "KILL"
    watcher:wait()
    check(stack, folder)
  end))

  it("stays with its message when the watcher leaves the task running", task(function(folder)
    local stack = new(folder)
    local watcher = begun(stack, folder)
    watcher:kill "TERM"
    assert.are.equal(0, stack:finish(watcher).code)
    check(stack, folder)
  end))
end)
