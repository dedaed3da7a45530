local options = require "watchbot.template.options"
local refusal = require "watchbot.lib.refusal"
local templates = require "support.templates"

-- What loading a stack file with this text says is wrong with it.
local function problem_of(text)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  file:flush()
  local chunk = assert(loadfile(path))
  local ok, raised = pcall(chunk)
  local err = refusal.explain(raised, path)
  os.remove(path)
  assert.is_false(ok)
  return (err:gsub(path:gsub("%p", "%%%0"), "stack.lua"))
end

local function refused(mode, more)
  local complete, err, name = options.complete(templates.given(mode, more))
  assert.is_nil(complete)
  return err, name
end

local subnets = { "subnet-1" }

describe("the options of a template", function()
  it("are complete: each has its value or its default", function()
    local complete = assert(options.complete(templates.given "process"))
    assert.are.equal("Watchbot", complete.prefix)
    assert.are.equal(1209600, complete.messageRetention)
    assert.are.same({}, complete.env)
    assert.is_false(complete.fifo)
    assert.is_nil(complete.kmsKey)
  end)

  it("may be off where they do not go with the mode", function()
    assert(options.complete(templates.given("task", { writableFilesystem = false })))
  end)

  it("do not share their defaults", function()
    assert(options.complete(templates.given "task")).env.A = "1"
    assert.are.same({}, options.complete(templates.given "task").env)
  end)

  it("have a kind, a group and a sentence each, and a default that is of the kind", function()
    for _, option in ipairs(options.declared) do
      assert.is_string(option.help)
      assert.is_string(option.group)
      assert.is_string(option.kind.expected)
      if option.default then assert.is_truthy(option.kind.check(option.default), option.name) end
    end
  end)

  it("are all that ecs-watchbot had, from v0.0.7 to v10; those that are no more say what is there "
    .. "instead", function()
    for name in ([[
      cluster clusterRole watchbotVersion service serviceVersion
      notificationEmail env prefix user webhook webhookKey
      watchers workers backoff mounts reservation messageTimeout messageRetention
      alarmThreshold alarmPeriods
      permissions command notificationTopic reduce readCapacityUnits
      writeCapacityUnits logAggregationFunction
      debugLogs privileged notifyAfterRetries alarmOnEachFailure errorThreshold
      failedPlacementAlarmPeriods family
      placementConstraints capacity maxSize minSize maxJobDuration
      writableFilesystem deadletterThreshold
      deadletterAlarm dashboard fifo fargateSubnets fargateSecurityGroups
      fargatePublicIp structuredLogging
      placementStrategies secrets healthCheck runtimePlatform ephemeralStorageGiB
      logGroupName logGroupRetentionDays
      minScalingCapacity maxScalingCapacity alarms]]):gmatch "%w+" do
      assert.is_truthy(options.by_name[name] or options.retired[name], name)
    end
    assert.matches("no option 'backoff': .*'policy'", (refused("task", { backoff = true })))
    assert.matches("'permissions'", (refused("task", { clusterRole = "r" })))
  end)

  -- They were taken for text: a cluster's ARN out of the Parameter Store became a part of an ARN.
  it("may be dynamic references, which count as intrinsics", function()
    local store = "{{resolve:ssm:/tiles/cluster}}"
    local complete = assert(options.complete(templates.given("process", {
      cluster = store, serviceVersion = "{{resolve:ssm:/tiles/sha:3}}", workers = store,
      env = { A = "${HOME} {{resolve:ssm:/a}}" },
      kmsKey = "{{resolve:ssm:/tiles/key}}",
    })))
    assert.are.same({ ["Fn::Sub"] = store }, complete.cluster)
    assert.are.same({ ["Fn::Sub"] = "${!HOME} {{resolve:ssm:/a}}" }, complete.env.A)
    assert.matches("cannot be an intrinsic", (refused("task", { prefix = store })))
    assert.matches("does not resolve 'ssm%-secure' here: use 'secrets' %(https://",
      (refused("task", { env = { A = "{{resolve:ssm-secure:/a}}" } })))
  end)

  it("may be intrinsics, at any depth", function()
    local ref = { Ref = "Parameter" }
    assert(options.complete(templates.given("task", {
      cluster = ref, service = ref, serviceVersion = ref, notificationEmail = ref,
      env = { A = ref }, workers = ref,
      reservation = { cpu = ref, memory = ref, softMemory = ref }, messageRetention = ref,
      maxJobDuration = ref,
      command = { "echo", ref }, permissions = { ref }, mounts = { { container = ref } },
      ulimits = { nofile = ref },
      capacity = { FARGATE = 1, FARGATE_SPOT = { weight = 1, base = 1 } }, fargateSubnets = ref,
      alarms = { queueSize = { threshold = ref } }, secrets = { KEY = { parameter = ref } },
    })))
  end)
end)

