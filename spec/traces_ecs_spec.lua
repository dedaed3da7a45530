-- A trace on its way to an ECS task, and spans of a watcher that is stopped.

local collector = require "support.collector"
local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local workshop = require "support.workshop"

local eventually, task = workshop.eventually, workshop.task

local TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
local HEADER = ("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=%s;Sampled=1"):format(SPAN)

describe("the trace of an ECS task", function()
  local server, collected

  setup(function() server, collected = ecs_server.start(), collector.start() end)
  teardown(function()
    collected:close()
    server:close()
  end)

  it("is in its overrides, and its ARN in the span", task(function(folder)
    local stack = ecs_stack.new(server, folder, "true")
    assert(stack.sqs:SendMessage { QueueUrl = stack.queue, MessageBody = "one",
      MessageSystemAttributes = {
        AWSTraceHeader = { DataType = "String", StringValue = HEADER },
      },
      MessageAttributes = { baggage = { DataType = "String", StringValue = "user = 7" } } })
    local child = stack:watch("--drain", {
      Cluster = "fleet", TaskDefinition = "job", ContainerName = "main", no_proxy = "*",
      OTEL_EXPORTER_OTLP_ENDPOINT = collected.url, OTEL_METRICS_EXPORTER = "none",
    })
    local exit = assert(child:wait(workshop.PATIENCE))
    assert.are.equal(0, exit.code, (child:output()))
    local process = collector.named(collected:spans(), "process ")
    local variables = {}
    local overrides = server:calls "RunTask"[1].parameters.overrides
    for _, one in ipairs(overrides.containerOverrides[1].environment) do
      variables[one.name] = one.value
    end
    assert.are.same({ TRACE, SPAN }, { process.traceId, process.parentSpanId })
    assert.are.equal(("00-%s-%s-01"):format(TRACE, process.spanId), variables.TRACEPARENT)
    assert.matches(process.spanId .. ";Sampled=1$", variables._X_AMZN_TRACE_ID)
    assert.are.equal("user=7", variables.BAGGAGE)
    assert.matches("^arn:aws:ecs:.*:task/fleet/", process.attributes["aws.ecs.task.arn"])
  end))

  -- What a watcher knows at its end would be lost at each deploy.
  it("is exported by a watcher that is stopped, before it ends", task(function(folder)
    workshop.send(folder, { "one", "two" })
    folder:write("policy.lua", [[return require "watchbot".policy {
      handler = function(job) print("done " .. job.message) end }]])
    local child = workshop.start(folder, { "run", "--queue", folder:url(), "policy.lua" }, {
      OTEL_EXPORTER_OTLP_ENDPOINT = collected.url, OTEL_METRICS_EXPORTER = "none", no_proxy = "*",
      OTEL_BSP_SCHEDULE_DELAY = "3600000",
    })
    eventually(function() return child:output():find "done two" end, "both jobs have run")
    assert.are.same({}, collected:received())
    child:kill "TERM"
    assert.are.equal(0, assert(child:wait(workshop.PATIENCE)).code)
    assert.are.equal(8, #collected:spans())
  end))

  it("does not hold up the end of a watcher whose collector is silent", task(function(folder)
    workshop.send(folder, { "one" })
    folder:write("policy.lua", [[return require "watchbot".policy {
      handler = function(job) print("done " .. job.message) end }]])
    collected:script { delay = 3600, for_ever = true }
    local child = workshop.start(folder, { "run", "--queue", folder:url(), "policy.lua" }, {
      OTEL_EXPORTER_OTLP_ENDPOINT = collected.url, no_proxy = "*",
      OTEL_EXPORTER_OTLP_TIMEOUT = "3600000", OTEL_BSP_SCHEDULE_DELAY = "10",
    })
    eventually(function() return #collected:received() > 0 end, "an export is under way")
    child:kill "TERM"
    local exit = assert(child:wait(60), "the watcher waits for its collector")
    assert.are.equal(0, exit.code)
    local lines = select(2, child:output():gsub('"where":"otlp"', ""))
    assert.is_true(lines >= 1 and lines <= 4, (child:output()))
    collected:script()
  end))
end)
