-- What the end of a task means, for tasks as DescribeTasks and the events describe them. That ECS
-- says such things, the ECS server of spec/aws/ecs_spec.lua shows for those that it can bring
-- about; it has no Spot interruptions and breaks no machines.

local ending = require "watchbot.runner.ecs.ending"

local CREATED <const>, STARTED <const>, STOPPED <const> = 1469664757, 1469664767.25, 1469664797.75

-- A task that has run; `more` is over it, and false takes a name out.
local function task(more)
  local made = {
    taskArn = "arn:task", clusterArn = "arn:cluster", containerInstanceArn = "arn:instance",
    lastStatus = "STOPPED",
    createdAt = CREATED, startedAt = STARTED, stoppedAt = STOPPED,
    stopCode = "EssentialContainerExited",
    stoppedReason = "Essential container in task exited", containers = { { name = "main",
    exitCode = 0 } },
  }
  for name, value in pairs(more or {}) do made[name] = value or nil end
  return made
end

local function exit_of(more, name)
  return ending.exit(task(more), name or "main")
end

local function with(container)
  container.name = "main"
  return { containers = { container } }
end

describe("the end of a task that ran", function()
  it("is its exit code, with where it ran and how long", function()
    assert.are.same({
      code = 0, stop_code = "EssentialContainerExited", elsewhere = true, duration = 30.5,
      pending = 10.25,
      cluster = "arn:cluster", instance = "arn:instance", task = "arn:task",
    }, exit_of())
    for _, code in ipairs { 1, 3, 4, 7, 126, 127, 128 } do
      local exit = exit_of(with { exitCode = code })
      assert.are.equal(code, exit.code)
      assert.is_nil(exit.signal)
      assert.is_nil(exit.not_started)
      assert.is_nil(exit.blameless)
    end
  end)

  it("names the signal that a shell or a container's runtime tells of as 128 and its number",
    function()
    for code, signal in pairs { [129] = "HUP", [134] = "ABRT", [137] = "KILL", [139] = "SEGV",
      [143] = "TERM" } do
      local exit = exit_of(with { exitCode = code })
      assert.are.equal(signal, exit.signal)
      assert.are.equal(code, exit.code)
    end
    assert.is_nil(exit_of(with { exitCode = 255 }).signal)
  end)

  it("has the container's reason where it gives one", function()
    local reason = "OutOfMemoryError: Container killed due to memory usage"
    local exit = exit_of(with { exitCode = 137, reason = reason })
    assert.are.equal(reason, exit.reason)
    assert.is_nil(exit.blameless)
    assert.is_nil(exit.not_started)
  end)

  it("is that of the container that counts", function()
    local containers = { { name = "side", exitCode = 1, reason = "lost" }, { name = "main",
      exitCode = 3 } }
    local exit = exit_of { containers = containers }
    assert.are.equal(3, exit.code)
    assert.is_nil(exit.reason)
    assert.are.equal(1, exit_of({ containers = containers }, "side").code)
  end)

  -- The program ran, and how it ended is unknown: the job is retried, unlike after a task that
  -- never ran.
  it("without an exit code is a failure with the task's reason", function()
    local exit = exit_of(with {})
    assert.is_nil(exit.code)
    assert.are.equal("Essential container in task exited", exit.reason)
    assert.is_nil(exit.blameless)
    exit = exit_of({}, "another")
    assert.is_nil(exit.code)
    assert.is_nil(exit.not_started)
  end)
end)

