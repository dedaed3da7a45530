local diff = require "watchbot.template.diff"
local templates = require "support.templates"

local function template_of(mode, more)
  local made = templates.make(mode, more)
  return { Resources = made.Resources }
end

local function changes(before, after)
  local by_id = {}
  for _, change in ipairs(diff(before, after)) do by_id[change.id] = change end
  return by_id
end

local function of(type, before, after)
  local function resource(properties)
    return { Resources = { A = { Type = type, Properties = properties } } }
  end
  return diff(resource(before), resource(after))[1]
end

describe("the difference of two templates", function()
  it("is nothing where they are the same", function()
    assert.are.same({}, diff(template_of "task", template_of "task"))
  end)

  it("has what is added, removed and changed, with the properties", function()
    local found = changes(template_of("task", { messageTimeout = 60 }),
      template_of("task", { user = true, dashboard = false }))
    assert.are.equal("added", found.WatchbotUser.what)
    assert.are.equal("removed", found.WatchbotDashboard.what)
    assert.are.equal("changed", found.WatchbotQueue.what)
    assert.are.same({ "Properties.VisibilityTimeout" }, found.WatchbotQueue.paths)
    assert.are.same({ 60, 180 }, found.WatchbotQueue.values["Properties.VisibilityTimeout"])
    assert.is_nil(found.WatchbotQueue.loses)
    assert.is_nil(found.WatchbotTopic)
  end)

  it("tells of a task definition that it is replaced, which costs nothing", function()
    local found = changes(template_of("task", { env = { A = "1" } }),
      template_of("task", { env = { A = "2" } }))
    assert.are.equal("replaced", found.WatchbotWorker.what)
    assert.is_nil(found.WatchbotWorker.loses)
  end)

  it("tells what a switch to FIFO loses, and what it leaves in queues that nobody watches",
    function()
    local found = changes(template_of "task", template_of("task", { fifo = true }))
    for _, id in ipairs { "WatchbotQueue", "WatchbotDeadLetterQueue" } do
      assert.are.equal("replaced", found[id].what)
      assert.matches("messages", found[id].leaves)
      assert.is_nil(found[id].loses)
    end
    assert.are.equal("replaced", found.WatchbotTopic.what)
    assert.matches("its subscriptions", found.WatchbotTopic.loses)
  end)

  it("tells what another name loses", function()
    local found = changes(template_of("process", { logGroupName = "a" }),
      template_of("process", { logGroupName = "b" }))
    assert.are.equal("replaced", found.WatchbotLogGroup.what)
    assert.matches("log", found.WatchbotLogGroup.leaves)
    assert.matches("key", of("AWS::IAM::User", { UserName = "a" }, { UserName = "b" }).loses)
    assert.matches("items",
      of("AWS::DynamoDB::Table", { TableName = "a" }, { TableName = "b" }).loses)
    assert.is_nil(of("AWS::DynamoDB::Table", { BillingMode = "a" }, { BillingMode = "b" }).loses)
  end)

  it("tells what is lost with what is removed", function()
    assert.matches("key",
      changes(template_of("task", { user = true }), template_of "task").WatchbotUserKey.loses)
    assert.matches("items",
      changes(template_of("task", { reduce = true }),
      template_of "task").WatchbotProgressTable.loses)
  end)

  it("knows policies that retain: in a replacement, of both templates", function()
    local function replaced(before, after)
      local function with(name, policy)
        local properties = { QueueName = name }
        return {
          Resources = {
            A = { Type = "AWS::SQS::Queue", Properties = properties, UpdateReplacePolicy = policy },
          },
        }
      end
      return diff(with("a", before), with("b", after))[1]
    end
    assert.is_string(replaced("Delete", "Delete").loses)
    assert.is_string(replaced(nil, "Retain").loses)
    assert.is_string(replaced("Retain", nil).loses)
    assert.is_nil(replaced("Retain", "Retain").loses)
    assert.matches("messages", replaced("Retain", "Retain").leaves)
    local function removed(policy)
      return diff({ Resources = { A = { Type = "AWS::SQS::Queue", DeletionPolicy = policy } } },
        { Resources = {} })[1]
    end
    assert.matches("messages", removed("Retain").leaves)
    assert.matches("messages", removed("Delete").loses)
  end)

  it("tells that another type under the same name is refused", function()
    local function with(type) return { Resources = { A = { Type = type } } } end
    local found = diff(with "AWS::SQS::Queue", with "AWS::SNS::Topic")
    assert.are.equal("refused", found[1].what)
    assert.are.same({ "AWS::SQS::Queue", "AWS::SNS::Topic" }, found[1].values.Type)
    assert.is_nil(found[1].loses)
  end)

  it("compares values, not how they are written", function()
    -- Each queue that stayed was reported as LOST: one name was a join, the other a sub.
    local name = { ["Fn::Join"] = { "", { { Ref = "AWS::StackName" }, "-", "WatchbotQueue" } } }
    local sub = { ["Fn::Sub"] = "${AWS::StackName}-WatchbotQueue" }
    assert.is_nil(of("AWS::SQS::Queue", { QueueName = name }, { QueueName = sub }))
    assert.is_nil(of("AWS::SQS::Queue", { VisibilityTimeout = "60" }, { VisibilityTimeout = 60 }))
    local parameter =
      of("AWS::SQS::Queue", { QueueName = "jobs" }, { QueueName = { Ref = "Name" } })
    assert.is_true(parameter.maybe and parameter.values["Properties.QueueName"].may_be_same)
    assert.is_string(parameter.loses)
  end)

  it("takes each type for one that holds data, unless it is known to hold none", function()
    -- "no data is lost", status 0, when a database, a file system or a key was removed.
    for _, type in ipairs {
      "AWS::RDS::DBInstance", "AWS::EFS::FileSystem", "AWS::KMS::Key", "AWS::S3::Bucket",
      "AWS::New::Thing",
    } do
      local removed = diff({ Resources = { A = { Type = type } } }, { Resources = {} })[1]
      assert.is_string(removed.loses, type)
    end
    assert.matches("what the AWS::New::Thing holds",
      of("AWS::New::Thing", { A = 1 }, { A = 2 }).loses)
    assert.is_true(of("AWS::New::Thing", { A = 1 }, { A = 2 }).maybe)
    assert.matches("AWS::RDS::DBInstance",
      of("AWS::RDS::DBInstance", { DBName = "a" }, { DBName = "b" }).loses)
    assert.is_nil(of("AWS::RDS::DBInstance", { AllocatedStorage = 5 },
      { AllocatedStorage = 9 }).loses)
    for _, type in ipairs { "AWS::Lambda::Function", "AWS::IAM::Role", "Custom::Thing" } do
      assert.is_nil(diff({ Resources = { A = { Type = type } } }, { Resources = {} })[1].loses,
        type)
    end
  end)

  it("refuses a name that another resource has until the end of the update", function()
    local function queue(id, name)
      return {
        Resources = { [id] = { Type = "AWS::SQS::Queue", Properties = { QueueName = name } } },
      }
    end
    local added = changes(queue("Old", "jobs"), queue("New", "jobs")).New
    assert.are.equal("refused", added.what)
    assert.matches("its QueueName is taken by 'Old'", added.reason)
    assert.are.equal("added", changes(queue("Old", "jobs"), queue("New", "other")).New.what)
    local table_of = function(key)
      return { TableName = "t", KeySchema = { { AttributeName = key } } }
    end
    assert.matches("cannot replace a resource with a fixed name",
      of("AWS::DynamoDB::Table", table_of "a", table_of "b").reason)
  end)

  it("tells what is published while a subscription moves out of its topic, or into it", function()
    -- CloudFormation changes the topic first, so the inline subscription is gone before the
    -- resource is made; a rollback removes it again.
    local within, apart = template_of "task", template_of("task", { rawMessageDelivery = true })
    local found = changes(within, apart).WatchbotSubscription
    assert.is_true(found.meanwhile)
    assert.matches("removes the topic's own subscription before it creates this one", found.loses)
    found = changes(apart, within).WatchbotSubscription
    assert.are.equal("removed", found.what)
    assert.is_true(found.meanwhile)
  end)
end)

