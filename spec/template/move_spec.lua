-- Moving stacks over, step by step, as doc/templates.md says: what --diff says at each step. The
-- templates of v3 and v9 are ecs-watchbot's own; v10's is what its construct makes, by its source.

local cf = require "watchbot.template.cf"
local cjson = require "cjson"
local diff = require "watchbot.template.diff"
local merge = require "watchbot.template.merge"
local template = require "watchbot.template"

local FOLDER = "../shared/reference-templates/"

local common = {
  cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/fake", service = "my-service",
  serviceVersion = "7a55878", notificationEmail = "hello@mapbox.com",
}

local function ours(more)
  local options = {}
  for name, value in pairs(common) do options[name] = value end
  for name, value in pairs(more) do options[name] = value end
  return template(options)
end

local function read(name)
  local file <close> = io.open(FOLDER .. name .. ".json")
  return file and cjson.decode(file:read "a")
end

-- => ids of what is lost, ids of what is refused
local function told(before, after)
  local lost, refused = {}, {}
  for _, change in ipairs(diff(before, after)) do
    if change.loses then lost[#lost + 1] = change.id end
    if change.what == "refused" then refused[#refused + 1] = change.id end
  end
  return lost, refused
end

local function without(made, pattern)
  local copy = { Parameters = made.Parameters, Conditions = made.Conditions, Resources = {} }
  for id, resource in pairs(made.Resources) do
    if not id:find(pattern) then copy.Resources[id] = resource end
  end
  return copy
end

local v3, v9 = { mode = "task" }, { mode = "process", command = "echo hi" }
local network = { fargateSubnets = { "subnet-1234" }, fargateSecurityGroups = { "sg-1234" } }

local function with(base, more)
  local result = {}
  for name, value in pairs(base) do result[name] = value end
  for name, value in pairs(more) do result[name] = value end
  return result
end

describe("an update from ecs-watchbot", function()
  for name, options in pairs {
    ["v3.5.1-minimal"] = v3, ["v9.0.1-minimal"] = v9,
    ["v3.5.1-full"] = with(v3, { reduce = true, readCapacityUnits = 10 }),
    ["v9.0.1-full"] = with(v9, { reduce = true }),
    ["v9.0.1-fargate"] = with(v9, with(network, { capacity = "FARGATE" })),
  } do
    it("loses nothing: " .. name, function()
      local before = read("watchbot-" .. name)
      if not before then return pending "the reference templates are not here" end
      local lost, refused = told(before, ours(options))
      assert.are.same({ {}, {} }, { lost, refused })
    end)
  end

  it("loses exactly what an option no longer asks for", function()
    local before = read "watchbot-v9.0.1-full"
    if not before then return pending "the reference templates are not here" end
    assert.are.same({ "WatchbotProgressTable" }, (told(before, ours(v9))))
  end)

  it("of v3 with a webhook is refused, and goes in two steps", function()
    local before = read "watchbot-v3.5.1-webhook"
    if not before then return pending "the reference templates are not here" end
    local after = ours { mode = "task", webhook = true, webhookKey = true, user = true }
    local _, refused = told(before, after)
    assert.are.same({ "WatchbotWebhookStage" }, refused)
    local between = without(before, "Webhook")
    local lost = told(before, between)
    assert.is_truthy(table.concat(lost, " "):find "WatchbotWebhookApi")
    for _, id in ipairs(lost) do assert.matches("Webhook", id) end
    lost, refused = told(between, after)
    assert.are.same({ {}, {} }, { lost, refused })
  end)
end)

local STACK = cf.ref "AWS::StackName"

local function queue(name)
  return { Type = "AWS::SQS::Queue", Properties = {
    QueueName = cf.join("", { STACK, "-", name }) } }
end

local v10 = { Resources = {
  WatchbotLogGroup = { Type = "AWS::Logs::LogGroup", Properties = {
    LogGroupName = cf.join("", { STACK, "-", cf.ref "AWS::Region", "-watchbot" }) } },
  WatchbotDeadLetterQueue9A1B2C3D = queue "WatchbotDeadLetterQueue",
  WatchbotQueue4E5F6A7B = queue "WatchbotQueue",
  WatchbotTopic1A2B3C4D = { Type = "AWS::SNS::Topic", Properties = {
    TopicName = cf.join("", { STACK, "-WatchbotTopic" }) } },
  WatchbotQueueSubscription = { Type = "AWS::SNS::Subscription", Properties = { Protocol = "sqs",
    TopicArn = cf.ref "WatchbotTopic1A2B3C4D",
    Endpoint = cf.getatt("WatchbotQueue4E5F6A7B", "Arn") } },
} }

describe("an update from v10", function()
  it("is refused with the same prefix, since its queues have the names", function()
    local lost, refused = told(v10, ours(v9))
    assert.are.same({ "WatchbotDeadLetterQueue", "WatchbotQueue" }, refused)
    assert.are.same({ "WatchbotDeadLetterQueue9A1B2C3D", "WatchbotQueue4E5F6A7B",
      "WatchbotTopic1A2B3C4D" }, lost)
  end)

  it("loses nothing next to it with another prefix, and then what is left of the old part",
    function()
      local tiles = ours(with(v9, { prefix = "Tiles" }))
      local both = merge(v10, tiles)
      local lost, refused = told(v10, both)
      assert.are.same({ {}, {} }, { lost, refused })
      lost, refused = told(both, tiles)
      assert.are.same({ "WatchbotDeadLetterQueue9A1B2C3D", "WatchbotLogGroup",
        "WatchbotQueue4E5F6A7B", "WatchbotTopic1A2B3C4D" }, lost)
      assert.are.same({}, refused)
    end)
end)
