-- `kmsKey`: one of the user's, or one that the template makes.

local options = require "watchbot.template.options"
local templates = require "support.templates"

local KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
local USES = {
  WatchbotQueue = "KmsMasterKeyId", WatchbotDeadLetterQueue = "KmsMasterKeyId",
  WatchbotTaskEventQueue = "KmsMasterKeyId",
  WatchbotTopic = "KmsMasterKeyId", WatchbotNotificationTopic = "KmsMasterKeyId",
  WatchbotLogGroup = "KmsKeyId",
}

describe("the key of a template", function()
  it("encrypts all that keeps messages or logs", function()
    for given, used in pairs { [KEY] = KEY,
      create = { ["Fn::GetAtt"] = { "WatchbotKey", "Arn" } } } do
      local made = templates.make("task", { kmsKey = given, reduce = true }).Resources
      for id, property in pairs(USES) do
        assert.are.same(used, made[id].Properties[property], id)
      end
      assert.are.same(used, made.WatchbotProgressTable.Properties.SSESpecification.KMSMasterKeyId)
      assert.are.equal(given == "create", made.WatchbotKey ~= nil)
    end
  end)

  it("stays when the stack is deleted", function()
    local key = templates.make("task", { kmsKey = "create" }).Resources.WatchbotKey
    assert.are.same({ "Retain", true }, { key.DeletionPolicy, key.Properties.EnableKeyRotation })
  end)

  it("is no alias, which allows nothing in an IAM statement", function()
    local alias = "arn:aws:kms:eu-west-1:123456789012:alias/tiles"
    local complete, err = options.complete(templates.given("task", { kmsKey = alias }))
    assert.is_nil(complete)
    assert.matches("not of an alias", err)
    assert.matches("aws kms describe%-key", err)
    for _, wrong in ipairs { "alias/aws/sqs", "1234abcd-12ab-34cd-56ef-1234567890ab", "" } do
      assert.is_nil(options.complete(templates.given("task", { kmsKey = wrong })), wrong)
    end
  end)

  it("may be used by watchers that publish, and by jobs through the table", function()
    local actions = {}
    for _, policy in ipairs(templates.properties("roles", "WatchbotWatcherRole", "task",
      { kmsKey = KEY }).Policies) do
      for _, statement in ipairs(policy.PolicyDocument.Statement) do
        for _, action in ipairs(statement.Action) do actions[action] = statement.Resource end
      end
    end
    assert.are.equal(KEY, actions["kms:GenerateDataKey"])
  end)
end)
