-- Every two choices together: templates for all pairs of what a user may choose, and nothing that
-- cfn-lint says of them.

local cfn_lint = require "support.cfn_lint"
local check = require "watchbot.template.check"
local cf = require "watchbot.template.cf"
local cover = require "support.pairs"
local merge = require "watchbot.template.merge"
local template = require "watchbot.template"
local to_json = require "watchbot.template.to_json"
local to_yaml = require "watchbot.template.to_yaml"
local workshop = require "support.workshop"

-- Bytes that CloudFormation takes without S3.
local INLINE = 51200

local parameters = {}
for _, name in ipairs { "Cluster", "Version", "Email", "Key", "Secret", "Cpu" } do
  parameters[name] = { Type = "String" }
end

local SUBNETS, GROUPS = { "subnet-0123456789abcdef0" }, { "sg-0123456789abcdef0" }
local EVERY = { "queueSize", "oldestMessage", "quietGroups", "dlqSize", "workersErrors",
  "failureShare",
  "failedPlacements",
  "noTaskStarts", "memoryUtilization", "cpuUtilization" }

local function alarms(setting)
  local result = {}
  for _, name in ipairs(EVERY) do result[name] = setting end
  return result
end

local function no_options() return {} end

local function switch(name)
  return { name = name, values = { "off", "on" }, off = { [name] = false }, on = { [name] = true } }
end

-- What each value adds to the options; a function where it depends on the rest of the case.
local axes = {
  {
    name = "mode", values = { "task", "process" }, task = { mode = "task" },
    process = { mode = "process" },
  },
  { name = "capacity", values = { "ec2", "awsvpc", "fargate", "spot", "mix", "provider" },
    ec2 = no_options, awsvpc = { networkMode = "awsvpc", fargateSubnets = SUBNETS },
    fargate = {
      capacity = "FARGATE", fargateSubnets = SUBNETS, fargatePublicIp = "ENABLED",
      ephemeralStorageGiB = 30,
    },
    spot = { capacity = "FARGATE_SPOT", fargateSubnets = SUBNETS, fargateSecurityGroups = GROUPS },
    mix = {
      capacity = { FARGATE = { weight = 1, base = 1 }, FARGATE_SPOT = 3 }, fargateSubnets = SUBNETS,
    },
    provider = { capacity = { fleet = 1 } } },
  switch "fifo",
  { name = "webhook", values = { "off", "open", "key", "headers" }, off = no_options,
  open = { webhook = true },
    headers = { webhook = { raw = true, headers = { "X-Event", "X-Signature" } } },
    key = { webhook = true, webhookKey = true, webhookThrottle = { rate = 5, burst = 10 } } },
  switch "user",
  { name = "schedules", values = { "none", "some" }, none = no_options,
    some = { schedules = {
      nightly = { cron = "0 3 * * 5L", zone = "Europe/Berlin", message = "report", subject = "s" },
      often = { every = "15m", message = "${refresh}", group = "g" },
    } } },
  { name = "longDelays", values = { "off", "on" }, off = no_options,
    on = function(case) return { longDelays = case.fifo ~= "on" } end },
  { name = "tables", values = { "none", "once", "reduce", "provisioned" }, none = no_options,
    once = { once = true }, reduce = { reduce = true },
    provisioned = { reduce = true, readCapacityUnits = 5 } },
  switch "dashboard",
  { name = "alarms", values = { "usual", "none", "all" }, usual = no_options,
    none = { alarms = alarms(false), deadletterAlarm = false },
    all = {
      alarms = alarms { threshold = 5, period = 3600, evaluationPeriods = 168 },
      alarmOnEachFailure = true,
    } },
  switch "structuredLogging",
  { name = "notification", values = { "email", "parameter", "topic" },
  email = { notificationEmail = "me@example.com" },
    parameter = { notificationEmail = cf.ref "Email" },
    topic = { notificationTopic = "arn:aws:sns:eu-west-1:123456789012:alarms" } },
  { name = "command", values = { "text", "list", "policy" },
  text = { command = "./render | tee log" },
    list = { command = { "./render", "it's", cf.ref "Version" } },
    policy = { policy = "/app/policy.lua" } },
  { name = "number", values = { "one", "many", "parameters" }, one = no_options,
    many = function(case)
      local workers = case.filesystem == "read only" and 6 or 1
      if case.mode == "task" then return { workers = 6, watchers = 3 } end
      return { workers = workers, minScalingCapacity = 1, maxScalingCapacity = 12 }
    end,
    parameters = function(case) return case.mode == "task" and { watchers = 0 }
    or { minSize = 2, maxSize = 2 } end },
  { name = "bounds", values = { "none", "some" }, none = no_options,
    some = { permissionsBoundary = "arn:aws:iam::123456789012:policy/bounds",
    rolePath = "/watchbot/", tags = { team = "maps" },
      watcherPermissions = {
        { Effect = "Allow", Action = { "ecs:DescribeTaskDefinition" }, Resource = "*" },
      },
      containerUser = "1000", metricsNamespace = "Mapbox/ecs-watchbot" } },
  { name = "queue", values = { "usual", "raw", "key", "create" }, create = { kmsKey = "create" },
    usual = no_options, raw = { rawMessageDelivery = true },
    key = {
      kmsKey = cf.ref "Key", messageTimeout = 300, messageRetention = 3600, deadletterThreshold = 3,
    } },
  { name = "log", values = { "usual", "named" }, usual = no_options,
    named = { logGroupName = "tiles", logGroupRetentionDays = 30,
      logAggregationFunction = "arn:aws:lambda:eu-west-1:123456789012:function:logs" } },
  { name = "secrets", values = { "none", "some" }, none = no_options,
    some = { secrets = { TOKEN = { secret = cf.ref "Secret", key = "token" },
    HOST = { parameter = "/tiles/host" } },
      permissions = {
        { Effect = "Allow", Action = { "s3:GetObject" }, Resource = "arn:aws:s3:::tiles/*" },
      } } },
  { name = "filesystem", values = { "read only", "writable" },
  ["read only"] = { mounts = "/data,/scratch" },
    writable = function(case) return case.mode == "process" and { writableFilesystem = true }
    or { mounts = "/data" } end },
  { name = "container", values = { "least", "most" }, least = no_options,
    most = { reservation = { cpu = 512, memory = 2048 },
    healthCheck = { command = "test -f /tmp/ok", interval = 30 },
      runtimePlatform = { cpuArchitecture = "ARM64", operatingSystemFamily = "LINUX" },
      ulimits = { nofile = 2048 },
      env = { EMPTY = "", Zoom = 12, Sharp = true }, maxJobDuration = 600, stopTimeout = 30 } },
  { name = "shape", values = { "none", "volumes", "dynamic" }, none = no_options,
    volumes = function(case)
      return case.filesystem == "read only" and {
        mounts = { volumes = { { Name = "a" }, { Name = "efs",
          EFSVolumeConfiguration = { FilesystemId = "fs-12345678" } } },
          mountPoints = { { ContainerPath = "/a", SourceVolume = "a" },
            { ContainerPath = "/efs", SourceVolume = "efs", ReadOnly = true } } },
        containerUser = "app:app", executionPermissions = {
          { Effect = "Allow", NotAction = "iam:*", Resource = cf.sub "arn:aws:s3:::${Version}/*",
            Sid = "Read1", Condition = { Bool = { ["aws:SecureTransport"] = "true" } } },
        },
      } or {}
    end,
    dynamic = { env = { STORE = "{{resolve:ssm:/tiles/store}}", Zoom = 12 },
      family = "tiles", description = "Renders tiles." } },
  { name = "names", values = { "plain", "parameters" },
    plain = { cluster = "main", serviceVersion = "v1" },
    parameters = {
      cluster = cf.ref "Cluster", serviceVersion = cf.ref "Version", prefix = "Tiles",
    } },
}

