-- What is asked of ECS and when, and how the answers are handled, with a client whose
-- DescribeTasks is scripted: a server does not show more than a hundred tasks, two clusters, old
-- versions and lost tasks on demand. It runs no tasks, checks no parameters and signs nothing:
-- that is in spec/aws/ecs_spec.lua.

local follower = require "watchbot.runner.ecs.follower"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local function scripted_client(answer)
  local client = { calls = {} }
  function client:DescribeTasks(parameters)
    table.insert(self.calls, parameters)
    return answer(parameters)
  end
  return client
end

local function stopped(arn, version)
  return { taskArn = arn, lastStatus = "STOPPED", version = version }
end

local function all_stopped(parameters)
  local tasks = {}
  for index, arn in ipairs(parameters.tasks) do tasks[index] = stopped(arn, 2) end
  return { tasks = tasks, failures = {} }
end

local function all_missing(parameters)
  local failures = {}
  for index, arn in ipairs(parameters.tasks) do
    failures[index] = { arn = arn, reason = "MISSING" }
  end
  return { tasks = {}, failures = failures }
end

-- A follower that asks nothing by itself yet: its rounds are in a task, and the loop does not run.
local function new(answer, options)
  local client = scripted_client(answer or all_stopped)
  return follower.new(client, options or {}), client
end

local function task(body)
  return function() scheduler.run(body) end
end

