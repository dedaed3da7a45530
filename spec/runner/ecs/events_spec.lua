-- How EventBridge's events are handled, with a queue of scripted receives and a follower that
-- follows names only: a real service sends no duplicated, old or malformed events on demand.
-- spec/support/scripted_queue.lua says what the queue leaves out; the follower does not call ECS.
-- Events of tasks that really ran are in spec/aws/ecs_spec.lua.

local core = require "watchbot.core"
local events = require "watchbot.runner.ecs.events"
local scheduler = require "watchbot.scheduler"
local scripted_queue = require "support.scripted_queue"
local workshop = require "support.workshop"

-- Follows the tasks of these names, and keeps what it hears of them.
local function following(...)
  local one = { heard_of = {} }
  for _, arn in ipairs { ... } do one.heard_of[arn] = {} end
  function one:heard(arn, task)
    if not self.heard_of[arn] then return false end
    table.insert(self.heard_of[arn], task)
    return true
  end
  return one
end

-- An event that is some seconds old, in a message whose receipt is its task's name.
local function event(detail, age)
  local body = core.json.encode {
    source = "aws.ecs", ["detail-type"] = "ECS Task State Change", detail = detail,
    time = scheduler.iso_date(scheduler.time() - (age or 0) * 1000),
  }
  return { id = detail.taskArn, receipt = detail.taskArn, body = body, receives = 1 }
end

local function ended(arn, started_by, more)
  local detail = { taskArn = arn, lastStatus = "STOPPED", startedBy = started_by,
    createdAt = "2016-07-28T00:12:37Z" }
  for name, value in pairs(more or {}) do detail[name] = value end
  return detail
end

-- Polls once for each answer of the queue.
local function polled(follower, ...)
  local queue = scripted_queue.new()
  queue:answer("receive", ...)
  local one = events.new(queue, follower, error)
  for _ = 1, select("#", ...) do assert(one:poll()) end
  return one, queue
end

local function task(body)
  return function() scheduler.run(body) end
end