describe("the end of all containers", function()
  local function all(containers, more)
    local made = task(more)
    made.containers = containers
    return ending.exit(made)
  end

  -- Without a container's name all had to agree: a sidecar that ended with 137 made a success fail.
  it("is that of the container that got the message", function()
    for _, side in ipairs { 0, 3, 137 } do
      local containers = { { name = "side", exitCode = side }, { name = "main", exitCode = 0 } }
      local exit = all(containers, { overrides = { containerOverrides = {
        { name = "side" }, { name = "main", environment = { { name = "MessageId", value = "m" } } },
      } } })
      assert.are.equal(0, exit.code)
      assert.is_nil(exit.reason)
    end
  end)

  it("is that of the first one where the task does not say which got it", function()
    assert.are.equal(3, all({ { name = "main", exitCode = 3 }, { name = "side",
      exitCode = 0 } }).code)
  end)

  it("that never ran is not started", function()
    local reason = "CannotPullContainerError: pull access denied"
    local exit = all({ { name = "main", reason = reason }, { name = "side" } },
      { startedAt = false })
    assert.is_true(exit.not_started)
    assert.are.equal(reason, exit.reason)
    assert.is_true(all({}, { startedAt = false }).not_started)
  end)

  -- One container could not be started after another had been, which was then killed: "they
  -- disagree", and the job had failed.
  it("of a task that failed to start is not started, whatever some of them say", function()
    local reason = "CannotStartContainerError: no such file"
    local exit = all({ { name = "main", reason = reason }, { name = "side", exitCode = 137 } },
      { stopCode = "TaskFailedToStart", startedAt = false })
    assert.is_true(exit.not_started)
    assert.is_true(exit.blameless)
    assert.are.equal(reason, exit.reason)
  end)

  -- An essential sidecar's image could not be pulled after the named container had begun: that one
  -- was killed, and a policy that rejects KILL deleted the message.
  it("of a task that failed to start is never judged by a container's exit code", function()
    local reason = "CannotPullContainerError: pull access denied"
    for _, code in ipairs { 137, 143, 0, 3 } do
      local exit = exit_of { stopCode = "TaskFailedToStart", containers = {
        { name = "main", exitCode = code }, { name = "side", reason = reason },
      } }
      assert.is_nil(exit.code)
      assert.is_nil(exit.signal)
      assert.is_true(exit.not_started and exit.blameless)
      assert.are.equal(reason, exit.reason)
    end
  end)

  -- Capacity that is gone once RunTask has answered is no fault of the policy: the breaker opened.
  it("for want of room is placed again", function()
    for _, reason in ipairs {
      "Capacity is unavailable at this time. Please try again later or in a different "
        .. "availability zone",
      "TaskFailedToStart: RESOURCE:MEMORY", "TaskFailedToStart: EMPTY CAPACITY PROVIDER",
      "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment "
        .. "enabled in subnet 'subnet-1': InsufficientFreeAddressesInSubnet",
      "Timeout waiting for network interface provisioning to complete.",
    } do
      local exit = exit_of { stopCode = "TaskFailedToStart", stoppedReason = reason,
        startedAt = false,
        containers = { { name = "main" } } }
      assert.is_true(exit.unplaced, reason)
      assert.is_nil(exit.not_started)
      assert.are.equal(reason, exit.reason)
    end
  end)
end)

describe("the end of a task that never ran its program", function()
  it("is not the job's fault, with the reason of whoever has one", function()
    for _, reason in ipairs {
      "CannotPullContainerError: pull access denied for nobody",
      "CannotStartContainerError: exec: \"x\": not found",
      "CannotCreateContainerError: no space left on device",
      "CannotInspectContainerError: Could not transition",
      "DockerTimeoutError: Could not transition to created",
      "ResourceInitializationError: unable to pull secrets",
      "OutOfMemoryError: unable to create the container", "InternalError: the agent could not say",
    } do
      for _, more in ipairs { with { reason = reason }, { containers = { { name = "main" } },
        stoppedReason = reason } } do
        local exit = exit_of(more)
        assert.is_nil(exit.code)
        assert.is_true(exit.not_started, reason)
        assert.is_true(exit.blameless, reason)
        assert.are.equal(reason, exit.reason)
      end
    end
  end)

  it("is known by its stop code, and by a start that never was", function()
    local exit = exit_of {
      stopCode = "TaskFailedToStart", containers = { { name = "main" } },
      stoppedReason = "Task failed to start",
    }
    assert.is_true(exit.not_started and exit.blameless)
    assert.are.equal("Task failed to start", exit.reason)
    exit = exit_of { startedAt = false, containers = { { name = "main" } } }
    assert.is_true(exit.not_started and exit.blameless)
    assert.are.equal(0, exit.duration)
    assert.is_nil(exit.pending)
    assert.is_true(exit_of { startedAt = false, containers = false }.not_started)
  end)

  it("is not that of one with an exit code: it ran", function()
    local exit = exit_of(with { exitCode = 7, reason = "CannotInspectContainerError: gone" })
    assert.are.equal(7, exit.code)
    assert.is_nil(exit.not_started)
    assert.is_nil(exit.blameless)
  end)
end)

