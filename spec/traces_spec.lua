-- A trace on its way through the whole program: from the environment of `watchbot send` through
-- SNS, SQS or a file to the environment of a task. Servers and processes are real.

local cloud = require "support.cloud"
local collector = require "support.collector"
local json = require "watchbot.lib.json"
local local_aws = require "support.local_aws"
local open_queue = require("watchbot.queue").open
local workshop = require "support.workshop"

local task, run = workshop.task, workshop.run

local TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
local PARENT = ("00-%s-%s-01"):format(TRACE, SPAN)
local XRAY = ("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=%s;Sampled=1"):format(SPAN)

local SENDER = {
  TRACEPARENT = PARENT, TRACESTATE = "vendor=1 , other=2", BAGGAGE = "user = 7",
  _X_AMZN_TRACE_ID = false,
}

-- Writes what the task has of the trace as one line of JSON.
local SHOW = [[return require "watchbot".policy { %s
  command = 'python3 -c "import json, os; print(json.dumps(dict(os.environ)))" >> seen' }]]

local NAMES = { "TRACEPARENT", "TRACESTATE", "BAGGAGE", "_X_AMZN_TRACE_ID" }

-- Of each task its variables of the trace.
local function seen(folder)
  local all = {}
  for index, line in ipairs(folder:lines "seen") do
    local variables = json.decode(line)
    all[index] = {}
    for _, name in ipairs(NAMES) do all[index][name] = variables[name] end
  end
  return all
end

local PASSED = {
  TRACEPARENT = PARENT, TRACESTATE = "vendor=1,other=2", BAGGAGE = "user=7",
  _X_AMZN_TRACE_ID = XRAY,
}

describe("with an embedded queue, a trace", function()
  it("goes from the environment of send to that of the task, and only of this one",
    task(function(folder)
      run(folder, { "send", "--queue", folder:url(), "one" }, SENDER)
      run(folder, { "send", "--queue", folder:url(), "two" },
        { TRACEPARENT = "nonsense", BAGGAGE = "a\nb=1" })
      run(folder, { "send", "--queue", folder:url(), "three" }, { _X_AMZN_TRACE_ID = XRAY })
      folder:write("policy.lua", SHOW:format "")
      -- The watcher's own trace belongs to no task.
      local exit, log = run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" }, {
        TRACEPARENT = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-01", BAGGAGE = "w=1",
      })
      assert.are.equal(0, exit.code, log)
      assert.are.same({ PASSED, {}, { TRACEPARENT = PARENT, _X_AMZN_TRACE_ID = XRAY } },
        seen(folder))
    end))

  it("is what the policy's env says, where that names it", task(function(folder)
    run(folder, { "send", "--queue", folder:url(), "one" }, SENDER)
    folder:write("policy.lua", SHOW:format "env = { TRACEPARENT = 'mine', OTHER = '1' },")
    run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" })
    assert.are.equal("mine", seen(folder)[1].TRACEPARENT)
    assert.are.equal("user=7", seen(folder)[1].BAGGAGE)
  end))

  it("is job.trace for a handler", task(function(folder)
    run(folder, { "send", "--queue", folder:url(), "one" }, SENDER)
    folder:write("policy.lua", [[return require "watchbot".policy { handler = function(job)
      print(job.trace.traceparent, job.trace.tracestate, job.trace.baggage, job.trace.xray)
    end }]])
    local _, log = run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" })
    assert.is_truthy(log:find(table.concat({
      PARENT, "vendor=1,other=2", "user=7", XRAY }, "\t"), 1, true), log)
  end))

  -- A variable with a newline, an escape or a NUL would be another variable for some program.
  it("is nothing that is no trace, whatever the sender writes", task(function(folder)
    local queue <close> = assert(open_queue(folder:url()))
    local function text(value) return { type = "String", value = value } end
    local values = {
      PARENT .. "\nLD_PRELOAD=/evil", PARENT .. "\0", PARENT:upper(), "\27[2J", ("a"):rep(200000),
      "", "k=v\r\nX: y", "a=\xff\xfe",
    }
    for index, value in ipairs(values) do
      assert(queue:send { { body = tostring(index), attributes = {
        traceparent = text(value), tracestate = text(value), baggage = text(value),
      } } })
    end
    folder:write("policy.lua", SHOW:format "attributes = false,")
    run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" })
    local all = seen(folder)
    assert.are.equal(#values, #all)
    for index in ipairs(values) do assert.are.same({}, all[index], values[index]) end
  end))

  it("is kept by dead letters and their replay", task(function(folder)
    run(folder, { "send", "--queue", folder:url(), "one" }, SENDER)
    folder:write("bad.lua", [[return require "watchbot".policy { command = "exit 1",
      max_receives = 1 }]])
    run(folder, { "run", "--drain", "--queue", folder:url(), "bad.lua" })
    local exit, out, err = run(folder, { "dead-letter", "replay", "--queue", folder:url() })
    assert.are.equal(0, exit.code, out .. err)
    folder:write("policy.lua", SHOW:format "")
    run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" })
    assert.are.same({ PASSED }, seen(folder))
  end))
end)

