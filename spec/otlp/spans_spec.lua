local cjson = require "cjson"
local jobs = require "watchbot.watcher.jobs"
local sampler = require "watchbot.otlp.sampler"
local spans = require "watchbot.otlp.spans"
local trace = require "watchbot.trace"

local PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

-- Takes `count` spans.
local function taker(made, most)
  return {
    has_room = function() return #made < (most or math.huge) end,
    add = function(_, span) made[#made + 1] = cjson.decode(span) end,
  }
end

-- Jobs that are observed, and their spans.
local function observed(queue, sample, most)
  local all, made, errors = jobs.new(), {}, {}
  local maker = spans.new(queue or "sqlite:/var/jobs.db", sample or sampler.new("always_on", 1),
    taker(made, most))
  all:observe(maker:observer(function(err) errors[#errors + 1] = err end))
  return all, made, errors
end

local function entry(all, more)
  return all:add {
    id = "m-1", message = { body = "hello", receives = 1 }, outcome = false, decided = false,
    exit = false, seconds = false,
    job = { id = "m-1", receives = 1, sent = 0, trace = more and trace.read(more) },
  }
end

local function through(all, one, ...)
  for _, stage in ipairs { ... } do all:move(one, stage) end
end

local function names(made)
  local list = {}
  for index, span in ipairs(made) do list[index] = span.name end
  return list
end

local function attributes(span)
  local found = {}
  for _, one in ipairs(span.attributes) do found[one.key] = select(2, next(one.value)) end
  return found
end

describe("otlp.spans", function()
  it("makes a span of each job, with children for start, run and settle", function()
    local all, made, errors = observed()
    local one = entry(all, { traceparent = PARENT, tracestate = "a=1", baggage = "k=v" })
    through(all, one, "waiting", "deciding", "starting", "running", "settling")
    one.outcome, one.exit, one.decided = "complete", { code = 0 }, "default"
    all:changed(one)
    all:move(one, "gone")
    assert.are.same({}, errors)
    assert.are.same({ "start jobs.db", "run jobs.db", "settle jobs.db", "process jobs.db" },
      names(made))
    local process = made[4]
    for index = 1, 3 do
      assert.are.equal(process.spanId, made[index].parentSpanId)
      assert.are.equal(process.traceId, made[index].traceId)
      assert.are.equal("a=1", made[index].traceState)
    end
    assert.are.same({ 1, 1, 3, 5 }, { made[1].kind, made[2].kind, made[3].kind, process.kind })
    assert.are.equal("00f067aa0ba902b7", process.parentSpanId)
    assert.are.equal("00f067aa0ba902b7", process.links[1].spanId)
    assert.is_nil(process.status)
    assert.is_nil(process.events)
    -- What the task gets.
    assert.are.equal(("00-%s-%s-01"):format(process.traceId, process.spanId),
      one.job.trace.traceparent)
    assert.are.same({ "a=1", "k=v" }, { one.job.trace.tracestate, one.job.trace.baggage })
  end)

  it("has the attributes of the messaging conventions", function()
    local url = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"
    local all, made = observed(url)
    local one = entry(all)
    one.exit = { code = 0, task = "arn:aws:ecs:eu-west-1:1:task/fleet/1" }
    one.outcome, one.decided = "complete", "default"
    through(all, one, "waiting", "deciding", "starting", "running", "settling", "gone")
    local found = attributes(made[4])
    assert.is_truthy(tonumber(found["watchbot.wait_seconds"]))
    found["watchbot.wait_seconds"] = nil
    assert.are.same({
      ["messaging.system"] = "aws_sqs", ["messaging.operation.name"] = "process",
      ["messaging.operation.type"] = "process", ["messaging.destination.name"] = "jobs",
      ["messaging.message.id"] = "m-1", ["messaging.message.body.size"] = "5",
      ["aws.sqs.queue.url"] = url, ["server.address"] = "sqs.eu-west-1.amazonaws.com",
      ["server.port"] = "443", ["watchbot.receive_count"] = "1", ["watchbot.outcome"] = "complete",
      ["watchbot.decided_by"] = "default", ["process.exit.code"] = "0",
      ["aws.ecs.task.arn"] = "arn:aws:ecs:eu-west-1:1:task/fleet/1",
    }, found)
    assert.are.equal("settle", attributes(made[3])["messaging.operation.type"])
  end)

  it("has the status of the outcome, and the kind of a failure", function()
    for _, case in ipairs {
      { "complete", { code = 0 } }, { "release", { code = 4 } },
      { "reject", { code = 3 }, "exit_3", "exit code 3" },
      { "retry", { code = 1, timed_out = true, reason = "timed out after 1 s" }, "timeout",
        "timed out after 1 s" },
      { "retry", { signal = "KILL" }, "SIGKILL", "signal KILL" },
      { "retry", { not_started = true, error = "ENOENT", reason = "no program" }, "ENOENT",
        "no program" },
      { "bury", { too_big = true, reason = "too big" }, "bury", "too big" },
      { "retry", { stopped = true, signal = "TERM" }, "stopped", "signal TERM" },
    } do
      local all, made = observed()
      local one = entry(all)
      through(all, one, "waiting", "deciding", "starting", "running", "settling")
      one.outcome, one.exit = case[1], case[2]
      all:changed(one)
      all:move(one, "gone")
      local status = made[4].status
      assert.are.equal(case[3], attributes(made[4])["error.type"], case[1])
      assert.are.equal(case[4], status and status.message)
      assert.are.equal(case[3] and 2, status and status.code)
    end
  end)

  it("has an event for a retry with its backoff, and for each time that a job is put off",
    function()
      local all, made = observed()
      local one = entry(all)
      through(all, one, "waiting", "deciding")
      one.seconds, one.exit = 5, { reason = "not admitted" }
      all:move(one, "held")
      through(all, one, "waiting", "deciding", "starting")
      one.seconds, one.exit = 2, { reason = "no room" }
      through(all, one, "unplaced", "waiting", "deciding", "starting", "running", "settling")
      one.outcome, one.exit, one.seconds = "retry", { code = 1 }, 64
      all:changed(one)
      through(all, one, "returning", "gone")
      local process = made[#made]
      local told = {}
      for index, event in ipairs(process.events) do
        local found = attributes(event)
        told[index] = { event.name, tonumber(found["watchbot.backoff_seconds"]),
          found["watchbot.reason"] }
      end
      assert.are.same({ { "held", 5, "not admitted" }, { "unplaced", 2, "no room" },
        { "retry", 64, "exit code 1" } }, told)
      assert.are.same({ "start jobs.db", "start jobs.db", "run jobs.db", "settle jobs.db",
        "process jobs.db" }, names(made))
    end)

  -- A message that only passes through the watcher's hands is not processed.
  it("makes no span of a message that goes back before it has a slot", function()
    local all, made, errors = observed()
    through(all, entry(all), "waiting", "returning", "gone")
    through(all, entry(all), "settling", "gone")
    assert.are.same({}, made)
    assert.are.same({}, errors)
  end)

  it("makes none that the sampler does not want, and says so to the task", function()
    local all, made = observed(nil, sampler.new("always_off", 1))
    local one = entry(all, { traceparent = PARENT })
    through(all, one, "waiting", "deciding", "starting", "running", "settling", "gone")
    assert.are.same({}, made)
    assert.matches("^00%-4bf92f3577b34da6a3ce929d0e0e4736%-%x+%-00$", one.job.trace.traceparent)
    assert.are_not.equal("00f067aa0ba902b7", one.job.trace.span_id)
  end)

  it("makes none that nobody takes", function()
    local all, made, errors = observed(nil, nil, 2)
    through(all, entry(all), "waiting", "deciding", "starting", "running", "settling", "gone")
    assert.are.same({ "start jobs.db", "run jobs.db" }, names(made))
    assert.are.same({}, errors)
  end)

  it("begins a trace where the message only has baggage, or X-Ray's root", function()
    local all, made = observed()
    local one = entry(all, { baggage = "k=v" })
    through(all, one, "waiting", "deciding", "starting", "running", "settling", "gone")
    assert.are.equal("k=v", one.job.trace.baggage)
    assert.is_nil(made[4].links)
    all, made = observed()
    one = entry(all, { xray = "Root=1-5759e988-bd862e3fe1be46a994272793" })
    through(all, one, "waiting", "deciding", "starting", "running", "settling", "gone")
    assert.are.equal("5759e988bd862e3fe1be46a994272793", made[4].traceId)
    assert.is_nil(made[4].parentSpanId)
    assert.are.equal(made[4].traceId, one.job.trace.trace_id)
  end)

  it("says what became of a job without an outcome", function()
    for _, case in ipairs {
      { { lease = { lapsed = true } }, "lapsed", "the lease has lapsed" },
      { { cause = "internal" }, "retry", "retry" }, { {}, "returned" },
    } do
      local all, made = observed()
      local one = entry(all)
      for name, value in pairs(case[1]) do one[name] = value end
      through(all, one, "waiting", "deciding", "starting", "running", "returning", "gone")
      local process = made[#made]
      assert.are.equal(case[2], attributes(process)["watchbot.outcome"])
      assert.are.equal(case[3], process.status and process.status.message)
    end
  end)

  -- An error of a span must not be the end of a job.
  it("gives what it raises to the log, and lets the job go on", function()
    local all, _, errors = observed(nil, function() error "no sampler" end)
    local one = entry(all)
    through(all, one, "waiting", "deciding", "starting", "running", "settling", "gone")
    assert.are.equal(1, #errors)
    assert.matches("no sampler", errors[1])
    assert.are.equal("gone", one.stage)
  end)

  it("forgets a job that is gone", function()
    local maker = spans.new("sqlite:q", sampler.new("always_on", 1), taker {})
    local all = jobs.new()
    all:observe(maker:observer(error))
    through(all, entry(all), "waiting", "deciding", "starting", "running", "settling", "gone")
    assert.is_nil(next(maker.of))
  end)
end)
