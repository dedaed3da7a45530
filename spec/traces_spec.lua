-- A trace on its way through the whole program: from the environment of `watchbot send` through
-- SNS, SQS or a file to the environment of a task. Servers and processes are real.

local cloud = require "support.cloud"
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

describe("on AWS, a trace", function()
  if local_aws.is_moto() then return end
  local account
  cloud.around(function(taken) account = taken end)

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
