-- Policies of queues, topics and keys: which of AWS's services may use them.

local access = require "watchbot.template.access"

local function by_sid(statements)
  local found = {}
  for _, statement in ipairs(statements) do found[statement.Sid] = statement end
  return found
end

describe("the policies of a template", function()
  it("let the account use its topic, as the policy did that they take the place of", function()
    -- A topic has one policy. Without this statement no one in the account could publish.
    local topic = { Ref = "Topic" }
    local found = by_sid(access.of_topic(topic, {}).Properties.PolicyDocument.Statement)
    assert.are.same({ ["aws:SourceOwner"] = { Ref = "AWS::AccountId" } },
      found.OwnAccount.Condition.StringEquals)
    assert.are.same({ "Deny", "sns:Publish" },
      { found.OnlyWithTls.Effect, found.OnlyWithTls.Action })
  end)

  it("let a key be used by all services that send to what it encrypts", function()
    -- A key whose policy names none of them: SNS, alarms and the rule drop what they send,
    -- silently.
    local found = by_sid(access.of_key().Statement)
    for sid, service in pairs { SnsSends = "sns", EventsSends = "events",
      CloudwatchSends = "cloudwatch" } do
      assert.are.equal(service .. ".amazonaws.com", found[sid].Principal.Service)
      assert.are.same({ "kms:GenerateDataKey*", "kms:Decrypt" }, found[sid].Action)
    end
    assert.are.same({ ["Fn::Sub"] = "logs.${AWS::Region}.amazonaws.com" },
      found.LogsWrite.Principal.Service)
    assert.are.equal("kms:*", found.OwnAccount.Action)
  end)
end)