describe("the end of a task whose machine went away", function()
  it("is not the job's fault, and it had been started", function()
    for _, code in ipairs { "SpotInterruption", "TerminationNotice", "InfrastructureHealth" } do
      for _, container in ipairs { { exitCode = 143 }, {} } do
        local more = with(container)
        more.stopCode, more.stoppedReason = code, "Your Spot Task was interrupted."
        local exit = exit_of(more)
        assert.is_true(exit.blameless)
        assert.is_nil(exit.not_started)
        assert.are.equal(code, exit.stop_code)
        assert.are.equal("Your Spot Task was interrupted.", exit.reason)
      end
    end
  end)

  -- A job that had ended well when its Spot machine was taken ran once more.
  it("is done where the job has ended well", function()
    for _, code in ipairs { "SpotInterruption", "TerminationNotice" } do
      local more = with { exitCode = 0 }
      more.stopCode, more.stoppedReason = code, "Your Spot Task was interrupted."
      local exit = exit_of(more)
      assert.are.equal(0, exit.code)
      assert.is_nil(exit.blameless)
    end
  end)

  -- ECS gives no stop code for a machine that was terminated: the job had failed with 137.
  it("is known by its reason where there is no stop code", function()
    for _, reason in ipairs {
      "Host EC2 (instance i-06aab15feb4568492) terminated.",
      "Host EC2 (instance i-06aab15feb4568492) stopped.",
      "Your Spot Task was interrupted.",
      "ECS is performing maintenance on the underlying infrastructure hosting the task.",
    } do
      for _, container in ipairs { { exitCode = 137 }, {} } do
        local more = with(container)
        more.stopCode, more.stoppedReason = false, reason
        local exit = exit_of(more)
        assert.is_true(exit.blameless, reason)
        assert.is_nil(exit.not_started)
        assert.are.equal(reason, exit.reason)
      end
    end
  end)

  it("is nobody's where it was stopped before it ran", function()
    local exit = exit_of { stopCode = "UserInitiated", startedAt = false,
      containers = { { name = "main" } } }
    assert.is_true(exit.blameless)
    assert.is_nil(exit.not_started)
  end)

  it("is the job's own for other stop codes", function()
    local more = with { exitCode = 143 }
    more.stopCode = "EssentialContainerExited"
    assert.is_nil(exit_of(more).blameless)
  end)

  -- A person stopped a task that ignored TERM: with `exits = { KILL = "reject" }` its message was
  -- deleted.
  it("is nobody's where a person or a service has stopped it", function()
    for _, stop_code in ipairs { "UserInitiated", "ServiceSchedulerInitiated" } do
      for _, code in ipairs { 137, 143 } do
        local more = with { exitCode = code }
        more.stopCode, more.stoppedReason = stop_code, "Task stopped by user"
        local exit = exit_of(more)
        assert.is_true(exit.blameless)
        assert.are.equal("Task stopped by user", exit.reason)
        assert.is_nil(ending.exit(task(more), "main", true).blameless, "stopped by the watcher")
      end
      for _, code in ipairs { 0, 3, 139 } do
        local more = with { exitCode = code }
        more.stopCode = stop_code
        assert.is_nil(exit_of(more).blameless, code)
      end
      local more = with { exitCode = 137, reason = "OutOfMemoryError: Container killed" }
      more.stopCode = stop_code
      assert.is_nil(exit_of(more).blameless)
    end
  end)
end)

describe("what an event says of an end", function()
  -- Members of other types than ECS's raised.
  it("may be anything", function()
    local odd = { false, 7, "x", {}, true }
    for _, name in ipairs {
      "containers", "overrides", "stopCode", "stoppedReason", "createdAt", "startedAt", "stoppedAt",
      "taskArn",
    } do
      for _, value in ipairs(odd) do
        assert.are.equal("table", type(exit_of { [name] = value }), name)
        assert.are.equal("table", type(ending.exit(task { [name] = value })), name)
      end
    end
    for _, containers in ipairs { { 7, "x" }, { { name = "main", exitCode = {}, reason = {} } } } do
      local exit = exit_of { containers = containers }
      assert.is_nil(exit.code)
      assert.is_nil(exit.signal)
    end
  end)

  it("tells a container that was killed for its memory", function()
    assert.is_true(exit_of(with { exitCode = 137,
      reason = "OutOfMemoryError: Container killed due to memory usage" }).oom)
    assert.is_nil(exit_of(with { exitCode = 137 }).oom)
  end)
end)

