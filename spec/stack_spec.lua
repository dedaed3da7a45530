local cjson = require "cjson"
local cloud = require "support.cloud"
local stack = require "watchbot.stack"

local account

local task = cloud.task

local function queue(logical)
  return { Type = "AWS::SQS::Queue", Properties = { QueueName = account:name(logical) } }
end

local function ref(logical) return { Value = { Ref = logical } } end

local function create(template)
  local name = account:name "stack"
  assert(account:client "cloudformation":CreateStack {
    StackName = name, TemplateBody = cjson.encode(template),
  })
  return name
end

local function open(name, prefix, client)
  return stack.open(name, { prefix = prefix, client = client or account:client "cloudformation" })
end

-- What a template of ecs-watchbot v4 to v9 has, with the outputs that its own templates have.
local function old_style(prefix, more)
  local resources = {
    [prefix .. "Queue"] = queue "jobs", [prefix .. "DeadLetterQueue"] = queue "dead",
    [prefix .. "TaskEventQueue"] = queue "events", [prefix .. "Topic"] = {
      Type = "AWS::SNS::Topic",
    },
    [prefix .. "NotificationTopic"] = { Type = "AWS::SNS::Topic" },
    [prefix .. "LogGroup"] = {
      Type = "AWS::Logs::LogGroup", Properties = { LogGroupName = account:name "logs" },
    },
  }
  for logical, resource in pairs(more or {}) do resources[logical] = resource end
  return resources, {
    ClusterArn = { Value = "arn:aws:ecs:eu-west-1:123456789012:cluster/fleet" },
    [prefix .. "QueueUrl"] = ref(prefix .. "Queue"),
      [prefix .. "DeadLetterQueueUrl"] = ref(prefix .. "DeadLetterQueue"),
    [prefix .. "LogGroup"] = { Value = { ["Fn::GetAtt"] = { prefix .. "LogGroup", "Arn" } } },
  }
end

describe("a stack", function()
  cloud.around(function(made) account = made end)

  it("is read by the ends of its outputs' keys, a longer end before a shorter one", task(function()
    local resources, outputs = old_style "Watchbot"
    outputs.OtherQueueUrl = { Value = "https://sqs.eu-west-1.amazonaws.com/1/other" }
    local found = assert(open(create { Resources = resources, Outputs = outputs }))
    assert.are.equal("Watchbot", found.prefix)
    assert.matches("/jobs%-%d+$", found:output "QueueUrl")
    assert.matches("/dead%-%d+$", found:output "DeadLetterQueueUrl")
    assert.matches(":log%-group:logs%-%d+", found:output "LogGroup")
    assert.are.equal("arn:aws:ecs:eu-west-1:123456789012:cluster/fleet", found:output "ClusterArn")
  end))

  it("is read by its resources where an old template has no such output", task(function()
    local resources, outputs = old_style "Watchbot"
    local found = assert(open(create { Resources = resources, Outputs = outputs }))
    assert.matches("NotificationTopic", found:output "NotificationTopic")
    assert.matches("^arn:aws:sns:", found:output "Topic")
    assert.is_nil(found:output "Topic":find("Notification", 1, true))
    assert.matches("/events%-%d+$", found:output "TaskEventQueueUrl")
    local value, err, code = found:output "WebhookEndpoint"
    assert.is_nil(value)
    assert.matches("has no output WatchbotWebhookEndpoint", err)
    assert.are.equal("NoOutput", code)
  end))

  it("is read by its resources alone when it was made with the CDK, as ecs-watchbot v10 is",
    task(function()
    local found = assert(open(create { Resources = {
      FleetQueue1A2B3C4D = queue "jobs", FleetDeadLetterQueue0011AABB = queue "dead", Bucket = {
        Type = "AWS::S3::Bucket",
      },
      FleetLogGroupDEADBEEF = {
        Type = "AWS::Logs::LogGroup", Properties = { LogGroupName = account:name "logs" },
      },
    } }))
    assert.are.equal("Fleet", found.prefix)
    assert.matches("/jobs%-%d+$", found:output "QueueUrl")
    assert.matches("/dead%-%d+$", found:output "DeadLetterQueueUrl")
    assert.matches("^logs%-%d+$", found:output "LogGroup")
  end))

  it("with two watchers asks for one, and tells their prefixes", task(function()
    local resources, outputs = old_style "One"
    local more_resources, more_outputs = old_style("Two", resources)
    for key, output in pairs(outputs) do more_outputs[key] = output end
    more_outputs.TwoTaskDefinition = {
      Value = "arn:aws:ecs:eu-west-1:123456789012:task-definition/two:1",
    }
    local name = create { Resources = more_resources, Outputs = more_outputs }
    local nothing, err, code = open(name)
    assert.is_nil(nothing)
    assert.matches("2 watchers: choose one with %-%-prefix: One, Two", err)
    assert.are.equal("Usage", code)
    local one, two = assert(open(name, "One")), assert(open(name, "Two"))
    assert.are_not.equal(one:output "QueueUrl", two:output "QueueUrl")
    assert.are.equal(one:output "ClusterArn", two:output "ClusterArn")
    assert.are.equal("NoOutput", select(3, one:output "TaskDefinition"))
    nothing, err, code = open(name, "Three")
    assert.is_nil(nothing)
    assert.matches("no watcher 'Three'; it has One, Two", err)
    assert.are.equal("Usage", code)
  end))

  it("that is not there, has nothing of ours or may not be read is told so", task(function()
    local _, err, code = open "nobody"
    assert.are.equal("stack 'nobody' does not exist in eu-west-1: AWS_REGION chooses another "
      .. "region, "
      .. "AWS_PROFILE another account", err)
    assert.are.equal("StackNotFound", code)
    _, err, code = open(create { Resources = { Bucket = { Type = "AWS::S3::Bucket" } } })
    assert.matches("no queue of watchbot's", err)
    assert.are.equal("NoWatcher", code)
    local denied = account:client("cloudformation", {
      credentials = account:user "cloudformation:DescribeStacks",
    })
    _, err, code = open("any", nil, denied)
    assert.matches("do not allow 'cloudformation:DescribeStacks' on stack 'any'", err)
    assert.are.equal("NotAllowed", code)
  end))
end)

describe("the resources of a stack", function()
  it("name a cluster by their service, and go on for as many pages as there are", task(function()
    local resources = require "watchbot.stack.resources"
    local pages = {
      { StackResourceSummaries = { { ResourceType = "AWS::ECS::Service",
      LogicalResourceId = "WatchbotService",
        PhysicalResourceId = "arn:aws:ecs:eu-west-1:1:service/fleet/jobs" } }, NextToken = "more" },
      { StackResourceSummaries = { { ResourceType = "AWS::SQS::Queue",
      LogicalResourceId = "WatchbotQueue",
        PhysicalResourceId = "url" } }, NextToken = "" },
    }
    local asked = {}
    local found = resources.list({ ListStackResources = function(_, parameters)
      table.insert(asked, parameters.NextToken or "first")
      return table.remove(pages, 1)
    end }, "name")
    assert.are.same({ "first", "more" }, asked)
    assert.are.equal("arn:aws:ecs:eu-west-1:1:cluster/fleet", found.ClusterArn.Watchbot)
    assert.are.equal("url", found.QueueUrl.Watchbot)
  end))
end)