describe("a stack file", function()
  it("is told the line and the nearest name of an option that does not exist", function()
    assert.are.equal("stack.lua:5: unknown option 'wokers'; did you mean 'workers'? "
      .. "(see watchbot template --options)", problem_of [[
local watchbot = require "watchbot"
return watchbot.template {
  mode = "task",
  -- wokers = 5 is what it looks like
  wokers = 5,
}]])
  end)

  it("is told the line of the table that lacks an option, not the first of the file", function()
    assert.matches("^stack.lua:3: missing option 'service'", problem_of [[
local watchbot = require "watchbot"

return watchbot.template {
  mode = "task",
}]])
    assert.matches("^stack.lua:3: missing option 'service'", problem_of [[
local watchbot = require "watchbot"

local made = watchbot.template {
  mode = "task",
}
return made]])
  end)

  it("is told the line of a member that does not exist", function()
    assert.matches(
      "^stack.lua:6: option 'reservation': unknown member 'memry'; "
        .. "did you mean 'memory'%?", problem_of [[
local template = require "watchbot".template {
  mode = "task",
  service = "tiles",
  reservation = {
    cpu = 256,
    memry = 512,
  },
}
return template]])
  end)

  it("is told the line of what excludes each other, and where what is missing should be", function()
    assert.matches(
      "^stack.lua:4: options 'notificationTopic' and 'notificationEmail' "
        .. "exclude each other", problem_of [[
local template = require "watchbot".template {
  mode = "task", cluster = "c", service = "s", serviceVersion = "v",
  notificationTopic = "arn:aws:sns:eu-west-1:123456789012:told",
  notificationEmail = "me@example.com" }
return template]])
    assert.matches(
      "^stack.lua:2: missing option 'cluster': ARN or name of the ECS cluster", problem_of [[
-- cluster = "main" is what is missing
local template = require "watchbot".template { mode = "task", service = "s" }
return template]])
  end)

  it("is told what is wrong with what is no table", function()
    assert.matches("expected a table of options, got a string",
      problem_of "return require 'watchbot'.template 'tiles'")
  end)
end)

