-- A run and its limits, with a client whose StopTask is scripted and a state of the task that is
-- set by hand: a server does not fail for minutes on demand. What tasks do is
-- not in here: see spec/aws/ecs_spec.lua.

local run = require "watchbot.runner.ecs.run"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local function task(body)
  return function() scheduler.run(body) end
end

-- A run of a task of which ECS said this.
local function new(known, policy, stop)
  local client = { clock_offset = 0, calls = {} }
  function client:StopTask(parameters)
    table.insert(self.calls, parameters)
    if stop then return stop(#self.calls) end
    return { task = {} }
  end
  known.taskArn = "arn:task"
  local watch = { arn = "arn:task", task = known, changed = scheduler.event() }
  local said = { ended = {}, failed = {} }
  local one = run.new {
    client = client, task = known, cluster = "fleet", container = "main", job = { id = "m" },
    follower = {
      track = function() return watch end,
      forget = function(_, forgotten) said.forgot = forgotten end,
    },
    policy = { timeout = policy.timeout or 0, pending_timeout = policy.pending_timeout or 600 },
    ended = function(job) table.insert(said.ended, job.id) end,
    failed = function(...) table.insert(said.failed, { ... }) end,
  }
  return one, watch, client, said
end

local function now() return scheduler.time() / 1000 end

local function stopped(code, more)
  local known = { taskArn = "arn:task", lastStatus = "STOPPED", createdAt = now() - 9,
    startedAt = now() - 8,
    stoppedAt = now(), containers = { { name = "main", exitCode = code } } }
  for name, value in pairs(more or {}) do known[name] = value or nil end
  return known
end

local function hear(watch, known)
  watch.task = known
  watch.changed:set()
end

describe("a run on ECS", function()
  it("ends with its task, and says that its end was seen", task(function()
    local one, watch, _, said = new({ lastStatus = "PENDING", createdAt = now() }, {})
    local waiting = scheduler.spawn(function() return one:starts(), one:wait() end)
    hear(watch, stopped(3))
    local _, starts, exit = waiting:join()
    assert.is_false(starts)
    assert.are.equal(3, exit.code)
    assert.are.same({ "m" }, said.ended)
    assert.are.equal(watch, said.forgot)
  end))

  it("is stopped at its time limit, which counts from the start of the task", task(function()
    local one, watch, client = new({ lastStatus = "RUNNING", startedAt = now() - 100 },
      { timeout = 50 })
    local waiting = scheduler.spawn(one.wait, one)
    workshop.eventually(function() return #client.calls == 1 end)
    assert.are.same({ cluster = "fleet", task = "arn:task", reason = "timed out after 50 s" },
      client.calls[1])
    -- Its end is a timeout whatever its code: one that ended with 0 on TERM is not done.
    hear(watch, stopped(0, { stopCode = "UserInitiated" }))
    local _, exit = waiting:join()
    assert.is_true(exit.timed_out)
    assert.are.equal("timed out after 50 s", exit.reason)
  end))

  it("that does not begin to run in time is not the job's fault, and says nothing of the next one",
    task(function()
    local one, watch, client = new({ lastStatus = "PENDING", createdAt = now() },
      { pending_timeout = 0 })
    local waiting = scheduler.spawn(one.wait, one)
    workshop.eventually(function() return #client.calls == 1 end)
    hear(watch, stopped(nil, { startedAt = false, stopCode = "UserInitiated" }))
    local _, exit = waiting:join()
    assert.is_true(exit.blameless)
    assert.is_nil(exit.not_started)
    assert.are.equal("not running after 0 s", exit.reason)
  end))

  it("is left, and its end was not seen", task(function()
    local one, _, _, said = new({ lastStatus = "RUNNING", startedAt = now() }, {})
    one:leave()
    assert.is_true(one:wait().left)
    assert.are.same({}, said.ended)
  end))
end)

describe("a run of which nothing is heard", function()
  local function lost(err, code)
    local one, watch, _, said = new({ lastStatus = "RUNNING", startedAt = now() }, {})
    watch.lost, watch.lost_err, watch.lost_code = true, err, code
    return one:wait(), said
  end

  it("ends without blame, and is looked for when its message comes again", task(function()
    for _, why in ipairs { { "MISSING" }, { "no answer", "Timeout" }, { "slow down",
      "ThrottlingException" } } do
      local exit, said = lost(why[1], why[2])
      assert.is_true(exit.blameless)
      assert.is_nil(exit.not_started)
      assert.matches(why[1], exit.reason)
      assert.are.same({}, said.ended)
    end
  end))

  -- With DescribeTasks denied, each message ran until its receives were used up.
  it("for a permission or a cluster that is missing counts as one that could not start",
    task(function()
    local exit = lost("ecs:DescribeTasks: not authorized", "AccessDeniedException")
    assert.is_true(exit.not_started)
    assert.is_nil(exit.blameless)
    assert.matches("do not allow 'ecs:DescribeTasks'", exit.reason)
    exit = lost("ecs:DescribeTasks: Cluster not found.", "ClusterNotFoundException")
    assert.is_true(exit.not_started)
    assert.matches("Cluster not found", exit.reason)
  end))
end)

describe("a StopTask that fails", function()
  local function denied() return nil, "ecs:StopTask: not authorized", "AccessDeniedException" end

  -- It was asked again every five seconds silently, until SQS took the message away after 12
  -- hours.
  it("is logged, and ends the run when that lasts and does not pass", task(function()
    local one, _, client, said = new({ lastStatus = "RUNNING", startedAt = now() - 9 },
      { timeout = 1 }, denied)
    one.begun = one.begun - 9
    local gave_up = one:could_not_stop("ecs:StopTask: not authorized", "AccessDeniedException",
      scheduler.now() - 119)
    assert.is_false(gave_up)
    assert.is_nil(one:over())
    assert.are.equal(1, #said.failed)
    assert.matches("do not allow 'ecs:StopTask'", said.failed[1][1])
    one.reason, one.stopping, one.flag = "timed out after 1 s", true, "timed_out"
    assert.is_true(one:could_not_stop("ecs:StopTask: not authorized", "AccessDeniedException",
      scheduler.now() - 121))
    local exit = one:wait()
    assert.is_true(exit.timed_out)
    assert.matches("^timed out after 1 s; the task could not be stopped and runs on: ", exit.reason)
    assert.matches("'ecs:StopTask'", exit.reason)
    assert.are.same({}, said.ended)
    assert.are.equal(1, #said.failed)
    assert.are.equal(0, #client.calls)
  end))

  it("ends the run at once when the watcher ends", task(function()
    local one = new({ lastStatus = "RUNNING", startedAt = now() }, {}, denied)
    one:hurry()
    one:stop "stopped"
    assert.matches("^stopped; the task could not be stopped and runs on: ", one:wait().reason)
    one = new({ lastStatus = "RUNNING", startedAt = now() }, {})
    one:hurry()
    assert.is_false(one:could_not_stop("no", "ThrottlingException", scheduler.now()))
  end))

  it("goes on for as long as it is throttled or the service is away", task(function()
    for _, code in ipairs { "ThrottlingException", "ServerException", "Timeout" } do
      local one, _, _, said = new({ lastStatus = "RUNNING", startedAt = now() }, {})
      assert.is_false(one:could_not_stop("no", code, scheduler.now() - 10000))
      assert.is_nil(one:over())
      assert.are.equal(1, #said.failed)
    end
  end))

  it("is made again", task(function()
    local one, watch, client = new({ lastStatus = "RUNNING", startedAt = now() }, {},
      function(count)
      if count == 1 then return nil, "no", "ServerException" end
      return { task = {} }
    end)
    one:stop "enough"
    workshop.eventually(function() return #client.calls == 2 end)
    hear(watch, stopped(143))
    assert.are.equal("enough", one:wait().reason)
  end))
end)
