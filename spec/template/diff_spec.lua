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
  local function resource(properties) return { Resources = { A = { Type = type, Properties = properties } } } end
  return diff(resource(before), resource(after))[1]
end

describe("the difference of two templates", function()
  it("is nothing where they are the same", function()
    assert.are.same({}, diff(template_of "task", template_of "task"))
  end)

  it("has what is added, removed and changed, with the properties", function()
    local found = changes(template_of("task", { messageTimeout = 60 }), template_of("task", { user = true, dashboard = false }))
    assert.are.equal("added", found.WatchbotUser.what)
    assert.are.equal("removed", found.WatchbotDashboard.what)
    assert.are.equal("changed", found.WatchbotQueue.what)
    assert.are.same({ "Properties.VisibilityTimeout" }, found.WatchbotQueue.paths)
    assert.are.same({ 60, 180 }, found.WatchbotQueue.values["Properties.VisibilityTimeout"])
    assert.is_nil(found.WatchbotQueue.loses)
    assert.is_nil(found.WatchbotTopic)
  end)

  it("tells of a task definition that it is replaced, which costs nothing", function()
    local found = changes(template_of("task", { env = { A = "1" } }), template_of("task", { env = { A = "2" } }))
    assert.are.equal("replaced", found.WatchbotWorker.what)
    assert.is_nil(found.WatchbotWorker.loses)
  end)

  it("tells what a switch to FIFO loses, and what it leaves in queues that nobody watches", function()
    local found = changes(template_of "task", template_of("task", { fifo = true }))
    for _, id in ipairs { "WatchbotQueue", "WatchbotDeadLetterQueue" } do
      assert.are.equal("replaced", found[id].what)
      assert.matches("messages", found[id].leaves)
      assert.is_nil(found[id].loses)
    end
    assert.are.equal("replaced", found.WatchbotTopic.what)
    assert.matches("subscribed", found.WatchbotTopic.loses)
  end)

  it("tells what another name loses", function()
    local found = changes(template_of("process", { logGroupName = "a" }), template_of("process", { logGroupName = "b" }))
    assert.are.equal("replaced", found.WatchbotLogGroup.what)
    assert.matches("log", found.WatchbotLogGroup.leaves)
    assert.matches("key", of("AWS::IAM::User", { UserName = "a" }, { UserName = "b" }).loses)
    assert.matches("items", of("AWS::DynamoDB::Table", { TableName = "a" }, { TableName = "b" }).loses)
    assert.is_nil(of("AWS::DynamoDB::Table", { BillingMode = "a" }, { BillingMode = "b" }).loses)
  end)

  it("tells what is lost with what is removed", function()
    assert.matches("key", changes(template_of("task", { user = true }), template_of "task").WatchbotUserKey.loses)
    assert.matches("items", changes(template_of("task", { reduce = true }), template_of "task").WatchbotProgressTable.loses)
  end)

  it("knows policies that retain: in a replacement, of both templates", function()
    local function replaced(before, after)
      local function with(name, policy)
        local properties = { QueueName = name }
        return { Resources = { A = { Type = "AWS::SQS::Queue", Properties = properties, UpdateReplacePolicy = policy } } }
      end
      return diff(with("a", before), with("b", after))[1]
    end
    assert.is_string(replaced("Delete", "Delete").loses)
    assert.is_string(replaced(nil, "Retain").loses)
    assert.is_string(replaced("Retain", nil).loses)
    assert.is_nil(replaced("Retain", "Retain").loses)
    assert.matches("messages", replaced("Retain", "Retain").leaves)
    local function removed(policy)
      return diff({ Resources = { A = { Type = "AWS::SQS::Queue", DeletionPolicy = policy } } }, { Resources = {} })[1]
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
end)
