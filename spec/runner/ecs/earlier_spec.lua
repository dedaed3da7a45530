-- The tasks of earlier deliveries: against a local AWS whose tasks run, and with a client whose
-- answers are given, for lists as long, as late and as broken as a server does not make them.

local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local scheduler = require "watchbot.scheduler"
local earlier = require "watchbot.runner.ecs.earlier"
local workshop = require "support.workshop"

describe("the earlier tasks of a family", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local function run(stack, started_by)
    return assert(stack.ecs:RunTask { cluster = "fleet", taskDefinition = "job",
      startedBy = started_by }).tasks[1].taskArn
  end

  local function await_end(stack, arn)
    workshop.eventually(function()
      return assert(stack.ecs:DescribeTasks { cluster = "fleet",
        tasks = { arn } }).tasks[1].lastStatus == "STOPPED"
    end)
  end

  -- Ten messages came back at once; one looked, and the others took what was not read yet for
  -- nothing.
  it("are read once for all that ask at the same time", workshop.task(function(folder)
    local stack = ecs_stack.new(server, folder, "exit 3")
    for index = 1, 5 do await_end(stack, run(stack, "spec/" .. index)) end
    local tasks, found = earlier.new(stack.ecs), {}
    server:forget_calls()
    for index = 1, 6 do
      found[index] = scheduler.spawn(function() return tasks:find("fleet", "job", "spec/"
        .. index) end)
    end
    for index = 1, 5 do
      local _, task = found[index]:join()
      assert.are.equal("spec/" .. index, task.startedBy)
    end
    assert.are.same({ true, false }, { found[6]:join() })
    -- those that run, and those that have stopped
    assert.are.equal(2, #server:calls "ListTasks")
  end))

  it("are read again for who asks later, and the newest of a message counts",
    workshop.task(function(folder)
    local stack = ecs_stack.new(server, folder, "exit 3")
    await_end(stack, run(stack, "spec/1"))
    local tasks = earlier.new(stack.ecs)
    assert(tasks:find("fleet", "job", "spec/1"))
    local newest = run(stack, "spec/1")
    await_end(stack, newest)
    assert.are.equal(newest, tasks:find("fleet", "job", "spec/1").taskArn)
    assert.are.equal(4, #server:calls "ListTasks")
  end))
end)

describe("a look for an earlier task", function()
  -- Answers ListTasks by pages of 100 and DescribeTasks; `fail(operation, parameters)` may refuse.
  local function scripted(tasks, fail)
    local client, by_arn = { calls = {} }, {}
    for _, task in ipairs(tasks) do by_arn[task.taskArn] = task end
    local function answer(operation, parameters, make)
      table.insert(client.calls, operation)
      local code = fail and fail(operation, parameters)
      if code then return nil, operation .. " failed", code end
      return make()
    end
    function client:ListTasks(parameters) -- luacheck: ignore 212
      return answer("ListTasks", parameters, function()
        local arns, first = {}, tonumber(parameters.nextToken or 0)
        for _, task in ipairs(tasks) do
          if task.listed == parameters.desiredStatus then arns[#arns + 1] = task.taskArn end
        end
        local page = table.move(arns, first + 1, math.min(first + 100, #arns), 1, {})
        return { taskArns = page, nextToken = first + 100 < #arns and tostring(first + 100) or nil }
      end)
    end
    function client:DescribeTasks(parameters) -- luacheck: ignore 212
      assert.is_true(#parameters.tasks <= 100)
      return answer("DescribeTasks", parameters, function()
        local described = {}
        for _, arn in ipairs(parameters.tasks) do described[#described + 1] = by_arn[arn] end
        return { tasks = described, failures = {} }
      end)
    end
    return client
  end

  local function one(arn, listed, last, created, started_by)
    return { taskArn = arn, listed = listed, lastStatus = last, createdAt = created,
      startedBy = started_by or "spec/1" }
  end

  local function find(client, started_by)
    return earlier.new(client):find("fleet", "job", started_by or "spec/1")
  end

  local function task(body)
    return function() scheduler.run(body) end
  end

  -- Each running task was asked for by itself: 600 at once were throttled, and 78 of them ran
  -- twice.
  it("finds all of 600 running tasks with a dozen calls", task(function()
    local tasks, found = {}, {}
    for index = 1, 600 do
      tasks[index] = one("task" .. index, "RUNNING", "RUNNING", index, "spec/" .. index)
    end
    local client = scripted(tasks)
    local look = earlier.new(client)
    for index = 1, 600 do
      found[index] = scheduler.spawn(function() return look:find("fleet", "job", "spec/"
        .. index) end)
    end
    for index = 1, 600 do
      local _, got = found[index]:join()
      assert.are.equal("task" .. index, got.taskArn)
    end
    assert.are.equal(12, #client.calls)
  end))

  -- A task that had stopped was still listed as running: its old failure counted again; and an
  -- older failure that was listed first hid a newer success.
  it("takes the one that goes on, else the newest", task(function()
    local old, new = one("old", "RUNNING", "STOPPED", 1), one("new", "STOPPED", "STOPPED", 2)
    assert.are.equal("new", find(scripted { old, new }).taskArn)
    old.listed, new.listed = "STOPPED", "RUNNING"
    assert.are.equal("new", find(scripted { old, new }).taskArn)
    new.listed = "STOPPED"
    for _, order in ipairs { { old, new }, { new, old } } do
      assert.are.equal("new", find(scripted(order)).taskArn)
    end
    local runs = one("runs", "RUNNING", "RUNNING", 0)
    for _, order in ipairs { { old, new, runs }, { runs, new, old } } do
      assert.are.equal("runs", find(scripted(order)).taskArn)
    end
    local ending = one("ending", "STOPPED", "DEACTIVATING", 0)
    assert.are.equal("ending", find(scripted { old, new, ending }).taskArn)
  end))

  -- Errors of ListTasks and DescribeTasks were "no earlier task": the message ran again silently.
  it("that fails anywhere is no answer", task(function()
    local stopped = one("a", "STOPPED", "STOPPED", 1)
    local running = one("b", "RUNNING", "RUNNING", 1, "spec/2")
    for _, where in ipairs { "ListTasks/RUNNING", "ListTasks/STOPPED", "DescribeTasks/1",
      "DescribeTasks/2" } do
      local described = 0
      local found, err, code = find(scripted({ stopped, running }, function(operation, parameters)
        if operation == "DescribeTasks" then described = described + 1 end
        local here = ("%s/%s"):format(operation, parameters.desiredStatus or described)
        return here == where and "ThrottlingException" or nil
      end))
      assert.is_nil(found, where)
      assert.matches("failed", err)
      assert.are.equal("ThrottlingException", code)
    end
    assert.is_false(find(scripted { running }))
  end))

  -- One number in a list raised; taken for an empty list, it would have run the message twice.
  it("that is answered with nonsense is no answer", task(function()
    for operation, answers in pairs {
      ListTasks = { { taskArns = 7 }, { taskArns = { 7 } }, { taskArns = { "a", {} } },
        { taskArns = "a" } },
      DescribeTasks = { { tasks = 7 }, { tasks = { 7 } }, { tasks = { "a" } }, { tasks = true } },
    } do
      for _, answer in ipairs(answers) do
        local client = scripted { one("a", "RUNNING", "RUNNING", 1) }
        client[operation] = function() return answer end
        local found, err, code = find(client)
        assert.is_nil(found)
        assert.are.same({ ("ecs:%s: the answer makes no sense"):format(operation), "BadAnswer" },
          { err, code })
      end
    end
  end))

  it("that raises is an error for all that wait, and the next one is made", task(function()
    local raises = true
    local client = scripted({ one("a", "RUNNING", "RUNNING", 1) }, function()
      if raises then error "broken" end
    end)
    local look, waiting = earlier.new(client), {}
    for index = 1, 3 do
      waiting[index] = scheduler.spawn(function() return look:find("fleet", "job", "spec/1") end)
    end
    for index = 1, 3 do
      local _, found, err, code = waiting[index]:join()
      assert.is_nil(found)
      assert.are.equal("Internal", code)
      assert.matches("broken", err)
    end
    raises = false
    assert.are.equal("a", look:find("fleet", "job", "spec/1").taskArn)
  end))

  local function count(client, operation)
    local times = 0
    for _, called in ipairs(client.calls) do times = times + (called == operation and 1 or 0) end
    return times
  end

  -- Each look kept what ECS said of all that had stopped within an hour: a watcher that had started
  -- 7,000 tasks had grown from 21 to 57 MB.
  it("keeps little of the tasks of other messages, and describes them once", task(function()
    local tasks = {}
    for index = 1, 5000 do
      tasks[index] = one(("arn:aws:ecs:us-east-1:000000000000:task/fleet/%032x"):format(index),
        "STOPPED", "STOPPED", index, ("watchbot/00000000-0000-0000-0000-%012x"):format(index))
      tasks[index].containers = { { name = "main", exitCode = 0, reason = "failed " .. index } }
    end
    local client = scripted(tasks)
    -- what it answers is made for each call, as by a server
    local describe = client.DescribeTasks
    function client:DescribeTasks(parameters)
      local result = describe(self, parameters)
      for index, described in ipairs(result.tasks) do
        result.tasks[index] = setmetatable({}, { __index = described })
      end
      return result
    end
    local look = earlier.new(client)
    collectgarbage()
    collectgarbage()
    local before = collectgarbage "count"
    for _ = 1, 2 do
      assert.are.equal(tasks[2500].taskArn,
        look:find("fleet", "job", tasks[2500].startedBy).taskArn)
    end
    local described = count(client, "DescribeTasks")
    client.calls = {}
    collectgarbage()
    collectgarbage()
    local grown = collectgarbage "count" - before
    assert.is_true(grown < 2000, ("%d KiB for 5,000 tasks"):format(grown // 1))
    assert.are.equal(50 + 1, described)
  end))

  -- A message that had had two tasks was judged by the one that was described last.
  it("describes all tasks of a message again, and takes the newest", task(function()
    local old, new = one("old", "STOPPED", "STOPPED", 1), one("new", "STOPPED", "STOPPED", 2)
    local client = scripted { new, old }
    local look = earlier.new(client)
    for _ = 1, 2 do assert.are.equal("new", look:find("fleet", "job", "spec/1").taskArn) end
    assert.are.equal(2, count(client, "DescribeTasks"))
  end))

  -- What is asked while a reading is under way gets the next one, not what this one leaves out.
  it("is answered by a reading that began after it, also beside another", task(function()
    local late = one("b", "LATER", "RUNNING", 1, "spec/2")
    local look, second
    look = earlier.new(scripted({ one("a", "RUNNING", "RUNNING", 1), late }, function(operation)
      if operation ~= "DescribeTasks" or second then return end
      late.listed = "RUNNING"
      second = scheduler.spawn(function() return look:find("fleet", "job", "spec/2") end)
      scheduler.sleep(0.05)
    end))
    assert.are.equal("a", look:find("fleet", "job", "spec/1").taskArn)
    local _, found = second:join()
    assert.are.equal("b", found.taskArn)
  end))
end)

-- 10,000 tasks grew a watcher from 26 to 34 MB: it was not known whether that ends.
describe("the stopped tasks of a family that are remembered", function()
  local function client_of(count)
    local client, listed = {}, 0
    function client.ListTasks()
      local arns = {}
      for index = 1, 100 do arns[index] = ("arn:task/fleet/%032x"):format(listed + index) end
      listed = listed + 100
      return { taskArns = arns, nextToken = listed < count and "more" or nil }
    end
    function client.DescribeTasks(_, parameters)
      local tasks = {}
      for index, arn in ipairs(parameters.tasks) do
        tasks[index] = { taskArn = arn, lastStatus = "STOPPED", startedBy = "spec/" .. arn }
      end
      return { tasks = tasks }
    end
    return client
  end

  it("are the newest 20,000", function()
    local tasks = earlier.new(client_of(45000))
    assert(tasks:read { cluster = "fleet", wanted = {}, found = {} })
    local count = 0
    for _ in pairs(tasks.known.values) do count = count + 1 end
    assert.are.equal(20000, count)
    assert.are.equal(20000, tasks.known.order:count())
    assert.is_truthy(tasks.known:get(("%032x"):format(45000)))
    assert.is_nil(tasks.known:get(("%032x"):format(25000)))
  end)
end)