describe("the difference of ecs-watchbot's stacks and ours", function()
  local json = require "watchbot.lib.json"
  local to_json = require "watchbot.template.to_json"

  -- What a stack of a version has, as its generator writes it.
  local function inline(name)
    return { ["Fn::Join"] = { "", { { Ref = "AWS::StackName" }, "-", name } } }
  end

  local function queue(name)
    return {
      Type = "AWS::SQS::Queue", Properties = {
        QueueName = inline(name), MessageRetentionPeriod = 1209600,
      },
    }
  end

  local function former()
    return { Resources = {
      WatchbotQueue = queue "WatchbotQueue",
      WatchbotDeadLetterQueue = queue "WatchbotDeadLetterQueue",
      WatchbotTopic = { Type = "AWS::SNS::Topic", Properties = { Subscription = {
        { Endpoint = { ["Fn::GetAtt"] = { "WatchbotQueue", "Arn" } }, Protocol = "sqs" },
      } } },
      WatchbotLogGroup = { Type = "AWS::Logs::LogGroup", Properties = {
        LogGroupName = {
          ["Fn::Join"] = {
            "-", { { Ref = "AWS::StackName" }, { Ref = "AWS::Region" }, "watchbot" },
          },
        },
        RetentionInDays = 14,
      } },
      WatchbotProgressTable = { Type = "AWS::DynamoDB::Table", Properties = {
        TableName = { ["Fn::Join"] = { "-", { { Ref = "AWS::StackName" }, "Watchbot-progress" } } },
        AttributeDefinitions = { { AttributeName = "id", AttributeType = "S" } },
        KeySchema = { { AttributeName = "id", KeyType = "HASH" } },
      } },
      WatchbotWebhookApi = { Type = "AWS::ApiGateway::RestApi", Properties = { Name = "w" } },
      WatchbotWebhookDeployment = { Type = "AWS::ApiGateway::Deployment", Properties = {
        RestApiId = { Ref = "WatchbotWebhookApi" }, StageName = "watchbot",
      } },
    } }
  end

  local function new(more) return json.decode(to_json(templates.make("task", more))) end

  it("loses nothing: queues, topic, log and table stay", function()
    for id, change in pairs(changes(former(), new { reduce = true, webhook = true })) do
      assert.is_nil(change.loses, id)
      assert.is_falsy(change.what == "replaced", id)
    end
  end)

  it("is refused where the webhook's stage is in its deployment", function()
    local stage = changes(former(), new { reduce = true, webhook = true }).WatchbotWebhookStage
    assert.are.equal("refused", stage.what)
    assert.matches("taken by 'WatchbotWebhookDeployment'", stage.reason)
    assert.matches("the address", changes(former(), new { reduce = true }).WatchbotWebhookApi.loses)
  end)
end)
