-- The metric filters against what the program really writes: `watchbot listen` and `watchbot run`
-- as containers of a template, in text and in JSON, with tasks that end in every way. What the
-- filters count is compared with what the tasks wrote down.

local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local filter_pattern = require "support.filter_pattern"
local journal = require "watchbot.journal"
local log = require "watchbot.log"
local scheduler = require "watchbot.scheduler"
local templates = require "support.templates"
local workshop = require "support.workshop"

local eventually, task = workshop.eventually, workshop.task

-- What the filters of a template make of a log: by the metric's name, the values in their order.
local function mined(mode, structured, lines, policy)
  local more = { structuredLogging = structured, policy = policy }
  if policy then more.command = false end
  local part = templates.part("filters", mode, more)
  local values = {}
  for id, resource in pairs(part.Resources) do
    local pattern = filter_pattern.new(resource.Properties.FilterPattern)
    local metric = resource.Properties.MetricTransformations[1]
    local found = {}
    for line in lines:gmatch "[^\n]+" do
      if pattern:matches(line) then
        found[#found + 1] =
          assert(pattern:value(line, metric.MetricValue), id .. " takes no number from " .. line)
      end
    end
    local name = id:match "^Watchbot(.+)Metric%d*$"
    values[name] = table.move(found, 1, #found, #(values[name] or {}) + 1, values[name] or {})
  end
  return values
end

local function counted(values)
  local counts = {}
  for name, found in pairs(values) do counts[name] = #found end
  return counts
end

-- How often each line is in a file, and how many there are.
local function tallied(folder, name)
  local counts, all = setmetatable({}, { __index = function() return 0 end }), folder:lines(name)
  for _, line in ipairs(all) do counts[line] = counts[line] + 1 end
  return counts, #all
end

-- A task that prints what looks like the watcher's lines, and ends as its message says.
local WORKER = [[
echo "$Message" >> done
echo '{"outcome":"failed, will retry","worker_event":"failure"}'
echo '[Sat, 28 Nov 2026 04:00:49 GMT] [watcher] [an-id] [failure] {"code":1,"signal":null}'
echo '[Sat, 28 Nov 2026 04:00:49 GMT] [watcher] [an-id] {"outcome":"retry","code":1}'
printf '%s' '[Sat, 28 Nov 2026 04:00:49 GMT] [watcher] '
echo '{"event":"no task can be started, trying one message at a time"}'
echo '{"duration":99}'; echo '[failure] of a sort'; echo '[error] [sqs] or so';
  echo '{"receives":7,"code":3,"error":"e"}'
case "$Message" in
  fails) exit 1;; rejects) exit 3;; returns) exit 4;; dies) kill -KILL $$;; hangs) exec sleep 60;;
esac]]