describe("a follower's calls", function()
  it("ask for a hundred tasks each, of one cluster, and for each task once", function()
    local one = new()
    local expected = { fleet = 250, spare = 100, other = 1 }
    for cluster, count in pairs(expected) do
      for index = 1, count do
        one.watches[cluster .. index] = { arn = cluster .. index, cluster = cluster }
      end
    end
    local counted, calls, seen = {}, {}, {}
    for _, chunk in ipairs(one:chunks()) do
      assert.is_true(#chunk.arns > 0 and #chunk.arns <= 100)
      calls[chunk.cluster] = (calls[chunk.cluster] or 0) + 1
      counted[chunk.cluster] = (counted[chunk.cluster] or 0) + #chunk.arns
      for _, arn in ipairs(chunk.arns) do
        assert.is_nil(seen[arn])
        assert.are.equal(chunk.cluster, arn:match "^%a+")
        seen[arn] = true
      end
    end
    assert.are.same(expected, counted)
    assert.are.same({ fleet = 3, spare = 1, other = 1 }, calls)
  end)

  it("go on until no task is followed, and begin again with the next", task(function()
    local one, client = new()
    for round = 1, 2 do
      local watches = {}
      for index = 1, 101 do watches[index] = one:track("task" .. index, "fleet") end
      for _, watch in ipairs(watches) do
        assert(watch.changed:wait(workshop.PATIENCE))
        assert.are.equal("STOPPED", watch.task.lastStatus)
        one:forget(watch)
        one:forget(watch)
      end
      assert.are.equal(0, one.count)
      workshop.eventually(function() return not one.task end)
      assert.are.equal(2 * round, #client.calls)
    end
    assert.are.equal("fleet", client.calls[1].cluster)
  end))

  it("are made again after one that failed, and that is told", task(function()
    local told = {}
    local fails = true
    local one, client = new(function(parameters)
      if not fails then return all_stopped(parameters) end
      fails = false
      return nil, "slow down", "ThrottlingException"
    end, { failed = function(...) table.insert(told, { ... }) end })
    local watch = one:track("task", "fleet")
    assert(watch.changed:wait(workshop.PATIENCE))
    one:forget(watch)
    assert.are.same({ { "slow down", "ThrottlingException" } }, told)
    assert.are.equal(2, #client.calls)
    assert.is_nil(watch.lost)
  end))
end)

describe("a follower that raises", function()
  -- One answer with a null among its tasks ended the task that asks: every slot was lost until a
  -- restart.
  it("is reported with its name, and asks again", task(function()
    local told, raised = {}, false
    local one, client = new(function(parameters)
      if raised then return all_stopped(parameters) end
      raised = true
      error "an answer that nobody expected"
    end, { raised = function(...) table.insert(told, { ... }) end })
    local watch = one:track("task", "fleet")
    assert(watch.changed:wait(workshop.PATIENCE))
    one:forget(watch)
    assert.are.equal("STOPPED", watch.task.lastStatus)
    assert.are.equal(1, #told)
    assert.are.equal("DescribeTasks", told[1][1])
    assert.matches("an answer that nobody expected.*stack traceback", told[1][2])
    assert.are.equal(2, #client.calls)
  end))

  it("drops what is no task", function()
    local one = new(function() return { tasks = { 7, "x", {}, { taskArn = 7 } }, failures = { 7,
      {} } } end)
    one.watches.task = { arn = "task", cluster = "fleet", changed = scheduler.event() }
    one:describe("fleet", { "task" })
    assert.is_nil(one.watches.task.task)
  end)
end)

describe("a follower's interval", function()
  -- Seconds between the rounds for tasks of these ages.
  local function interval(ages, chunks, options)
    local one = new(nil, options)
    for index, age in ipairs(ages) do one.watches[index] = { since = scheduler.now() - age } end
    return one:interval(chunks or 1)
  end

  it("is a second for a new task, grows with the age of the youngest, and ends at 15 seconds",
    function()
    assert.are.equal(1, interval { 0 })
    assert.are.equal(1, interval { 3600, 0 })
    assert.are.equal(15, interval { 3600 })
    local some, more = interval { 50, 3600 }, interval { 100, 3600 }
    assert.is_true(5 <= some and some < more and more < 15)
  end)

  it("grows with the number of calls, without an end", function()
    assert.are.equal(1, interval({ 0 }, 4))
    assert.are.equal(2, interval({ 0 }, 8))
    assert.are.equal(25, interval({ 3600 }, 100))
  end)

  it("is a minute where events tell of the ends, for no task and for many", function()
    for _, age in ipairs { 0, 3600 } do
      assert.are.equal(60, interval({ age }, 20, { events = true }))
    end
  end)

  it("counts from the youngest: a new task need not wait for the round of the old ones",
    task(function()
    local one, client = new()
    local old = one:track("old", "fleet")
    old.since = old.since - 3600
    scheduler.sleep(0.05)
    -- The follower waits for its 15 seconds by now.
    local before = scheduler.now()
    local young = one:track("young", "fleet")
    assert(young.changed:wait(14))
    assert.are.equal(1, #client.calls)
    assert.is_true(scheduler.now() - before >= 1)
    assert.is_true(old.changed:is_set())
    one:forget(old)
    one:forget(young)
  end))
end)

describe("what is heard of a task", function()
  local function watching(known)
    local one = new()
    local watch = { arn = "task", cluster = "fleet", task = known, changed = scheduler.event(),
      since = scheduler.now() }
    one.watches.task = watch
    return one, watch
  end

  it("is for whoever follows it, and of nobody's else", function()
    local one, watch = watching()
    assert.is_false(one:heard("another", stopped("another", 9)))
    assert.is_false(watch.changed:is_set())
    assert.is_true(one:heard("task", stopped("task", 1)))
    assert.is_true(watch.changed:is_set())
    assert.are.equal("STOPPED", watch.task.lastStatus)
  end)

  -- A late or doubled event of a task whose end was known already went back to the event queue
  -- every five seconds, until it was ten minutes old: no other watcher could use it.
  it("is still ours when the task has ended, but not when it was left running to another watcher",
    function()
    local one = new(nil, { events = true })
    one:forget(one:track("mine", "fleet", stopped("mine", 5)))
    assert.is_true(one:heard("mine", stopped("mine", 5)))
    one:forget(one:track("left", "fleet", { taskArn = "left", lastStatus = "RUNNING" }))
    assert.is_false(one:heard("left", stopped("left", 5)))
  end)

  -- 5,000 ARNs were kept by each watcher, which nothing asked for without events.
  it("is not remembered without events, and by the ID of its task with them", function()
    local arn = "arn:aws:ecs:eu-west-1:123456789012:task/fleet/0123456789abcdef0123456789abcdef"
    for _, events in ipairs { false, true } do
      local one = new(nil, { events = events })
      one:forget(one:track(arn, "fleet", stopped(arn, 5)))
      assert.are.equal(events, one:heard(arn, stopped(arn, 5)))
      assert.are.equal(events and "0123456789abcdef0123456789abcdef" or nil,
        (next(one.ended.values)))
    end
  end)

  it("is dropped where it is older than what is known", function()
    local one, watch = watching(stopped("task", 5))
    assert.is_true(one:heard("task", { taskArn = "task", lastStatus = "RUNNING", version = 4 }))
    assert.is_true(one:heard("task", { taskArn = "task", lastStatus = "RUNNING" }))
    assert.are.equal("STOPPED", watch.task.lastStatus)
    assert.is_false(watch.changed:is_set())
    one:heard("task", stopped("task", 6))
    assert.are.equal(6, watch.task.version)
  end)

  it("replaces what has no version", function()
    local one, watch = watching { taskArn = "task", lastStatus = "PENDING" }
    one:heard("task", { taskArn = "task", lastStatus = "RUNNING" })
    assert.are.equal("RUNNING", watch.task.lastStatus)
  end)

  -- An event's version that was no number ended the task that reads events.
  it("has no version where that is no number", function()
    local one, watch = watching(stopped("task", 5))
    for _, version in ipairs { "one", {}, true } do
      assert.is_true(one:heard("task", { lastStatus = "RUNNING", version = version }))
    end
    assert.are.equal("STOPPED", watch.task.lastStatus)
  end)
end)

describe("a task that ECS does not know", function()
  local function ask(one)
    one:describe("fleet", { "task" })
  end

  local function watching(answer, options)
    local one = new(answer, options)
    local watch = { arn = "task", cluster = "fleet", changed = scheduler.event(),
      since = scheduler.now() }
    one.watches.task = watch
    return one, watch
  end

  it("is lost only after a bound", function()
    local one, watch = watching(all_missing)
    ask(one)
    ask(one)
    assert.is_nil(watch.lost)
    assert.is_false(watch.changed:is_set())
    watch.unheard_since = watch.unheard_since - 120
    ask(one)
    assert.is_true(watch.lost)
    assert.is_true(watch.changed:is_set())
  end)

  it("is lost after the bound that is given", function()
    local one, watch = watching(all_missing, { lost_after = 1000 })
    ask(one)
    watch.unheard_since = watch.unheard_since - 900
    ask(one)
    assert.is_nil(watch.lost)
    watch.unheard_since = watch.unheard_since - 100
    ask(one)
    assert.is_true(watch.lost)
  end)

  it("is found again by an answer or an event, and its bound begins anew", function()
    local one, watch = watching(all_missing)
    ask(one)
    watch.unheard_since = watch.unheard_since - 119
    one:heard("task", { taskArn = "task", lastStatus = "RUNNING", version = 1 })
    assert.is_nil(watch.unheard_since)
    assert.is_nil(watch.lost)
    ask(one)
    assert.is_nil(watch.lost)
  end)

  -- DescribeTasks was denied, or the cluster was gone: the slot and the message were kept for 12
  -- hours.
  it("is lost after the same bound when no call says anything of it, whatever the reason",
    function()
    for _, answer in ipairs {
      function() return nil, "no answer", "Timeout" end,
      function() return nil, "not authorized", "AccessDeniedException" end,
      function() return nil, "Cluster not found.", "ClusterNotFoundException" end,
      function() return {} end,
      function() return { tasks = { 7, {} }, failures = "none" } end,
    } do
      local one, watch = watching(answer, { lost_after = 100 })
      ask(one)
      ask(one)
      assert.is_nil(watch.lost)
      watch.unheard_since = watch.unheard_since - 100
      ask(one)
      assert.is_true(watch.lost)
      local _, err, code = answer()
      assert.are.same({ err or "not in the answer", code }, { watch.lost_err, watch.lost_code })
    end
  end)

  -- One task that ECS refuses to look at made the call for a hundred fail.
  it("does not keep the others from being heard of", function()
    local one = new(function(parameters)
      for _, arn in ipairs(parameters.tasks) do
        if arn == "task7" then return nil, "invalid", "InvalidParameterException" end
      end
      return all_stopped(parameters)
    end)
    local arns = {}
    for index = 1, 20 do
      arns[index] = "task" .. index
      one.watches[arns[index]] = { arn = arns[index], cluster = "fleet",
        changed = scheduler.event() }
    end
    one:describe("fleet", arns)
    for index, arn in ipairs(arns) do
      assert.are.equal(index ~= 7, one.watches[arn].task ~= nil, arn)
    end
  end)

  it("may have been forgotten meanwhile", function()
    local one, watch = watching(all_missing, { lost_after = 0 })
    one.watches.task = nil
    ask(one)
    assert.is_nil(watch.lost)
  end)
end)