describe("options are refused", function()
  -- mode, options, message
  for _, case in ipairs {
    {
      "task", { prefix = "my-prefix" },
      "'prefix': expected letters and digits, a letter first, got 'my%-prefix'",
    },
    { "task", { workers = "5x" }, "'workers': expected a whole number of at least 1, got '5x'" },
    { "task", { workers = 0 }, "'workers': expected a whole number of at least 1, got 0" },
    {
      "task", { env = { A = {} } },
      "'env': 'A': expected text without NUL, a number, true or false, got an empty table", "A",
    },
    { "task", { env = "A=1" }, "'env': expected a table of names to text, got 'A=1'" },
    { "task", { fifo = "yes" }, "'fifo': expected true or false, got 'yes'" },
    { "task", { fifo = { Ref = "Fifo" } }, "'fifo': it decides which resources there are" },
    {
      "task", { prefix = { Ref = "Prefix" } },
      "'prefix': it decides which resources there are, so it cannot be an intrinsic",
    },
    { "task", { env = { Ref = "Env" } }, "'env': it cannot be an intrinsic, but its members can" },
    { "task", { capacity = "LAMBDA" }, "'capacity': expected 'EC2', 'FARGATE'" },
    {
      "task", { capacity = { FARGATE = { wieght = 1 } } },
      "unknown member 'wieght'; did you mean 'weight'", "capacity",
    },
    { "task", { logGroupRetentionDays = 15 }, "'logGroupRetentionDays': expected one of 1, 3, 5" },
    { "task", { messageRetention = 1209601 }, "from 60 to 1209600" },
    { "task", { alarmPeriods = 289 }, "'alarmPeriods': expected a whole number from 1 to 288" },
    {
      "task", { alarms = { queueSize = { period = 90 } } },
      "'period': expected seconds, a multiple of 60 up to a day, got 90", "period",
    },
    { "task", { command = {} }, "'command': expected text for sh or a list of words" },
    {
      "task", { mounts = { { contaner = "/a" } } },
      "unknown member 'contaner'; did you mean 'container'",
    },
    { "task", { mounts = "data:/data" }, "'mounts': 'data' is not an absolute path" },
    { "task", { mounts = { { host = "/a" } } }, "'mounts': a mount needs 'container'" },
    {
      "task", { alarms = { queueSiz = false } },
      "unknown member 'queueSiz'; did you mean 'queueSize'",
    },
    {
      "task", { alarms = { queueSize = { treshold = 1 } } },
      "unknown member 'treshold'; did you mean 'threshold'",
    },
    {
      "task", { parts = { alarms = true } },
      "'parts': 'alarms': expected false or a function, got true",
    },
    { "task", { healthCheck = { interval = 10 } }, "'healthCheck': 'command' is missing" },
    {
      "task", { secrets = { A = { key = "x" } } },
      "'secrets': 'A' needs either 'secret' or 'parameter'",
    },
    { "task", { env = { A = "1" }, secrets = { A = "/a" } }, "'A' is in 'env' and in 'secrets'" },
    { "batch", {}, "'mode': expected one of 'task', 'process', got 'batch'" },
    { "task", { notificationTopic = "arn:aws:sns:eu-west-1:123456789012:a" },
      "'notificationTopic' and 'notificationEmail' exclude each other" },
    {
      "task", { notificationEmail = false },
      "missing option 'notificationEmail' %(or 'notificationTopic'%)",
    },
    { "task", { serviceVersion = false }, "missing option 'serviceVersion'" },
    { "task", { service = false }, "missing option 'service'" },
    { "process", { command = false }, "missing option 'command'" },
    {
      "process", { command = "./tile", policy = "/app/policy.lua" },
      "'command' and 'policy' exclude each other",
    },
    { "process", { watchers = 2 }, "'watchers' is for mode 'task', and this is mode 'process'" },
    { "task", { maxSize = 2 }, "'maxSize' is for mode 'process', and this is mode 'task'" },
    { "process", { maxSize = 2, maxScalingCapacity = 2 }, "are aliases" },
    {
      "process", { minSize = 3, maxSize = 2 },
      "'minScalingCapacity' is 3, more than 'maxScalingCapacity', 2",
    },
    {
      "process", { writableFilesystem = true, workers = 2 },
      "'workers' must be 1 with 'writableFilesystem'",
    },
    {
      "task", { fargateSubnets = subnets },
      "'fargateSubnets' is for Fargate, or for networkMode 'awsvpc'",
    },
    { "task", { ephemeralStorageGiB = 30 }, "'ephemeralStorageGiB' is for Fargate" },
    { "task", { capacity = "FARGATE" }, "missing option 'fargateSubnets'" },
    {
      "task", { capacity = "FARGATE", fargateSubnets = subnets, privileged = true },
      "'privileged': Fargate does not support it",
    },
    {
      "task", { capacity = "FARGATE", fargateSubnets = subnets, reservation = { gpu = 1 } },
      "Fargate does not support 'gpu'",
    },
    {
      "task", { capacity = { FARGATE = 1, mine = 1 } },
      "ECS does not mix Fargate with other capacity providers",
    },
    { "task", { capacity = "FARGATE", fargateSubnets = subnets,
    reservation = { cpu = 256, memory = 4096 } },
      "Fargate does not support 256 CPU units with 4096 MiB of memory; with 256 units, memory can "
        .. "be 512, or "
        .. "1024 to 2048 in steps of" },
    { "task", { webhookKey = true }, "'webhookKey' needs 'webhook'" },
    { "task", { readCapacityUnits = 5 }, "need 'reduce'" },
  } do
    local mode, more, expected = table.unpack(case)
    it(expected, function() assert.matches(expected, (refused(mode, more))) end)
  end
end)