-- The log of a watcher that has tried each message once or more often. What runs at its end may
-- finish.
local function tried(folder, structured, ...)
  workshop.send(folder, { "works", "fails", "rejects", "returns", "dies", "hangs" })
  folder:write("work", "#!/bin/sh\n" .. WORKER)
  local child = workshop.start(folder, { ... }, {
    QueueUrl = folder:url(), Volumes = "", maxJobDuration = "2", writableFilesystem = "false",
    Concurrency = "6",
    structuredLogging = tostring(structured), ECS_AGENT_URI = false, NotificationTopic = false,
  })
  eventually(function() return #folder:lines "done" >= 6 end, "all have been tried")
  child:kill "HUP"
  child:kill "TERM"
  assert(child:wait(workshop.PATIENCE), "the watcher did not end")
  return (child:output())
end

-- What the filters must have counted and measured.
local function check(folder, values, text)
  local done, all = tallied(folder, "done")
  assert.are.same({
    WorkerErrors = done.fails + done.rejects + done.dies + done.hangs,
    RejectedMessages = done.rejects,
    WorkersStarted = all, WorkersFinished = all, WorkerDuration = all, ResponseDuration = all,
    MessageReceives = all,
    WatcherErrors = 1, NoTaskStarts = 0, NotReady = 0,
    BuriedMessages = values.BuriedMessages and 0 or nil,
  }, counted(values), text)
  assert.is_true(math.max(table.unpack(values.WorkerDuration)) >= 2000,
    "milliseconds: one took 2 s")
  assert.is_true(math.max(table.unpack(values.ResponseDuration))
    >= math.max(table.unpack(values.WorkerDuration)))
  assert.are.equal(1, math.min(table.unpack(values.MessageReceives)))
end

describe("the metric filters of processes", function()
  for _, structured in ipairs { false, true } do
    it("find what `watchbot listen` writes in " .. (structured and "JSON" or "text"),
      task(function(folder)
      local text = tried(folder, structured, "listen", "--workers", "6", "./work")
      assert.matches("the policy was not reloaded", text) -- an error of the watcher's own
      check(folder, mined("process", structured, text), text)
    end))

    it("find what `watchbot run` of a policy writes in " .. (structured and "JSON" or "text"),
      task(function(folder)
      folder:write("policy.lua",
        'return require "watchbot".policy { command = "./work", stop = function() error "oh" end }')
      local text = tried(folder, structured, "run", "policy.lua")
      check(folder, mined("process", structured, text, "policy.lua"), text)
    end))

    it("count no job that was stopped with its watcher, in " .. (structured and "JSON" or "text"),
      task(function(folder)
      folder:write("work",
        "#!/bin/sh\ntrap 'exit 3' TERM\necho once >> started\nwhile :; do sleep 0.1; done")
      folder:write("policy.lua",
        'return require "watchbot".policy { command = { "./work" }, drain = 0 }')
      for form, arguments in pairs { listen = { "listen", "./work" },
        policy = { "run", "policy.lua" } } do
        workshop.send(folder, { form })
        local child = workshop.start(folder, arguments, {
          QueueUrl = folder:url(), structuredLogging = tostring(structured), ECS_AGENT_URI = false,
          NotificationTopic = false,
        })
        eventually(function() return #folder:lines "started" > 0 end, "it runs")
        eventually(function()
          child:kill "TERM" -- the second one wants no patience
          return child:wait(0.2)
        end, "the watcher ends")
        local text = child:output()
        local counts =
          counted(mined("process", structured, text, form == "policy" and "policy.lua" or nil))
        assert.matches("stopped: the watcher", text)
        assert.are.same({ 1, 0, 0 },
          { counts.WorkersFinished, counts.WorkerErrors, counts.RejectedMessages }, text)
        folder:write("started", "")
      end
    end))

    -- A program that is missing: no metric counted that no task could be started.
    it("find that no task can be started in " .. (structured and "JSON" or "text"),
      task(function(folder)
      folder:write("policy.lua", 'return require "watchbot".policy { command = { "./missing" } }')
      workshop.send(folder, { "1", "2", "3", "4", "5", "6" })
      local child = workshop.start(folder, { "run", "policy.lua" }, {
        QueueUrl = folder:url(), structuredLogging = tostring(structured), ECS_AGENT_URI = false,
        NotificationTopic = false,
      })
      eventually(function() return
        child:output():find("no task can be started, trying", 1, true) end, "the breaker opens")
      child:kill "TERM"
      assert(child:wait(workshop.PATIENCE), "the watcher did not end")
      local text = child:output()
      assert.are.equal(1, counted(mined("process", structured, text, "policy.lua")).NoTaskStarts,
        text)
    end))

    -- Only EMF had the metric: a queue that is away rang no alarm.
    it("find a watcher whose queue does not answer in " .. (structured and "JSON" or "text"),
      function()
      local format = structured and "json" or "text"
      for mode, form in pairs { task = "task", process = "listen" } do
        local lines = {}
        local sink = { format = function() return format end }
        function sink:write(category, id, line)
          lines[#lines + 1] = log.line(format, category, id, line)
        end
        local one = journal.new(sink, form)
        one:warning(nil, "event", "not ready", "reason", "the last receive has failed",
          "seconds", 30)
        one:info(nil, "event", "ready", "seconds", 60)
        one:info("id", "subject", "not ready", "message", '{"event":"not ready"}', "receives", 1)
        lines[#lines + 1] = log.line(format, "work", "id", '{"event":"not ready"}')
        assert.are.equal(1, #mined(mode, structured, table.concat(lines)).NotReady)
      end
    end)

    -- The program writes this when SQS does not answer as it should.
    it("find errors of the queue in " .. (structured and "JSON" or "text"), function()
      local form, lines = structured and "json" or "text", {}
      local sink = { format = function() return form end }
      function sink:write(category, id, line)
        lines[#lines + 1] = log.line(form, category, id, line)
      end
      journal.new(sink, "listen"):error(nil, "error", "could not connect", "code",
        "ConnectionError", "where", "receive")
      journal.new(sink, "listen"):warning("id-1", "error", "expired", "code",
        "ReceiptHandleIsInvalid", "where", "delete")
      assert.are.equal(2, #mined("process", structured, table.concat(lines)).WatcherErrors)
    end)
  end
end)

describe("the metric filters of ECS tasks", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local AS_TOLD = 'echo "$Message" >> done; [ $ApproximateReceiveCount -gt 1 ] && exit 0; eval '
    .. '"$Message"'

  local function watched(folder, structured)
    local stack = ecs_stack.new(server, folder, AS_TOLD)
    stack:send { "exit 0", "exit 1", "exit 3", "exit 4", "kill -9 $$", "exec sleep 60" }
    server:knobs {
      no_capacity = 2, start_delay = 0.6,
      faults = {
        { operation = "DescribeTasks", count = 1, status = 400, code = "AccessDeniedException" },
      },
    }
    local watcher = stack:watch("--drain", {
      Cluster = ecs_stack.CLUSTER, TaskDefinition = "job", ContainerName = "main",
      Concurrency = "6", maxJobDuration = "3",
      structuredLogging = tostring(structured),
    })
    local _, _, text = stack:finish(watcher)
    return text, stack:done()
  end

  for _, structured in ipairs { false, true } do
    it("find what `watchbot run` writes in " .. (structured and "JSON" or "text"),
      task(function(folder)
      local text = watched(folder, structured)
      local _, all = tallied(folder, "done")
      local values = mined("task", structured, text)
      local counts = counted(values)
      assert.are.equal(4, counts.WorkerErrors, text)
      assert.are.equal(1, counts.RejectedMessages)
      assert.are.equal(2, counts.FailedWorkerPlacement)
      assert.are.equal(all + 2, counts.WorkersStarted)
      assert.are.equal(all + 2, counts.MessageReceives)
      assert.are.equal(all, counts.WorkersFinished)
      assert.are.equal(all, counts.WorkerDuration)
      assert.are.equal(all, counts.WorkerPending)
      assert.is_true(counts.WatcherErrors >= 1, text)
      local longest = math.max(table.unpack(values.WorkerDuration))
      assert.is_true(longest >= 3 and longest < 1000, "seconds: one took 3 s")
    end))
  end

  it("find how busy a watcher is", task(function(folder)
    local stack = ecs_stack.new(server, folder, "until [ -e enough ]; do sleep 0.1; done")
    stack:policy "status = 0.2,"
    stack:send { "m1", "m2" }
    local watcher = stack:watch "--drain"
    eventually(function() return #stack:tasks() == 2 end, "two tasks run")
    scheduler.sleep(1)
    folder:write("enough", "")
    local _, _, text = stack:finish(watcher)
    assert.are.equal(2, math.max(table.unpack(mined("task", false, text).WatcherConcurrency)), text)
  end))
end)

describe("the metric filters", function()
  local function filter(mode, id)
    return templates.properties("filters", id, mode)
  end

  it("name the stack in their metrics", function()
    local properties = filter("process", "WatchbotWorkerErrorsMetric")
    local metric = properties.MetricTransformations[1]
    assert.are.same({ Ref = "WatchbotLogGroup" }, properties.LogGroupName)
    assert.are.equal("Watchbot", metric.MetricNamespace)
    assert.are.same({ ["Fn::Sub"] = "WatchbotWorkerErrors-${AWS::StackName}" }, metric.MetricName)
    assert.are.equal(0, metric.DefaultValue)
  end)

  it("have no default where a number is measured", function()
    local metric = filter("task", "WatchbotWorkerDurationMetric").MetricTransformations[1]
    assert.is_nil(metric.DefaultValue)
    assert.are.equal("Seconds", metric.Unit)
    assert.are.equal("Milliseconds",
      filter("process", "WatchbotWorkerDurationMetric").MetricTransformations[1].Unit)
  end)
end)
