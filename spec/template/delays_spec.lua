-- The role of `watchbot send --delay 2d --via scheduler`.

local templates = require "support.templates"

local KEY = "arn:aws:kms:eu-west-1:123456789012:key/k"

describe("the role for long delays of a template", function()
  it("may send to the queue, for the service in this account alone", function()
    local role = templates.properties("delays", "WatchbotSchedulerRole", "process",
      { longDelays = true, rolePath = "/watchbot/" })
    local trust = role.AssumeRolePolicyDocument.Statement[1]
    assert.are.same({ "scheduler.amazonaws.com" }, trust.Principal.Service)
    assert.are.same({ StringEquals = { ["aws:SourceAccount"] = { Ref = "AWS::AccountId" } } },
      trust.Condition)
    local statements = role.Policies[1].PolicyDocument.Statement
    assert.are.same({ {
      Effect = "Allow", Action = { "sqs:SendMessage" },
      Resource = { { ["Fn::GetAtt"] = { "WatchbotQueue", "Arn" } } },
    } }, statements)
    assert.are.equal("/watchbot/", role.Path)
    assert.are.same({}, templates.part("delays", "process", {}))
  end)

  it("may use the key of the queue", function()
    local role = templates.properties("delays", "WatchbotSchedulerRole", "process",
      { longDelays = true, kmsKey = KEY })
    assert.are.same({ "kms:GenerateDataKey", "kms:Decrypt" },
      role.Policies[1].PolicyDocument.Statement[2].Action)
  end)

  it("is an output, and known to tasks", function()
    local made = templates.make("process", { longDelays = true })
    local arn = { ["Fn::GetAtt"] = { "WatchbotSchedulerRole", "Arn" } }
    assert.are.same(arn, made.Outputs.WatchbotSchedulerRole.Value)
    assert.are.same(arn,
      templates.environment(made.Resources.WatchbotTask.Properties).SchedulerRole)
  end)

  it("does not go with a FIFO queue", function()
    assert.matches("'longDelays' and 'fifo' exclude each other",
      (templates.refused("process", { longDelays = true, fifo = true })))
  end)
end)
