-- Counts and times that follow from the stages of jobs, on a stage with a clock that the test
-- moves: each end of a job is one outcome with one cause, whatever way it goes.
local blame = require "watchbot.watcher.blame"
local open_stage = require("watchbot.testing.stage").open
local policy = require "watchbot.policy"
local sorted = require "watchbot.lib.sorted"
local stages = require "watchbot.metrics.stages"

local function observed(made)
  return stages.new(made.watcher.jobs, sorted.keys(blame.causes))
end

local function uncounted_stage(more)
  local fields = { queue = "sqlite:jobs.db", command = "true", workers = 2 }
  for name, value in pairs(more or {}) do fields[name] = value end
  return open_stage(policy(fields), {})
end

local function stage(more)
  local made = uncounted_stage(more)
  return made, observed(made)
end

-- Tasks end with these exits, one after the other, after some seconds.
local function ending(made, seconds, ...)
  local exits, start, index = { ... }, made.runner.start, 0
  made.runner.start = function(...)
    local run, err, code = start(...)
    index = index + 1
    local exit = exits[math.min(index, #exits)]
    if run then
      require "watchbot.scheduler".spawn(function()
        require "watchbot.scheduler".sleep(seconds)
        run:finish(exit)
      end)
    end
    return run, err, code
  end
end

local function send(made, count)
  made:drive(function()
    for index = 1, count do made.queue:send { { body = "message " .. index } } end
  end)
end

local function sum(counts)
  local total = 0
  for _, count in pairs(counts) do total = total + count end
  return total
end

describe("the metrics of stages", function()
  it("count what came, what ran and how it ended, and take the times between", function()
    local made, counted = stage {
      workers = 1, prefetch = 10, backoff = function() return 600 end,
    }
    ending(made, 3, { code = 0 }, { code = 3 }, { code = 4 }, { code = 1 })
    send(made, 4)
    made:advance(13)
    assert.are.equal(4, counted.totals().received)
    assert.are.equal(4, counted.totals().started)
    assert.are.same({ complete = 1, reject = 1, release = 1, retry = 1, bury = 0 },
      stages.outcomes(counted))
    assert.are.equal(4, stages.causes(counted).ended)
    assert.are.equal(4, counted.totals().counted)
    local run = counted.run:read()
    assert.are.equal(4, run.count)
    assert.is_true(math.abs(run.sum - 12) < 0.5, run.sum)
    for _, name in ipairs { "wait", "start", "settle" } do
      assert.are.equal(4, counted[name]:read().count, name)
    end
  end)

  -- Short jobs are received before there is a slot for them: each waits for those before it.
  it("measure the wait of each job, also of one that has its slot at once", function()
    local made, counted = stage { workers = 1, prefetch = 10 }
    ending(made, 0.1, { code = 0, duration = 0.1 })
    send(made, 1)
    made:advance(5)
    send(made, 3)
    made:advance(5)
    local wait = counted.wait:read()
    assert.are.equal(4, wait.count)
    assert.is_true(math.abs(wait.sum - 0.3) < 0.05, wait.sum)
    assert.is_true(counted.start:read().sum < 0.05)
  end)

  -- Reading must not change what is read next.
  it("are the same when they are read again", function()
    local made, counted = stage { backoff = function() return 600 end }
    ending(made, 1, { code = 0 }, { code = 1 }, { code = 0 })
    send(made, 3)
    made:advance(10)
    for _ = 1, 2 do
      assert.are.equal(2, stages.outcomes(counted).complete)
      assert.are.equal(1, stages.outcomes(counted).retry)
      assert.are.equal(3, stages.causes(counted).ended)
      assert.are.equal(3, counted.totals().counted)
    end
  end)

  -- What was not the job's fault must not be charged to it: the metric says so, too.
  it("say which receives do not count against the message", function()
    local made, counted = stage()
    made.runner.start = function() return nil, "no such file", "ENOENT" end
    send(made, 1)
    made:advance(1)
    assert.are.equal(0, counted.totals().counted)
    assert.are.equal(1, stages.causes(counted).not_started)
    assert.are.equal(0, counted.totals().started)
    assert.are.equal(0, counted.run:read().count)
  end)

  it("charge what the watcher's own code raises to no outcome that was decided", function()
    local made, counted = stage()
    ending(made, 1, { code = 0 })
    local delete = made.watcher.settle.delete
    made.watcher.settle.delete = function()
      made.watcher.settle.delete = delete
      error "planted"
    end
    send(made, 1)
    made:advance(2)
    assert.are.equal(1, stages.causes(counted).internal)
    assert.are.equal(1, stages.outcomes(counted).retry)
    assert.are.equal(0, stages.outcomes(counted).complete)
    made:advance(120)
    assert.are.equal(1, stages.outcomes(counted).complete)
    assert.are.equal(counted.totals().received, sum(stages.outcomes(counted)))
  end)

  -- What goes back without having run has no outcome, and was received all the same.
  it("count what was received and went back without an outcome", function()
    local made, counted = stage { admit = function() return "hold", 600 end }
    local received = 0
    made.watcher.jobs:observe { received = function() received = received + 1 end }
    send(made, 2)
    made:advance(1)
    assert.are.equal(2, counted.totals().received)
    -- A poll that is open may receive them once more.
    made:drive(function() made.watcher:stop() end)
    made:advance(10)
    assert.is_true(made.watcher.jobs:none())
    assert.are.equal(received, counted.totals().received)
    assert.are.equal(0, sum(stages.outcomes(counted)))
  end)

  it("take a job that was there before them as it is", function()
    local made = uncounted_stage()
    ending(made, 5, { code = 0 })
    send(made, 1)
    made:advance(1)
    local later = observed(made)
    made:advance(10)
    assert.are.equal(1, stages.outcomes(later).complete)
    assert.are.equal(0, later.run:read().count)
    assert.are.equal(0, #made.witness.errors)
  end)

  -- A counter that falls looks to Prometheus as if the watcher had been started again.
  it("never fall while a job goes from stage to stage", function()
    local made, counted = stage()
    local before = { received = 0, started = 0, counted = 0 }
    made.watcher.jobs:observe(function()
      for name, count in pairs(counted.totals()) do
        assert(count >= before[name], name)
        before[name] = count
      end
    end)
    ending(made, 1, { code = 0 }, { code = 1 })
    send(made, 3)
    made:advance(60)
    assert.are.equal(0, #made.witness.errors)
    assert.is_true(before.started >= 3 and before.received >= 3)
  end)

  it("measure the wait once where a job is held", function()
    local asked = 0
    local made, counted = stage { admit = function()
      asked = asked + 1
      if asked <= 3 then return "hold", 5 end
      return true
    end }
    ending(made, 1, { code = 0 })
    send(made, 1)
    made:advance(30)
    assert.are.equal(1, counted.wait:read().count)
    assert.are.equal(1, stages.outcomes(counted).complete)
  end)
end)
