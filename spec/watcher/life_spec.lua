-- What raises while a job is in the watcher's hands: a hook, the log, the queue, the runner,
-- memory.
-- One line on stderr was all that was left of it, the message was in flight forever with
-- heartbeats, `--drain` hung, and 1,000 of them stopped the watcher.

local policy = require "watchbot.policy"
local scheduler = require "watchbot.scheduler"
local open_stage = require("watchbot.testing.stage").open

local function policy_with(more)
  local fields = { queue = "sqlite:jobs.db", command = "true", workers = 2 }
  for name, value in pairs(more or {}) do fields[name] = value end
  return policy(fields)
end

-- A watcher on a separate stage, whose tasks end with 0 as soon as they run.
local function stage(one)
  local made = open_stage(one or policy_with(), {})
  local start = made.runner.start
  made.runner.start = function(...)
    local run, err, code = start(...)
    if run then run:finish { code = 0 } end
    return run, err, code
  end
  return made
end

local function send(made, ...)
  local bodies = { ... }
  made:drive(function()
    for _, body in ipairs(bodies) do made.queue:send { { body = body } } end
  end)
end

-- Has the next call of a method raise, and later ones work.
local function raise_once(object, name, err)
  local real, raised = object[name], 0
  object[name] = function(...)
    if raised == 0 then
      raised = 1
      error(err or "planted", 0)
    end
    return real(...)
  end
  return function() return raised end
end

local function idle(made)
  local counts = made.queue:counts()
  return counts.visible + counts.delayed + counts.in_flight == 0 and made.watcher.jobs:none()
end