describe("the event of a task", function()
  it("that is followed here is told to the follower, and deleted", task(function()
    local follower = following "mine"
    local _, queue = polled(follower, { event(ended("mine", "tiles/1", { version = 5,
      containers = { { exitCode = 3 } } })) })
    assert.are.same({ "mine" }, queue:asked "delete")
    assert.are.same({}, queue:asked "delay")
    local heard = follower.heard_of.mine[1]
    assert.are.equal(5, heard.version)
    -- The exit code was 3.0 by the way of events, which a policy's texts had as "3.0", and 3 by the
    -- way of DescribeTasks.
    assert.are.equal("integer", math.type(heard.containers[1].exitCode))
  end))

  it("of somebody else goes back for five seconds", task(function()
    local follower = following "mine"
    local _, queue = polled(follower, { event(ended("theirs", "tiles/1"), 590), event(ended("mine",
      "tiles/2")) })
    assert.are.same({ "mine" }, queue:asked "delete")
    assert.are.same({ "theirs" }, queue:asked "delay")
  end))

  it("of somebody else is deleted when it is ten minutes old", task(function()
    local _, queue = polled(following(), { event(ended("old", "tiles/1"), 601), event(ended("new",
      "tiles/2"), 500) })
    assert.are.same({ "old" }, queue:asked "delete")
    assert.are.same({ "new" }, queue:asked "delay")
  end))

  it("is as old as its message where it does not say when it was", task(function()
    local function undated(arn, sent)
      return { receipt = arn, sent = sent, body = core.json.encode { detail = ended(arn, "tiles/1"),
        time = "?" } }
    end
    local now = scheduler.time()
    local _, queue = polled(following(), { undated("old", now - 601000), undated("new",
      now - 500000), undated("unknown") })
    assert.are.same({ "old", "unknown" }, queue:asked "delete")
    assert.are.same({ "new" }, queue:asked "delay")
  end))

  it("is understood in an SNS envelope, in a list, and alone", task(function()
    local detail = core.json.encode(ended("mine", "tiles/1", { version = 5 }))
    local plain = '{"source":"aws.ecs","detail":' .. detail .. "}"
    for _, body in ipairs {
      core.json.encode { Type = "Notification", TopicArn = "arn:aws:sns:eu-west-1:1:t",
        Message = plain },
      "[" .. plain .. "]", detail,
    } do
      local follower = following "mine"
      local _, queue = polled(follower, { { receipt = "r", body = body } })
      assert.are.same({ "r" }, queue:asked "delete")
      assert.are.equal(5, follower.heard_of.mine[1].version)
    end
  end))

  it("goes back with its list when one of them is another watcher's", task(function()
    local follower = following "mine"
    local list = ("[%s,%s]"):format(event(ended("mine", "tiles/1")).body, event(ended("theirs",
      "tiles/2")).body)
    local one, queue = polled(follower, { { receipt = "r", body = list } })
    assert.are.same({ "r" }, queue:asked "delay")
    assert.are.equal(1, #follower.heard_of.mine)
    assert.are.equal("theirs", one:ended("tiles/2").taskArn)
  end))

  it("is asked for in batches of ten, which stay out of sight until they are handled",
    task(function()
    local _, queue = polled(following(), {})
    local call = queue.calls.receive[1]
    assert.are.same({ 10, 20, 30 }, { call[1], call[2], call[3] })
    assert.are.same({}, queue:asked "delete")
    assert.are.same({}, queue:asked "delay")
  end))
end)

describe("what is no event of a task", function()
  local FOREIGN = {
    "", "no JSON", "[]", "7", '"text"', "null", "{}", '{"detail":null}', '{"detail":"x"}',
    '{"detail":{}}',
    '{"detail":{"taskArn":7}}', '[{"detail":{"taskArn":"mine"}},{"job":1}]',
    '{"Type":"Notification","TopicArn":"arn:aws:sns:eu-west-1:1:t","Message":"a job"}',
    -- Another program's event about the task was deleted as one of this watcher's.
    '{"source":"my.app","detail":{"taskArn":"mine"}}', '{"source":7,"detail":{"taskArn":"mine"}}',
    '{"source":"my.app","taskArn":"mine"}',
    -- A job that names a task was deleted, and taken for the task's state.
    '{"taskArn":"mine","action":"restart"}', '{"detail":{"taskArn":"mine"}}',
    '{"taskArn":"theirs","lastStatus":null}', '[{"taskArn":"mine","lastStatus":7}]',
  }

  -- The watcher was given the queue of its messages for events: twenty jobs were deleted unread.
  it("stays in the queue, and that is logged once", task(function()
    local messages, receipts, told = {}, {}, {}
    for index, body in ipairs(FOREIGN) do
      messages[index], receipts[index] = { id = "m" .. index, receipt = "r" .. index, body = body },
        "r" .. index
    end
    local queue = scripted_queue.new()
    queue:answer("receive", messages)
    local follower = following "mine"
    assert(events.new(queue, follower, function(...) table.insert(told, { ... }) end):poll())
    assert.are.same({}, queue:asked "delete")
    assert.are.same({}, follower.heard_of.mine)
    assert.are.same(receipts, queue:asked "delay")
    assert.are.equal(900, queue.calls.delay[1][2])
    assert.are.equal(1, #told)
    assert.matches("'m1'.*was left there", told[1][1])
  end))

  it("is deleted where it is another event of ECS", task(function()
    local body = '{"source":"aws.ecs","detail-type":"ECS Container Instance State '
      .. 'Change","detail":{"agentConnected":true}}'
    local _, queue = polled(following(), { { id = "m", receipt = "r", body = body } })
    assert.are.same({ "r" }, queue:asked "delete")
  end))

  -- Members of other types than EventBridge's raised, and the task that reads events ended.
  it("or has members that make no sense, ends nothing", task(function()
    for _, time in ipairs { {}, true, core.json.null, "2016-07-28T00:12:1.2.3Z" } do
      local _, queue = polled(following(), { { receipt = "r", body = core.json.encode {
        time = time, detail = { taskArn = "theirs", lastStatus = "STOPPED", startedBy = 7,
        createdAt = {} },
      } } })
      assert.are.equal(1, #queue.calls.delete + #queue.calls.delay)
    end
    local one = polled(following(), { event(ended("a", "tiles/1", { createdAt = {} })) },
      { event(ended("b", "tiles/1", { createdAt = true })) })
    assert.is_truthy(one:ended "tiles/1")
  end))
end)

describe("the ends of others' tasks", function()
  it("are remembered, for their watcher may die", task(function()
    local one = polled(following "mine", {
      event(ended("theirs", "tiles/1")), event(ended("mine", "tiles/2")),
      event { taskArn = "running", lastStatus = "RUNNING", startedBy = "tiles/3" },
      event { taskArn = "service", lastStatus = "STOPPED" },
    })
    assert.are.equal("theirs", one:ended("tiles/1").taskArn)
    for index = 2, 4 do assert.is_nil(one:ended("tiles/" .. index)) end
  end))

  it("are remembered also when their event is deleted as too old", task(function()
    local one = polled(following(), { event(ended("theirs", "tiles/1"), 3600) })
    assert.are.equal("theirs", one:ended("tiles/1").taskArn)
  end))

  -- Two tasks of one message had ended: their events came back every five seconds, and each
  -- replaced the other's.
  it("are those of a message's newest task, in whatever order they come", task(function()
    local first = event(ended("first", "tiles/1", { createdAt = "2016-07-28T00:12:37Z" }))
    local second = event(ended("second", "tiles/1", { createdAt = "2016-07-28T00:12:37.5Z" }))
    for _, order in ipairs { { first, second }, { second, first }, { first, second, first } } do
      local one = polled(following(), order)
      assert.are.equal("second", one:ended("tiles/1").taskArn)
    end
  end))

  it("are no more than 5000, the newest; one that comes again counts once", task(function()
    local one = events.new(scripted_queue.new(), following(), error)
    for index = 1, 5000 do one:remember(ended("task" .. index, "tiles/" .. index)) end
    for _ = 1, 10 do one:remember(ended("task2", "tiles/2")) end
    assert.are.equal("task1", one:ended("tiles/1").taskArn)
    one:remember(ended("task5001", "tiles/5001"))
    assert.is_nil(one:ended "tiles/1")
    assert.are.equal("task2", one:ended("tiles/2").taskArn)
    for index = 5002, 12000 do one:remember(ended("task" .. index, "tiles/" .. index)) end
    assert.is_nil(one:ended "tiles/7000")
    assert.are.equal("task7001", one:ended("tiles/7001").taskArn)
  end))
end)

describe("the reading of events", function()
  it("goes on after a failure, which is told, and after a pause", task(function()
    local queue, told, follower = scripted_queue.new(), {}, following "mine"
    queue:answer("receive", "ConnectFailed", { event(ended("mine", "tiles/1")) })
    local one = events.new(queue, follower, function(...) table.insert(told, { ... }) end)
    local reading = scheduler.spawn(one.run, one)
    workshop.eventually(function() return #follower.heard_of.mine == 1 end)
    assert.are.same({ { "told to fail", "ConnectFailed" } }, told)
    assert.is_true(queue.calls.receive[2].at - queue.calls.receive[1].at >= 1)
    reading:cancel "the spec ends"
    assert.is_false((reading:join()))
  end))

  it("handles what comes once more after a delete or a return that failed", task(function()
    local queue, follower = scripted_queue.new(), following "mine"
    queue:answer("receive", { event(ended("mine", "tiles/1")), event(ended("theirs", "tiles/2")) },
      { event(ended("mine", "tiles/1")), event(ended("theirs", "tiles/2")) })
    queue:answer("delete", "Timeout")
    queue:answer("delay", "Timeout")
    local told = {}
    local one = events.new(queue, follower, function(_, code) told[#told + 1] = code end)
    assert(one:poll())
    assert(one:poll())
    assert.are.same({ "Timeout", "Timeout" }, told)
    assert.are.equal(2, #follower.heard_of.mine)
    assert.are.same({ "mine", "mine" }, queue:asked "delete")
    assert.are.equal(2, #queue:asked "delay")
  end))
end)

describe("the queue of task events", function()
  local JOBS = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"

  -- TaskEventQueueUrl was QueueUrl: all jobs were taken for events, and deleted.
  it("is another one than that of the messages, however it is written", function()
    for _, same in ipairs {
      JOBS, JOBS .. "/", "https://eu-west-1.queue.amazonaws.com/123456789012/jobs",
      "https://vpce-1-x.sqs.eu-west-1.vpce.amazonaws.com/123456789012/jobs", JOBS .. "\n",
    } do
      local ok, err, code = events.check(same, JOBS)
      assert.is_nil(ok, same)
      assert.are.equal("Usage", code)
      assert.matches("names the queue of the messages", err)
    end
    assert.is_nil((events.check("sqlite:jobs.db", "sqlite:jobs.db")))
    assert.is_nil((events.check("sqlite:./jobs.db", "sqlite:jobs.db")))
    assert.is_nil((events.check("sqlite:///tmp/../tmp/jobs.db", "sqlite:/tmp/jobs.db")))
    for _, same in ipairs {
      "https://sqs.eu-west-1.amazonaws.com//123456789012/jobs",
      "https://SQS.eu-west-1.amazonaws.com:443/123456789012//jobs/", JOBS .. "?x=1", JOBS .. "#x",
      "https://sqs.eu-west-1.amazonaws.com/123456789012/%6Aobs",
    } do
      assert.is_nil((events.check(same, JOBS)), same)
    end
    for _, other in ipairs {
      JOBS .. "-events", "https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
      "https://sqs.eu-west-1.amazonaws.com/999999999999/jobs", "sqlite:jobs.db",
    } do
      assert.is_true(events.check(other, JOBS))
    end
  end)
end)
