-- What the template says and what the program reads are two sides of one thing: the variables of
-- the template are handed to the fields of a policy here.

local fields = require "watchbot.policy.fields"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local templates = require "support.templates"

local function of_watcher(more)
  return templates.environment(templates.properties("watcher", "WatchbotWatcher", "task", more))
end

local function of_worker(mode, more)
  local id = mode == "task" and "WatchbotWorker" or "WatchbotTask"
  return templates.environment(templates.properties("worker", id, mode, more))
end

describe("a template with traces = 'xray'", function()
  it("has watchers export to X-Ray of its region, and lets them", function()
    for _, variables in ipairs { of_watcher { traces = "xray" },
      of_worker("process", { traces = "xray" }) } do
      assert.are.same({ ["Fn::Sub"] = "https://xray.${AWS::Region}.${AWS::URLSuffix}/v1/traces" },
        variables.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
      assert.is_string(variables.OTEL_SERVICE_NAME)
    end
    assert.is_nil(of_watcher().OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
    assert.is_nil(of_worker("task", { traces = "xray" }).OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
  end)
end)

-- The interpreter that runs these specs.
local lua = arg[-1]

-- Prints fields of a policy.
local FIELDS = [[
  local policy = require "watchbot.policy" {}
  local task = policy.task or {}
  local network = (task.networkConfiguration or {}).awsvpcConfiguration or {}
  local values = {}
  for _, name in ipairs {
    "queue", "workers", "timeout", "drain", "notify_after", "log", "jobs", "topic", "stack",
    "log_group", "task_events" } do values[#values + 1] = name .. "=" .. tostring(policy[name]) end
  values[#values + 1] = "private=" .. tostring(policy.private_tmp)
  values[#values + 1] = "volumes=" .. table.concat(policy.volumes or {}, ",")
  values[#values + 1] = "task=" .. table.concat({ tostring(task.cluster), tostring(task.definition),
    tostring(task.container), tostring(task.launchType),
    table.concat(network.subnets or {}, ",") }, " ")
  print(table.concat(values, "\n"))
]]

-- The fields of a policy in a program that has these variables; what CloudFormation fills in is
-- `TEXT`.
local function fields_with(variables)
  local plain = { LUA_PATH = package.path, LUA_CPATH = package.cpath }
  for name, value in pairs(variables) do
    plain[name] = type(value) == "table" and "TEXT" or value
  end
  return scheduler.run(function()
    local script <close> = assert(process.file(FIELDS))
    local child = assert(process.start {
      argv = { lua, script:path() },
      env = plain, output = "capture",
    })
    local exit = child:wait(60)
    local out, problem = child:output()
    assert.are.equal(0, exit.code, problem)
    local read = {}
    for name, value in out:gmatch "([^\n=]+)=([^\n]*)" do read[name] = value end
    return read
  end)
end

describe("the environment of a watcher", function()
  -- `workers` was divided by the watchers: 5 over 2 watchers were 3 and 3. In ecs-watchbot it is
  -- each watcher's number.
  it("is all that a watcher of tasks needs to know", function()
    local read = fields_with(of_watcher {
      workers = 5, watchers = 2, maxJobDuration = 300, structuredLogging = true,
      capacity = "FARGATE",
      fargateSubnets = { "subnet-1", "subnet-2" },
    })
    assert.are.same({
      queue = "TEXT", workers = "5", timeout = "300", drain = "20", notify_after = "11",
      log = "json", jobs = "nil",
      topic = "TEXT", stack = "TEXT", log_group = "TEXT", task_events = "TEXT", volumes = "",
      private = "false",
      task = "main TEXT Watchbot-worker-tiles FARGATE subnet-1,subnet-2",
    }, read)
  end)

  it("is all that a watcher of processes needs to know", function()
    local read = fields_with(of_worker("process", { mounts = "/data", stopTimeout = 90 }))
    assert.are.same({ "/data,/tmp", "80", "text", "nil" },
      { read.volumes, read.drain, read.log, read.jobs })
    assert.are.equal("1", fields_with(of_worker("process", { writableFilesystem = true })).jobs)
    read = fields_with(of_worker("process", { policy = "/p.lua", workers = 4 }))
    assert.are.same({ "", "4" }, { read.volumes, read.workers })
  end)

  -- /tmp was shared by jobs that run at the same time, and never emptied: it grew until the disk
  -- was full.
  it("gives jobs that run beside each other their own TMPDIR, and empties what one uses", function()
    local function private(more)
      local read = fields_with(of_worker("process", more))
      return { read.private, read.volumes }
    end
    assert.are.same({ "true", "" }, private { workers = 2 })
    assert.are.same({ "true", "" }, private { workers = { Ref = "N" } })
    assert.are.same({ "true", "" }, private { policy = "/p.lua", workers = 2 })
    assert.are.same({ "false", "/tmp" }, private {})
    assert.are.same({ "false", "" }, private { workers = 2, env = { PrivateTmp = false } })
    assert.is_nil(of_watcher({ workers = 2 }).PrivateTmp, "tasks have their own disk")
  end)

  it("says of which failures there are notifications", function()
    assert.are.equal("1", fields_with(of_watcher { alarmOnEachFailure = true }).notify_after)
    assert.are.equal("4", fields_with(of_watcher { notifyAfterRetries = 3 }).notify_after)
    assert.are.equal("51", fields_with(of_watcher { deadletterThreshold = 50 }).notify_after)
  end)

  it("has a name for everything that is read", function()
    local read = {}
    for _, field in ipairs(fields.declared) do
      if field.environment then read[field.environment] = true end
    end
    for _, name in ipairs { "Cluster", "TaskDefinition", "ContainerName", "TaskOptions" } do
      read[name] = true
    end
    for name in pairs(of_watcher { capacity = "FARGATE", fargateSubnets = { "subnet-1" } }) do
      assert.is_truthy(read[name], name)
    end
  end)
end)

describe("the environment of tasks", function()
  it("has the user's variables as text, the topic, the log group and the progress table", function()
    local variables = of_worker("task", {
      env = { Bucket = { Ref = "Bucket" }, N = 5, Flag = true }, reduce = true,
    })
    assert.are.same({
      Bucket = { Ref = "Bucket" }, N = "5", Flag = "true", WorkTopic = { Ref = "WatchbotTopic" },
      LogGroup = { Ref = "WatchbotLogGroup" },
      ProgressTable = { ["Fn::GetAtt"] = { "WatchbotProgressTable", "Arn" } },
    }, variables)
  end)

  it("is what the user says where both say something", function()
    assert.are.equal("mine", of_worker("process", { env = { StackName = "mine" } }).StackName)
    assert.is_nil(of_worker("process", { secrets = { StackName = "/name" } }).StackName)
  end)
end)