local function given(case)
  local options = { service = "tiles" }
  for _, axis in ipairs(axes) do
    local more = axis[case[axis.name]]
    for name, value in pairs(type(more) == "function" and more(case) or more) do
      options[name] = value
    end
  end
  return options
end

-- Only the parameters that are used: cfn-lint has something to say of the others.
local function complete(made)
  local text, used = to_json(made), {}
  for name, value in pairs(parameters) do
    if text:find(('"Ref": "%s"'):format(name), 1, true)
      or text:find("${" .. name .. "}", 1, true) then
      used[name] = value
    end
  end
  return merge(made, { Parameters = used })
end

local function told(case)
  local words = {}
  for index, axis in ipairs(axes) do words[index] = axis.name .. "=" .. case[axis.name] end
  return table.concat(words, " ")
end

describe("the template of every pair of choices", function()
  local cases, made = cover(axes), {}
  for index, case in ipairs(cases) do made[index] = complete(template(given(case))) end

  it("is what neither --check nor cfn-lint finds anything wrong with",
    workshop.task(function(folder)
    local paths = {}
    for index, one in ipairs(made) do
      local text = to_json(one)
      for _, finding in ipairs(check(one, math.min(#text, INLINE))) do
        assert.is_true(finding.note, finding.where .. ": " .. finding.message .. told(cases[index]))
      end
      paths[#paths + 1] = folder:write(("%02d.json"):format(index), text)
      -- The other writer's, now and then: what cfn-lint says of one template it says of the other.
      if index % 8 == 1 then
        paths[#paths + 1] = folder:write(("%02d.yaml"):format(index), to_yaml(one))
      end
    end
    local findings = cfn_lint.run(paths)
    for index, case in ipairs(cases) do
      for at, finding in ipairs(findings) do
        if finding:match(("^%02d%%."):format(index)) then
          findings[at] = finding .. "\n  " .. told(case)
        end
      end
    end
    assert.are.equal("", table.concat(findings, "\n"))
  end))

  it("is short enough to go without S3", function()
    for index, one in ipairs(made) do
      local size = #to_json(one)
      assert.is_true(size <= INLINE, ("%d bytes: %s"):format(size, told(cases[index])))
    end
  end)
end)