describe("a job's life", function()
  local made
  after_each(function()
    if made then made:close() end
    made = nil
  end)

  -- Where, whose method; the message comes back and is completed by a later receive.
  local points = {
    { "the log, when the job begins", "journal", "started" },
    { "the log, when its outcome is known", "journal", "outcome" },
    { "the runner's start", "runner", "start" },
    { "the deletion", "settle", "delete" },
    { "the decision of the lease", "leases", "decide" },
    { "the count of outcomes", "tally", "count" },
    { "a change of stage", "jobs", "move" },
    { "the lease at the receive", "leases", "take" },
    { "the job at the receive", "jobs", "add" },
  }
  for _, point in ipairs(points) do
    it("gives the message back when this raises: " .. point[1], function()
      made = stage()
      local raised = raise_once(made.watcher[point[2]], point[3])
      send(made, "a", "b", "c")
      assert.are.equal(1, raised())
      for _ = 1, 40 do made:advance(60) end
      assert.is_true(idle(made), "messages are left")
      assert.are.equal(0, #made.queue.dead)
      assert.are.equal(0, made.watcher.jobs.slots + made.watcher.jobs.lingerers)
      send(made, "d")
      assert.is_true(idle(made), "the slot is not free")
    end)
  end

  for _, name in ipairs { "admit", "environment", "verdict", "backoff", "poll", "notify" } do
    it(("survives the hook '%s' that raises once"):format(name), function()
      local one = policy_with { topic = "arn:aws:sns:eu-west-1:123456789012:t" }
      local default, raised = policy[name], false
      one[name] = function(...)
        if not raised then
          raised = true
          error "planted"
        end
        return default(...)
      end
      made = open_stage(one, {})
      local codes = { 7, 0, 0, 0 }
      local start = made.runner.start
      made.runner.start = function(...)
        local run = start(...)
        if run then run:finish { code = table.remove(codes, 1) or 0 } end
        return run
      end
      send(made, "a", "b")
      for _ = 1, 40 do made:advance(60) end
      assert.is_true(raised)
      assert.is_true(idle(made))
      assert.are.equal(0, #made.queue.dead)
    end)
  end

  -- What a handler and a hook may return, however odd.
  local odd = {
    { "reject with a function as its reason", function() return "reject", print end },
    { "retry with a table as its reason", function() return "retry", {} end },
    { "NaN", function() return 0 / 0 end },
    { "a coroutine", function() return coroutine.create(print) end },
    { "an error that is a table", function() error {} end },
    { "an error that is nil", function() error() end },
    { "an error whose __tostring raises", function()
      error(setmetatable({}, { __tostring = function() error "again" end }))
    end },
  }
  for _, case in ipairs(odd) do
    it("ends for a handler that gives " .. case[1], function()
      local one = policy { queue = "sqlite:jobs.db", handler = case[2], max_receives = 2 }
      made = open_stage(one, {})
      send(made, "a")
      for _ = 1, 10 do made:advance(60) end
      assert.is_true(idle(made), "the message is in flight forever")
      send(made, "b")
      for _ = 1, 10 do made:advance(60) end
      assert.is_true(idle(made), "the slot is not free")
    end)
  end

  for _, seconds in ipairs { 0 / 0, math.huge, -math.huge, "soon", print } do
    it("ends when a hold is for " .. tostring(seconds):gsub("0x.*", "") .. " seconds", function()
      local one, held = policy_with(), false
      function one:admit()
        if held then return true end
        held = true
        return "hold", seconds
      end
      made = stage(one)
      send(made, "a")
      for _ = 1, 14 do made:advance(3600) end
      assert.is_true(idle(made))
    end)
  end

  -- A task whose follower raised was still running when its message was received again.
  it("stops a task that it has lost track of before the message goes back", function()
    made = open_stage(policy_with { max_receives = 5 }, {})
    local stopped
    local start = made.runner.start
    made.runner.start = function(...)
      local run = start(...)
      local wait, stop = run.wait, run.stop
      run.wait = function()
        run.wait = wait
        error "planted"
      end
      run.stop = function(_, reason, ...)
        stopped = reason
        return stop(run, reason, ...)
      end
      made.runner.start = start
      return run
    end
    send(made, "a")
    made:advance(2)
    assert.matches("lost track", stopped)
    made:advance(60)
    assert.are.equal(1, made.watcher.jobs.slots)
  end)

  -- README's promise, and FAULTS A6, A7: who is at fault for what happens before a task runs.
  describe("before a task runs", function()
    it("kills no message for a hook that fails for all of them", function()
      local one = policy_with { max_receives = 3, workers = 4 }
      local broken = true
      function one:environment(job)
        if broken then return { LIST = {} } end
        return policy.environment(self, job)
      end
      made = stage(one)
      for index = 1, 20 do send(made, "m" .. index) end
      for _ = 1, 60 do made:advance(60) end
      assert.are.equal(0, #made.queue.dead)
      assert.are.equal(20, #made.queue.items)
      broken = false
      for _ = 1, 60 do made:advance(60) end
      assert.is_true(idle(made))
      assert.are.equal(0, #made.queue.dead)
    end)

    it("lets good messages through behind six that make 'command' raise, and the six die",
      function()
      local one = policy_with { max_receives = 4 }
      one.command = function(job)
        if job.message:match "^bad" then error "bad message" end
        return "true"
      end
      made = stage(one)
      local done = {}
      made.watcher.jobs:observe(function(entry, _, to)
        if to == "gone" and entry.outcome == "complete" then done[#done + 1] = entry.job.message end
      end)
      made:drive(function()
        for index = 1, 6 do made.queue:send { { body = "bad" .. index } } end
        for index = 1, 3 do made.queue:send { { body = "good" .. index } } end
      end)
      made:advance(5)
      assert.are.equal(3, #done)
      for _ = 1, 30 do made:advance(60) end
      assert.are.equal(6, #made.queue.dead)
      assert.is_true(idle(made))
    end)

    it("counts no receive for a program that is missing", function()
      local one = policy_with { max_receives = 2 }
      made = open_stage(one, {})
      for _ = 1, 30 do made.runner:refuse("no such file", "ENOENT") end
      send(made, "a")
      for _ = 1, 10 do made:advance(60) end
      assert.are.equal(0, #made.queue.dead)
      assert.are.equal(1, #made.queue.items)
    end)

    it("counts a receive for arguments that are too long", function()
      local one = policy_with { max_receives = 2 }
      made = open_stage(one, {})
      for _ = 1, 30 do made.runner:refuse("argument list too long", "E2BIG") end
      send(made, "a")
      for _ = 1, 10 do made:advance(60) end
      assert.are.equal(1, #made.queue.dead)
    end)
  end)

  it("does not start what another watcher may have by now", function()
    made = stage()
    made:drive(function()
      made.queue:send { { body = "a" } }
      -- The answer waited in the socket for longer than the visibility.
      local receive = made.queue.receive
      made.queue.receive = function(...)
        local messages, err, code = receive(...)
        for _ in ipairs(messages or {}) do
          made.watcher.leases.gap = { from = scheduler.boottime() - 200, to = scheduler.boottime() }
        end
        return messages, err, code
      end
    end)
    local asked = made.watcher.life.accept
    made.watcher.life.accept = function(self, message)
      message.asked = scheduler.boottime() - 300
      return asked(self, message)
    end
    send(made, "b")
    assert.matches("the lease has lapsed", table.concat(made.witness.lines, "\n"))
  end)

  -- The look for an earlier task takes seconds, in which a watcher may be suspended.
  it("does not start what has lapsed while its earlier task was looked for", function()
    made = stage()
    local started = 0
    made:drive(function()
      local runner = made.watcher.life.context.runner
      local start = runner.start
      runner.start = function(...)
        started = started + 1
        return start(...)
      end
      runner.find = function()
        made.watcher.jobs:all "starting"[1].lease.deadline = scheduler.boottime()
      end
    end)
    send(made, "a")
    assert.matches("the lease has lapsed", table.concat(made.witness.lines, "\n"))
    assert.are.equal(0, started)
  end)

  -- A start takes seconds, too (RunTask).
  it("stops what has been lost while it was started, and settles nothing", function()
    made = stage()
    local run
    made:drive(function()
      local runner, start = made.watcher.life.context.runner, made.runner.start
      runner.start = function(self, ...)
        local lease = made.watcher.jobs:all "starting"[1].lease
        lease.deadline, lease.lost = scheduler.boottime(), true
        runner.start = nil
        local given, err, code = start(self, ...)
        run = given or run
        return given, err, code
      end
    end)
    send(made, "a")
    assert.are.equal("stopped: the lease has lapsed", run.reason)
    assert.matches("the task is stopped", table.concat(made.witness.lines, "\n"))
    assert.are.equal(1, made.queue:counts().in_flight)
    assert.is_true(made.watcher.jobs:none())
  end)
end)

describe("a message that is to be buried", function()
  local made
  after_each(function() made:close() end)

  local function buried(queue)
    local one = policy {
      queue = "sqlite:jobs.db", exits = { [65] = "bury" }, command = "true", max_receives = 3,
    }
    made = open_stage(one, { topic = "arn:aws:sns:eu-west-1:123456789012:t" })
    for name, value in pairs(queue or {}) do made.queue[name] = value end
    made:drive(function() made.queue:send { { body = "a" } } end)
    local run = made.watcher.jobs:all "running"[1].run
    made:drive(run.finish, run, { code = 65, reason = "not a tile" })
    return made.witness:record "message-1"
  end

  it("is a dead letter with its reason, and notified", function()
    local record = buried()
    assert.are.same({ "bury", "dead" }, { record.outcome, record.state })
    assert.are.equal(1, #made.queue.dead)
    assert.are.equal("not a tile", made.queue.dead[1].reason)
    assert.are.equal(1, #made.world.notifications)
    assert.is_true(made.watcher.jobs:none())
  end)

  -- It must never be deleted here before it is there.
  it("is retried where it cannot be moved, and the log says why", function()
    local record = buried {
      bury = function() return nil, "the queue has no dead-letter queue", "NoDeadLetterQueue" end,
    }
    assert.are.same({ "retry", "queued" }, { record.outcome, record.state })
    assert.are.equal(1, #made.queue.items)
    assert.matches("no dead%-letter queue", table.concat(made.witness.lines, "\n"))
    assert.matches("not moved to the dead%-letter queue", record.exit.reason)
  end)
end)