-- The environment of a watcher that exports spans.
local function exporting(collected, more)
  local variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT = collected.url, OTEL_METRICS_EXPORTER = "none", no_proxy = "*",
  }
  for name, value in pairs(more or {}) do variables[name] = value end
  return variables
end

-- The span of one job, whose ids are those of the sender and of the task.
local function check_trace(spans, task_parent)
  local process = collector.named(spans, "process ")
  assert.are.equal(TRACE, process.traceId)
  assert.are.equal(SPAN, process.parentSpanId)
  assert.are.equal(5, process.kind)
  assert.are.same({ TRACE, SPAN }, { process.links[1].traceId, process.links[1].spanId })
  assert.are.equal(("00-%s-%s-01"):format(TRACE, process.spanId), task_parent)
  for _, name in ipairs { "start ", "run ", "settle " } do
    local child = collector.named(spans, name)
    assert.are.same({ TRACE, process.spanId }, { child.traceId, child.parentSpanId })
    assert.is_true(child.startTimeUnixNano >= process.startTimeUnixNano)
    assert.is_true(child.endTimeUnixNano <= process.endTimeUnixNano)
  end
  assert.are.equal(4, #spans)
  return process
end

describe("with a collector, the span of a job", function()
  local collected

  setup(function() collected = collector.start() end)
  teardown(function() collected:close() end)

  it("is a child of send's, and the parent of the task's", task(function(folder)
    run(folder, { "send", "--queue", folder:url(), "one" }, SENDER)
    folder:write("policy.lua", SHOW:format "")
    local exit, log = run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" },
      exporting(collected))
    assert.are.equal(0, exit.code, log)
    local requests = collected:received()
    assert.are.equal("/v1/traces", requests[1].path)
    local told = seen(folder)[1]
    local process = check_trace(collected:spans(requests), told.TRACEPARENT)
    assert.are.equal("process jobs.db", process.name)
    assert.are.equal("vendor=1,other=2", process.traceState)
    assert.are.same({ "vendor=1,other=2", "user=7" }, { told.TRACESTATE, told.BAGGAGE })
    assert.are.equal("watchbot", process.resource["service.name"])
    local all = process.attributes
    assert.are.same({ "watchbot", "process", "process", "jobs.db", 3, 1, "complete" }, {
      all["messaging.system"], all["messaging.operation.name"], all["messaging.operation.type"],
      all["messaging.destination.name"], all["messaging.message.body.size"],
      all["watchbot.receive_count"], all["watchbot.outcome"],
    })
    assert.is_nil(process.status)
  end))

  it("begins a trace where the message has none, and tells of retry and backoff",
    task(function(folder)
      run(folder, { "send", "--queue", folder:url(), "one" })
      folder:write("policy.lua", [[local policy = require "watchbot".policy { max_receives = 2,
        command = "echo $TRACEPARENT >> seen; exit 7" }
        function policy:backoff() return 1 end
        return policy]])
      run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" },
        exporting(collected))
      local processes, told = {}, folder:lines "seen"
      for _, span in ipairs(collected:spans()) do
        if span.name == "process jobs.db" then processes[#processes + 1] = span end
      end
      assert.are.equal(2, #processes)
      for index, span in ipairs(processes) do
        assert.are.equal(("00-%s-%s-01"):format(span.traceId, span.spanId), told[index])
        assert.is_nil(span.parentSpanId)
        assert.is_nil(span.links)
        assert.are.same({ code = 2, message = "exit code 7" }, span.status)
        assert.are.equal("exit_7", span.attributes["error.type"])
        assert.are.equal(index, span.attributes["watchbot.receive_count"])
        assert.are.equal("retry", span.events[1].name)
        assert.are.equal(1, span.events[1].attributes["watchbot.backoff_seconds"])
      end
    end))

  it("is not exported where the sender did not sample it, and the task learns that",
    task(function(folder)
      run(folder, { "send", "--queue", folder:url(), "one" },
        { TRACEPARENT = PARENT:sub(1, -2) .. "0" })
      folder:write("policy.lua", SHOW:format "")
      run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" },
        exporting(collected))
      assert.are.same({}, collected:received())
      assert.matches(("^00%%-%s%%-%%x+%%-00$"):format(TRACE), seen(folder)[1].TRACEPARENT)
      run(folder, { "send", "--queue", folder:url(), "two" }, SENDER)
      run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" },
        exporting(collected, { OTEL_TRACES_SAMPLER = "always_off" }))
      assert.are.same({}, collected:received())
    end))

  -- The lines of a log and the spans of a trace could not be found by each other.
  it("is named by the lines of the log about its job, and by those of JSON without a collector",
    task(function(folder)
      run(folder, { "send", "--queue", folder:url(), "one" }, SENDER)
      folder:write("policy.lua", SHOW:format "")
      local _, log = run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" },
        exporting(collected))
      local span = collector.named(collected:spans(), "process ")
      local ends = ('"trace_id":"%s","span_id":"%s"}\n'):format(TRACE, span.spanId)
      local _, count = log:gsub(ends, "")
      assert.are.equal(2, count, log)
      assert.matches('"outcome":"complete".*' .. ends, log)
      for format, expected in pairs { text = 0, json = 2 } do
        run(folder, { "send", "--queue", folder:url(), "two" }, SENDER)
        folder:write("policy.lua", SHOW:format(("log = %q,"):format(format)))
        _, log = run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" })
        _, count = log:gsub(('"trace_id":"%s"'):format(TRACE), "")
        assert.are.equal(expected, count, log)
      end
    end))

  it("is a child of the span of send, which has that of the environment as its parent",
    task(function(folder)
      folder:write("lines", "one\ntwo\nthree\n")
      local exit, _, err = run(folder, { "send", "--queue", folder:url(), "alone" },
        exporting(collected, SENDER))
      assert.are.same({ 0, "" }, { exit.code, err })
      local send = collector.named(collected:spans(), "send ")
      assert.are.same({ "send jobs.db", 4, TRACE, SPAN, "vendor=1,other=2" },
        { send.name, send.kind, send.traceId, send.parentSpanId, send.traceState })
      assert.are.same({ "watchbot", "send", "send", "jobs.db" }, {
        send.attributes["messaging.system"], send.attributes["messaging.operation.name"],
        send.attributes["messaging.operation.type"], send.attributes["messaging.destination.name"],
      })
      assert.is_nil(send.attributes["messaging.batch.message_count"])
      folder:write("policy.lua", SHOW:format "")
      run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" },
        exporting(collected))
      local process = collector.named(collected:spans(), "process ")
      assert.are.same({ TRACE, send.spanId }, { process.traceId, process.parentSpanId })
      assert.are.equal("user=7", seen(folder)[1].BAGGAGE)
    end))

  -- Sending must not depend on a collector.
  it("does not keep send from sending: neither a collector that is down nor a wrong setting",
    task(function(folder)
      for endpoint, said in pairs {
        ["http://127.0.0.1:1"] = "send: spans are not exported: could not reach",
        ["nonsense"] = "send: OTEL_EXPORTER_OTLP_ENDPOINT: expected http://HOST",
      } do
        local exit, out, err = run(folder, { "send", "--queue", folder:url(), "one" },
          exporting(collected, { OTEL_EXPORTER_OTLP_ENDPOINT = endpoint }))
        assert.are.equal(0, exit.code)
        assert.matches("^[%x-]+\n$", out)
        assert.is_truthy(err:find(said, 1, true), err)
      end
      run(folder, { "send", "--queue", folder:url(), "one" },
        exporting(collected, { TRACEPARENT = PARENT:sub(1, -2) .. "0" }))
      assert.are.same({}, collected:received())
    end))

  it("is that of a handler, too", task(function(folder)
    run(folder, { "send", "--queue", folder:url(), "one" }, SENDER)
    folder:write("policy.lua", [[return require "watchbot".policy { handler = function(job)
      print("has " .. job.trace.traceparent) end }]])
    local _, log = run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" },
      exporting(collected))
    check_trace(collected:spans(), log:match "has (%S+)")
  end))

  it("is nothing that the collector gets while OTEL_SDK_DISABLED is true", task(function(folder)
    run(folder, { "send", "--queue", folder:url(), "one" }, SENDER)
    folder:write("policy.lua", SHOW:format "")
    run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" },
      exporting(collected, { OTEL_SDK_DISABLED = "true" }))
    assert.are.same({}, collected:received())
    assert.are.equal(PARENT, seen(folder)[1].TRACEPARENT)
  end))

  -- One line, status 0, and no more than the bound at the end, whatever the collector does.
  it("costs one line where the collector is down, slow or talks nonsense", task(function(folder)
    folder:write("policy.lua", [[return require "watchbot".policy { handler = function() end }]])
    local cases = {
      { { drop = true, for_ever = true }, "ConnectionLost" },
      { { delay = 30, for_ever = true }, "Timeout" },
      { { status = 503, headers = { ["Retry-After"] = "3600" }, for_ever = true }, "HTTP503" },
      { { status = 429, headers = { ["Retry-After"] = "nonsense" }, for_ever = true }, "HTTP429" },
      { { status = 400, body = "no \1\27[31m spans", for_ever = true }, "HTTP400" },
      { { status = 200, body = "<html>", for_ever = true }, "PartialSuccess" },
      { { status = 200, body = '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}',
        for_ever = true }, "PartialSuccess" },
      { false, "ConnectFailed" },
    }
    for _, case in ipairs(cases) do
      workshop.send(folder, { "one", "two", "three" })
      collected:script(case[1] or nil)
      local more = {
        OTEL_EXPORTER_OTLP_TIMEOUT = case[2] == "Timeout" and "500" or "60000",
        OTEL_BSP_SCHEDULE_DELAY = "10",
      }
      if not case[1] then more.OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:1" end
      local exit, log = run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" },
        exporting(collected, more))
      assert.are.equal(0, exit.code)
      assert.matches('"complete":3', log)
      local lines = {}
      for line in log:gmatch "[^\n]+" do
        if line:find('"where":"otlp"', 1, true) then lines[#lines + 1] = line end
      end
      assert.is_true(#lines >= 1 and #lines <= 2, log)
      assert.matches(('"code":"%s"'):format(case[2]), lines[1])
    end
    collected:script()
    collected:received()
  end))

  it("goes there with the metrics of the watcher", task(function(folder)
    workshop.send(folder, { "good", "bad" })
    folder:write("policy.lua", [[return require "watchbot".policy { max_receives = 1,
      handler = function(job) if job.message == "bad" then error "of the message" end end }]])
    local _, log = run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" },
      exporting(collected, { OTEL_METRICS_EXPORTER = false }))
    local requests, metrics = collected:received(), {}
    for index = 1, 2 do assert.are.same({}, requests[index].problems, log) end
    local request = requests[requests[1].path == "/v1/metrics" and 1 or 2].request
    for _, one in ipairs(request.resourceMetrics[1].scopeMetrics[1].metrics) do
      metrics[one.name] = one
    end
    local outcomes = {}
    for _, point in ipairs(metrics.watchbot_jobs_total.sum.dataPoints) do
      outcomes[point.attributes[1].value.stringValue] = point.asInt
    end
    assert.are.same({ "1", "1" }, { outcomes.complete, outcomes.retry })
    assert.are.equal("2", metrics.watchbot_job_run_seconds.histogram.dataPoints[1].count)
  end))

  it("is not exported by another protocol, which the log says", task(function(folder)
    run(folder, { "send", "--queue", folder:url(), "one" }, SENDER)
    folder:write("policy.lua", SHOW:format "")
    local _, log = run(folder, { "run", "--drain", "--queue", folder:url(), "policy.lua" },
      exporting(collected, { OTEL_EXPORTER_OTLP_PROTOCOL = "grpc" }))
    assert.matches("OTEL_EXPORTER_OTLP_PROTOCOL=grpc: watchbot exports by http/json only", log)
    assert.are.same({}, collected:received())
    assert.are.equal(PARENT, seen(folder)[1].TRACEPARENT)
  end))