-- What AWS refuses while it makes the stack, or worse: each of these passed, here and in cfn-lint.
describe("options that AWS refuses", function()
  local fargate = { capacity = "FARGATE", fargateSubnets = { "subnet-1" } }
  local function on_fargate(more)
    for name, value in pairs(fargate) do more[name] = value end
    return more
  end

  for _, case in ipairs {
    { "task", { secrets = { A = { Ref = "Name" } } }, "secret or a parameter" },
    { "task", on_fargate { mounts = "/host:/data" }, "'/host' is a host path" },
    { "task", on_fargate { mounts = { volumes = { { Name = "a",
    Host = { SourcePath = "/a" } } } } },
      "'/a' is a host path" },
    { "task", on_fargate { ulimits = { nproc = 5 } }, "Fargate supports 'nofile', not 'nproc'" },
    {
      "task", { reservation = { memory = 512, softMemory = 1024 } },
      "'softMemory' is 1024 MiB, more than 'memory', 512 MiB",
    },
    { "task", { networkMode = "none" }, "one of 'bridge', 'host', 'awsvpc'" },
    {
      "process", { healthCheck = { command = "true", interval = 5, timeout = 10 } },
      "'timeout' is 10 s, longer than",
    },
    {
      "process", { healthCheck = { command = "true", timeout = 31 } },
      "'timeout' is 31 s, longer than 'interval', 30 s",
    },
    { "task", { prefix = ("P"):rep(70) }, "would have more than 80 characters" },
    {
      "task", { serviceVersion = "v 1" },
      "an image's tag: .*, got 'v 1' %(https://docs.aws.amazon.com/",
    },
    { "task", { watchbotVersion = "v/1" }, "an image's tag" },
    { "task", { family = "a/b" }, "a family: letters" },
    { "task", { cluster = "my cluster" }, "the name of a cluster" },
    { "task", { logGroupName = "a b" }, "of a log group" },
    { "task", { notificationEmail = "me" }, "an address like" },
    { "task", { notificationTopic = "a" }, "of an SNS topic" },
    { "task", { logAggregationFunction = "logs" }, "of a Lambda function" },
    { "task", { rolePath = "watchbot" }, "a path like" },
    { "task", { metricsNamespace = ":a" }, "a namespace" },
    { "task", { permissionsBoundary = "bounds" }, "of an IAM policy" },
    {
      "process", { workers = { Ref = "N" }, maxScalingCapacity = 5 },
      "must be a plain number where the service scales",
    },
  } do
    local mode, more, expected = table.unpack(case)
    it("are refused here: " .. expected,
      function() assert.matches(expected, (refused(mode, more))) end)
  end

  it("are not taken for others: an intrinsic is what it is", function()
    assert(options.complete(templates.given("task", {
      workers = { Ref = "N" }, serviceVersion = { Ref = "V" },
    })))
    assert(options.complete(templates.given("process", { workers = { Ref = "N" } })))
  end)

  it("have no slash or dot in a container's name", function()
    local made = templates.properties("worker", "WatchbotWorker", "task", {
      service = "team/tiles.v2",
    })
    assert.are.equal("Watchbot-worker-team-tiles-v2", made.ContainerDefinitions[1].Name)
  end)
end)

describe("options of older versions", function()
  it("may have numbers as text, no soft limit as 0, and what has no effect in this mode", function()
    local complete = assert(options.complete(templates.given("process", {
      workers = "5", reservation = { cpu = "256", memory = "512", softMemory = 0 },
      failedPlacementAlarmPeriods = 2,
      watchbotVersion = "v1", alarms = { queueSize = { threshold = "100" } }, serviceVersion = "12",
    })))
    assert.are.equal(5, complete.workers)
    assert.are.same({ cpu = 256, memory = 512 }, complete.reservation)
    assert.are.equal("12", complete.serviceVersion)
  end)

  it("are answered with their new names", function()
    for name, instead in pairs { memoryLimitMiB = "reservation = { memory", environment = "'env'",
    subnets = "'fargateSubnets'",
      retentionPeriod = "'messageRetention'", reduceMode = "'reduce'" } do
      assert.is_truthy(refused("process", { [name] = "x" }):find(instead, 1, true), name)
    end
  end)
end)

describe("options may be given under an older name", function()
  it("of the same thing", function()
    local complete = assert(options.complete(templates.given("process", {
      minSize = 2, maxSize = 90,
    })))
    assert.are.equal(2, complete.minScalingCapacity)
    assert.are.equal(90, complete.maxScalingCapacity)
    assert.is_nil(complete.maxSize)
  end)
end)

describe("options.describe", function()
  it("has every option with its default and its sentence, as text and as a table", function()
    for _, form in ipairs { "text", "markdown" } do
      local told = options.describe(form)
      for _, option in ipairs(options.declared) do
        assert.is_truthy(told:find(option.alias and "former name" or option.help, 1, true),
          option.name)
      end
    end
    assert.matches("workers: a whole number of at least 1; default 1\n    jobs at once",
      options.describe "text")
    assert.matches("| `prefix` | letters and digits, a letter first | `\"Watchbot\"` | start",
      options.describe "markdown")
    assert.matches("| `watchers` |[^|]*|[^|]*| watchers, each with `workers` jobs at once %(mode "
      .. "task only%) | v0 |",
      options.describe "markdown")
  end)
end)
