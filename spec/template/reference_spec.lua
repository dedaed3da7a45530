-- Templates that ecs-watchbot has made, compared with watchbot's from the same options: every
-- resource, property, variable and output of theirs exists, or is named below with a reason.

local cf = require "watchbot.template.cf"
local cjson = require "cjson"
local watchbot = require "watchbot"

local FOLDER = "../shared/reference-templates/"

-- What we leave out, and why. A name stands for all that begins with it.
local exceptions = {
  ["AWS::ApiGateway::Deployment.Stage"] =
    "the stage is a resource of its own, which outlives a deployment",
  ["AWS::ApiGateway::RestApi.FailOnWarnings"] = "false is what API Gateway does anyway",
  ["AWS::ApplicationAutoScaling::ScalableTarget.RoleARN"] =
    "for ECS the service-linked role is used, whatever stands here",
  ["AWS::CloudFormation::CustomResource"] =
    "the step of the scaling is computed when the template is made",
  ["AWS::CloudWatch::Alarm.AlarmName"] = "CloudFormation's names have the stack and the id in them",
  ["AWS::DynamoDB::Table.TableName"] =
    "CloudFormation's names have the stack and the id in them; `ProgressTable` has the ARN",
  ["AWS::Events::Rule.Name"] =
    "a name of stack and id can be longer than the 64 characters of a rule",
  ["AWS::IAM::Policy"] = "what progress needs is in the role of the tasks",
  ["AWS::IAM::Role.AssumeRolePolicyDocument.Statement.Sid"] = "a comment",
  ["AWS::IAM::Role.Path"] = "`/` is the default",
  ["AWS::Lambda::"] = "nothing needs a function: API Gateway publishes itself, metric math counts",
  ["AWS::SQS::QueuePolicy.PolicyDocument.Id"] = "a comment",
  ["variable AlarmOnEachFailure"] = "NotifyAfterRetries says it",
  ["variable Fifo"] = "the queue's name says it",
  ["variable LogGroupArn"] = "LogGroup says it",
  ["variable LogLevel"] = "the log has one level",
}

-- In mode process only.
local exceptions_of_processes = {
  ["AWS::Events::Rule"] =
    "no function counts messages every minute: metric math adds SQS's own metrics",
}

local v3 = {
  mode = "task", cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/fake",
  service = "my-service",
  serviceVersion = "7a55878", notificationEmail = "hello@mapbox.com",
}

local v9 = { mode = "process", command = "echo hi" }
for name, value in pairs(v3) do v9[name] = v9[name] or value end

local function with(base, more)
  local options = {}
  for name, value in pairs(base) do options[name] = value end
  for name, value in pairs(more) do options[name] = value end
  return options
end

local much = {
  reduce = true, command = { "bash", "-c", "echo hi" }, env = { MyKey = "MyValue" },
  mounts = "/root:/mnt/root,/mnt/tmp",
  reservation = { cpu = 4096, memory = 512, softMemory = 128 }, privileged = true,
  readCapacityUnits = 10,
  writeCapacityUnits = 5, family = "fam",
  permissions = {
    { Effect = "Allow", Action = { "s3:GetObject" }, Resource = "arn:aws:s3:::bkt/*" },
  },
  logAggregationFunction = "arn:aws:lambda:us-east-1:123456789012:function:log",
  messageTimeout = 300, messageRetention = 3000,
  deadletterThreshold = 50, maxJobDuration = 300, workers = 4,
}

local fargate = { fargateSubnets = { "subnet-1234" }, fargateSecurityGroups = { "sg-1234" } }

-- Conditions of theirs choose between EC2 and Fargate when the stack is made; here the options do.
local versions = {
  ["v3.5.1"] = { v3, with(v3, much), with(v3, { webhook = true, webhookKey = true, user = true }) },
  ["v9.0.1"] = { with(v9, much), with(v9, with(fargate, { capacity = "FARGATE" })),
    with(v9, with(fargate, { capacity = "FARGATE_SPOT" })) },
}

local names = {
  ["v3.5.1"] = { "minimal", "full", "webhook" },
  ["v9.0.1"] = { "minimal", "full", "fargate" },
}

-- How deep properties are looked at: ContainerDefinitions.LogConfiguration.Options.
local DEPTH = 3

local collect

local function collect_members(value, path, depth, into)
  for name, item in pairs(value) do
    local at = type(name) == "string" and path .. "." .. name or path
    into[at] = true
    collect(item, at, type(name) == "string" and depth - 1 or depth, into)
  end
end

function collect(value, path, depth, into)
  if type(value) ~= "table" or depth == 0 then return end
  local choice = value["Fn::If"]
  if choice then
    collect(choice[2], path, depth, into)
    collect(choice[3], path, depth, into)
  elseif not cf.is(value) then
    collect_members(value, path, depth, into)
  end
end

local function collect_variables(task, into)
  for _, container in ipairs(task.ContainerDefinitions) do
    for _, variable in ipairs(container.Environment or {}) do
      into["variable " .. variable.Name] = true
    end
  end
end

local function features_of(template, into)
  for _, resource in pairs(template.Resources) do
    into[resource.Type] = true
    collect(resource.Properties, resource.Type, DEPTH, into)
    if resource.Type == "AWS::ECS::TaskDefinition" then
      collect_variables(resource.Properties, into)
    end
  end
  for name in pairs(template.Outputs or {}) do into["output " .. name] = true end
  return into
end

local function is_in(feature, excepted)
  for name in pairs(excepted) do
    if feature:sub(1, #name) == name then return true end
  end
  return false
end

local function read(name)
  local file <close> = io.open(FOLDER .. name .. ".json")
  return file and cjson.decode(file:read "a")
end

local function missing_in(ours, reference, version)
  local missing = {}
  for feature in pairs(features_of(reference, {})) do
    local known = is_in(feature, exceptions)
      or (version == "v9.0.1" and is_in(feature, exceptions_of_processes))
    if not ours[feature] and not known then missing[#missing + 1] = feature end
  end
  table.sort(missing)
  return missing
end

describe("what ecs-watchbot makes of the same options has nothing that is missing here:", function()
  for version, sets in pairs(versions) do
    local ours = {}
    for _, options in ipairs(sets) do features_of(watchbot.template(options), ours) end
    for _, name in ipairs(names[version]) do
      it(version .. ", " .. name, function()
        local reference = read(("watchbot-%s-%s"):format(version, name))
        if not reference then return pending "the reference templates are not here" end
        assert.are.same({}, missing_in(ours, reference, version))
      end)
    end
  end
end)
