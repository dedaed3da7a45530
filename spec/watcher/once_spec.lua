-- Messages that run once by their key: on a stage, with a clock that the spec moves; and the whole
-- program, killed at any moment.

local doubles = require "support.doubles"
local open_stage = require("watchbot.testing.stage").open
local policy = require "watchbot.policy"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task = workshop.task

-- A watcher whose handler runs 10 seconds, notes what it runs, and ends by the message's last word.
local function stage(more)
  local ran, most, now = {}, 0, 0
  local fields = {
    queue = "sqlite:jobs.db", workers = 10, visibility = 30,
    once = function(job) return job.message:match "^%w+" end,
    handler = function(job)
      now = now + 1
      most = math.max(most, now)
      ran[#ran + 1] = job.message
      scheduler.sleep(10)
      now = now - 1
      return job.message:match "%a+$"
    end,
    backoff = function() return 5 end,
  }
  for name, value in pairs(more or {}) do fields[name] = value end
  return open_stage(policy(fields), {}), ran, function() return most end
end

-- A watcher whose tasks end when the spec says so.
local function tasks(more)
  local fields = {
    queue = "sqlite:jobs.db", workers = 10, command = "true",
    once = function(job) return job.message:match "^%w+" end,
    backoff = function() return 5 end,
  }
  for name, value in pairs(more or {}) do fields[name] = value end
  local made, runs = open_stage(policy(fields), {}), {}
  local start = made.runner.start
  made.runner.start = function(...)
    local run, err, code = start(...)
    runs[#runs + 1] = run
    return run, err, code
  end
  return made, runs
end

local function send(made, ...)
  local bodies = { ... }
  made:drive(function()
    for _, body in ipairs(bodies) do assert(made.queue:send { { body = body } }) end
  end)
end

local function tally(made) return made.watcher.tally end

local function left(made)
  local counts = made.queue:counts()
  return counts.visible + counts.delayed + counts.in_flight
end

describe("messages with one key", function()
  local made, ran, most

  after_each(function()
    if made then made:close() end
    made = nil
  end)

  it("run one at a time, and once", function()
    made, ran, most = stage()
    send(made, "a 1 complete", "a 2 complete", "b 1 complete", "a 3 complete")
    made:advance(60)
    assert.are.same({ "a 1 complete", "b 1 complete" }, ran)
    assert.are.equal(2, most())
    assert.are.equal(0, left(made))
    assert.are.equal(2, tally(made).once_done)
    assert.are.equal(4, tally(made).complete)
    assert.are.equal(0, tally(made).once_doubt)
  end)

  it("are done when the first is rejected, as it will not be tried again", function()
    made, ran = stage()
    send(made, "a 1 reject", "a 2 complete")
    made:advance(60)
    assert.are.same({ "a 1 reject" }, ran)
    assert.are.equal(1, tally(made).once_done)
  end)

  for _, outcome in ipairs { "retry", "release", "bury" } do
    it(("run again when the first ends with '%s'"):format(outcome), function()
      made, ran, most = stage { max_receives = 1 }
      send(made, "a 1 " .. outcome)
      made:advance(1)
      send(made, "a 2 complete")
      made:advance(60)
      assert.are.same({ "a 1 " .. outcome, "a 2 complete" }, { ran[1], ran[2] })
      assert.are.equal(1, most())
      assert.are.equal(0, tally(made).once_doubt)
    end)
  end

  it("run again after 'once_for'", function()
    made, ran = stage { once_for = 100 }
    send(made, "a 1 complete")
    made:advance(60)
    send(made, "a 2 complete")
    made:advance(60)
    send(made, "a 3 complete")
    made:advance(60)
    assert.are.same({ "a 1 complete", "a 3 complete" }, ran)
  end)

  -- The key is asked for, and its message has its heartbeats, for as long as the other one runs.
  it("wait longer than their visibility timeout, without a receive", function()
    local runs
    made, runs = tasks { visibility = 5 }
    send(made, "a 1", "a 2")
    made:advance(300)
    assert.are.equal(1, #runs)
    assert.are.equal(1, made.watcher.jobs.slots)
    made:drive(function() runs[1]:finish { code = 1 } end)
    made:advance(20)
    assert.are.equal(2, #runs)
    assert.are.equal(0, tally(made).once_doubt)
    local receives = { made.queue.items[1].receives, made.queue.items[2].receives }
    assert.are.same({ 2, 1 }, receives)
  end)

  -- With a thousand held jobs a watcher receives nothing: one key would have stopped all others.
  it("do not keep the others from running, however many they are", function()
    local runs
    made, runs = tasks { workers = 5 }
    local bodies = {}
    for index = 1, 1500 do bodies[index] = "a " .. index end
    bodies[#bodies + 1] = "b"
    send(made, table.unpack(bodies))
    made:advance(120)
    assert.are.equal(2, #runs)
    assert.is_true(made.watcher.jobs.counts.held <= 110, made.watcher.jobs.counts.held)
    made:drive(function() for _, run in ipairs(runs) do run:finish { code = 0 } end end)
    made:advance(60)
    assert.are.equal(2, #runs)
    assert.are.equal(0, left(made))
    assert.are.equal(1499, tally(made).once_done)
    assert.are.equal(0, #made.queue.dead)
  end)

  it("may have no key", function()
    made, ran = stage { once = function(job) return job.message:match "^k%w+" end }
    send(made, "a complete", "a complete", "k1 complete", "k1 complete")
    made:advance(60)
    assert.are.same({ "a complete", "a complete", "k1 complete" }, ran)
  end)

  it("have their body, or their deduplication id, as the key", function()
    made, ran = stage { once = "body" }
    send(made, "complete", "complete")
    made:advance(60)
    assert.are.same({ "complete" }, ran)
    made:close()
    made, ran = stage { once = "deduplication" }
    made:drive(function()
      assert(made.queue:send { { body = "1 complete", deduplication = "x" } })
      made.queue.deduplicated = {} -- five minutes later
      assert(made.queue:send {
        { body = "2 complete", deduplication = "x" }, { body = "3 complete" },
      })
    end)
    made:advance(60)
    table.sort(ran)
    assert.are.same({ "1 complete", "3 complete" }, ran)
  end)

  -- As every hook: it is logged, the message is retried, and nothing runs without its key.
  for what, once in pairs {
    ["raises"] = function() error "planted" end,
    ["returns a table"] = function() return {} end,
    ["returns a number"] = function() return 7 end,
    ["returns false"] = function() return false end,
  } do
    it("do not run where the function " .. what, function()
      made, ran = stage { once = once, max_receives = 3 }
      local complained = 0
      made.watcher.hooks.policy.failed = function(_, _, where)
        if where == "once" then complained = complained + 1 end
      end
      send(made, "a complete")
      made:advance(100)
      assert.are.same({}, ran)
      assert.are.equal(3, complained)
      assert.are.equal(1, #made.queue.dead)
    end)
  end

  it("leave no key in progress where their watcher ends", function()
    made = tasks { drain = 0, kill_grace = 0 }
    send(made, "a 1", "a 2")
    made:advance(1)
    local keys, items = made.queue.keys, made.queue.items
    assert.is_not_nil(next(keys))
    made:stop()
    assert.are.same({}, keys)
    assert.are.equal(0, items[1].receives + items[2].receives)
    made = nil
  end)

  -- A retry after a failed claim, a reload: the function is asked for each attempt.
  it("follow a policy that is loaded again", function()
    made, ran = stage()
    made.watcher.hooks.policy.once = nil
    send(made, "a 1 complete", "a 2 complete")
    made:advance(60)
    assert.are.equal(2, #ran)
  end)
end)

describe("a policy with 'once'", function()
  local function problem_of(more)
    local fields = { queue = "sqlite:jobs.db", command = "true" }
    for name, value in pairs(more) do fields[name] = value end
    local made, err = policy.try(fields)
    if not made then return err end
    local _, problem = made:complete()
    return problem
  end

  it("needs a table for SQS", function()
    local url = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"
    assert.matches("needs 'once_table'", problem_of { queue = url, once = "body" })
    assert.matches("got 'keys'", problem_of { queue = url, once = "body", once_table = "keys" })
    assert.is_nil(problem_of {
      queue = url, once = "body",
      once_table = "arn:aws:dynamodb:eu-west-1:123456789012:table/keys",
    })
    assert.is_nil(problem_of { once = "id" })
  end)

  it("names a wrong value", function()
    assert.matches("one of 'id', 'body', 'deduplication', got 'bodies'",
      problem_of { once = "bodies" })
    assert.matches("policy field 'once_for'", problem_of { once = "id", once_for = 0 })
  end)
end)

describe("kill -9 with keys", function()
  for _, runner in ipairs { "process", "handler", "resident" } do
    it("completes each key once, or reports it as in doubt: " .. runner, task(function(folder)
      doubles.check(folder, {
        runner = runner, keys = 150, kills = 10, url = folder:url(),
        send = function(lines) workshop.send(folder, lines) end,
      })
    end))
  end
end)

-- Runners without tasks that outlive them have `find = false`: their keys rested for the handover
-- of ECS tasks after a watcher was killed.
describe("a key", function()
  it("outlasts its watcher only where tasks do", function()
    local once = require "watchbot.watcher.once"
    for _, find in ipairs { false, function() end } do
      local one = once.new {
        hooks = {}, journal = {}, queue = {}, tally = {}, runner = { find = find },
      }
      assert.are.equal(find ~= false, one.lasting)
    end
  end)
end)