end)

describe("on AWS, a trace", function()
  if local_aws.is_moto() then return end
  local account, collected
  cloud.around(function(taken) account = taken end)
  setup(function() collected = collector.start() end)
  teardown(function() collected:close() end)

  local function aws_run(folder, more, ...)
    local variables = account:environment()
    for name, value in pairs(more or {}) do variables[name] = value end
    local exit, out, err = run(folder, { ... }, variables)
    assert.are.equal(0, exit.code, out .. err)
    return out, err
  end

  it("goes through a topic and a queue to the task", task(function(folder)
    for _, raw in ipairs { false, true } do
      local url = account:queue()
      local topic = account:topic { { url = url, raw = raw } }
      aws_run(folder, SENDER, "send", "--topic", topic, "one")
      folder:write("policy.lua", SHOW:format "")
      folder:write("seen", "")
      aws_run(folder, { QueueUrl = url }, "run", "--drain", "policy.lua")
      assert.are.same({ PASSED }, seen(folder))
    end
  end))

  it("goes from send through a topic, a queue and a task to the collector", task(function(folder)
    local url = account:queue()
    local topic = account:topic { { url = url } }
    aws_run(folder, SENDER, "send", "--topic", topic, "one")
    folder:write("policy.lua", SHOW:format "")
    aws_run(folder, exporting(collected, { QueueUrl = url }), "run", "--drain", "policy.lua")
    local process = check_trace(collected:spans(), seen(folder)[1].TRACEPARENT)
    local all = process.attributes
    assert.are.equal("process " .. url:match "[^/]+$", process.name)
    assert.are.same({ "aws_sqs", url:match "[^/]+$", url }, {
      all["messaging.system"], all["messaging.destination.name"], all["aws.sqs.queue.url"],
    })
  end))

  it("goes to a queue as attributes and in SQS's own header", task(function(folder)
    local url = account:queue()
    aws_run(folder, SENDER, "send", "--queue", url, "one")
    local queue = assert(open_queue(url, { client = account.sqs }))
    local message = assert(queue:receive(1, 0, 0))[1]
    assert.are.equal(XRAY, message.trace)
    assert.are.equal(PARENT, message.attributes.traceparent.value)
    folder:write("policy.lua", SHOW:format "")
    aws_run(folder, { QueueUrl = url }, "run", "--drain", "policy.lua")
    assert.are.same({ PASSED }, seen(folder))
  end))

  it("is sent without baggage where ten attributes are enough, which is said",
    task(function(folder)
      local url = account:queue()
      local arguments = {}
      for index = 1, 8 do
        table.move({ "--attribute", ("a%d=x"):format(index) }, 1, 2, #arguments + 1, arguments)
      end
      arguments[#arguments + 1] = "one"
      local _, err = aws_run(folder, SENDER, "send", "--queue", url, table.unpack(arguments))
      assert.matches("no room for the attributes baggage", err)
      folder:write("policy.lua", SHOW:format "")
      aws_run(folder, { QueueUrl = url }, "run", "--drain", "policy.lua")
      assert.are.same({ { TRACEPARENT = PARENT, TRACESTATE = "vendor=1,other=2",
        _X_AMZN_TRACE_ID = XRAY } }, seen(folder))
    end))

  it("is that of X-Ray, where the message has only that", task(function(folder)
    local url = account:queue()
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "one",
      MessageSystemAttributes = { AWSTraceHeader = { DataType = "String", StringValue = XRAY } } })
    folder:write("policy.lua", SHOW:format "")
    aws_run(folder, { QueueUrl = url }, "run", "--drain", "policy.lua")
    assert.are.same({ { TRACEPARENT = PARENT, _X_AMZN_TRACE_ID = XRAY } }, seen(folder))
  end))

  -- A message that was buried, printed, or replayed lost AWSTraceHeader.
  it("is kept by bury, by print and send --from, and by replay", task(function(folder)
    local url = account:queue { max_receives = 10 }
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "one",
      MessageSystemAttributes = { AWSTraceHeader = { DataType = "String", StringValue = XRAY } } })
    folder:write("bury.lua", [[return require "watchbot".policy { handler = function()
      return "bury", "why" end }]])
    aws_run(folder, { QueueUrl = url }, "run", "--drain", "bury.lua")
    local letters = aws_run(folder, nil, "dead-letter", "print", "--queue", url)
    folder:write("letters", letters)
    aws_run(folder, nil, "send", "--queue", folder:url(), "--from", "letters")
    aws_run(folder, nil, "dead-letter", "replay", "--queue", url, "--limit", "1")
    folder:write("policy.lua", SHOW:format "")
    aws_run(folder, { QueueUrl = url }, "run", "--drain", "policy.lua")
    aws_run(folder, nil, "run", "--drain", "--queue", folder:url(), "policy.lua")
    local expected = { TRACEPARENT = PARENT, _X_AMZN_TRACE_ID = XRAY }
    assert.are.same({ expected, expected }, seen(folder))
  end))
end)