describe("the times of a task", function()
  it("are numbers in answers and text in events", function()
    assert.are.equal(CREATED + 0.5, ending.time(CREATED + 0.5))
    assert.are.equal(CREATED, ending.time "2016-07-28T00:12:37Z")
    assert.are.equal(CREATED + 0.25, ending.time "2016-07-28T00:12:37.25Z")
    assert.are.equal(CREATED + 0.125, ending.time "2016-07-28T00:12:37.125000Z")
  end)

  it("are right across leap years and centuries", function()
    assert.are.equal(0, ending.time "1970-01-01T00:00:00Z")
    for _, day in ipairs { "1999-12-31", "2000-02-29", "2000-03-01", "2024-02-29", "2026-01-01",
      "2100-03-01" } do
      local text = day .. "T23:59:58Z"
      local pipe <close> = io.popen(("date -u -d '%s' +%%s"):format(text))
      assert.are.equal(pipe:read "n", ending.time(text), text)
    end
  end)

  -- What comes from a queue may be anything: an error here ended the reading of events.
  it("are nil where they make no sense", function()
    for _, time in ipairs {
      "", "yesterday", "2016-07-28T00:12:3.7.1Z", "2016-07-28T00:12:37.1.2Z",
      "99999999999999999999-01-01T00:00:00Z", {}, true,
      require "cjson".null,
    } do
      assert.is_nil(ending.time(time))
    end
    assert.is_nil(ending.time(nil))
  end)

  it("make durations, in either form, never negative", function()
    local exit = exit_of {
      createdAt = "2016-07-28T00:12:37.000Z", startedAt = "2016-07-28T00:12:47.5Z",
      stoppedAt = "2016-07-28T01:12:48Z",
    }
    assert.are.equal(3600.5, exit.duration)
    assert.are.equal(10.5, exit.pending)
    exit = exit_of { stoppedAt = STARTED - 5, createdAt = STARTED + 5 }
    assert.are.equal(0, exit.duration)
    assert.are.equal(0, exit.pending)
    assert.are.equal(0, exit_of({ stoppedAt = false }).duration)
    assert.is_nil(exit_of({ createdAt = false }).pending)
  end)
end)

-- A watcher of ECS tasks remembered the last 20,000 of them whole, each with its message: its
-- memory grew by 13 KB a message (make soak).
describe("the essence of a task", function()
  local function started(more)
    local made = task(more)
    made.overrides = { containerOverrides = { { name = "worker", environment = {
      { name = "Message", value = ("x"):rep(5000) }, { name = "MessageId", value = "id" },
      { name = "ApproximateReceiveCount", value = "3" },
    } } } }
    made.attachments, made.version = { { id = "eni" } }, 7
    return made
  end

  it("ends as the task does", function()
    local host_gone = { stopCode = "TerminationNotice", stoppedReason = "Host EC2 terminated" }
    for _, more in ipairs {
      {}, { containers = { { name = "worker", exitCode = 3, reason = "OutOfMemoryError: x" } } },
      { containers = { { name = "side", exitCode = 1 }, { name = "worker", exitCode = 137 } } },
      { stopCode = "TaskFailedToStart", startedAt = false }, { containers = false }, host_gone,
    } do
      local whole = started(more)
      assert.are.same(ending.exit(whole), ending.exit(ending.essence(whole)))
    end
  end)

  it("knows its message and receive, and has nothing else of them", function()
    local kept = ending.essence(started())
    local name, variables = ending.container(kept)
    assert.are.equal("worker", name)
    assert.are.same({ MessageId = "id", ApproximateReceiveCount = "3" }, variables)
    assert.is_nil(kept.attachments)
    assert.is_nil(kept.overrides)
    assert.are.same({ nil, {} }, { ending.container(ending.essence(task())) })
  end)
end)
