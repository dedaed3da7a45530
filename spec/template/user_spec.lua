local templates = require "support.templates"

local function statements(more)
  more.user = true
  local policies = templates.properties("user", "WatchbotUser", "task", more).Policies
  return policies[1].PolicyDocument.Statement
end

describe("the user of a template", function()
  it("may send, and nothing else", function()
    assert.are.same({
      { Effect = "Allow", Action = { "sns:Publish" }, Resource = { { Ref = "WatchbotTopic" } } },
      {
        Effect = "Allow", Action = { "sqs:SendMessage" },
        Resource = { { ["Fn::GetAtt"] = { "WatchbotQueue", "Arn" } } },
      },
    }, statements {})
  end)

  it("may use the key that encrypts what is sent", function()
    local key = "arn:aws:kms:us-east-1:123456789012:key/k"
    assert.are.same({
      Effect = "Allow", Action = { "kms:GenerateDataKey", "kms:Decrypt" }, Resource = { key },
    },
      statements { kmsKey = key }[3])
  end)

  it("has an access key, which refs lead to and no output shows", function()
    local made = templates.make("task", { user = true })
    assert.are.same({ UserName = { Ref = "WatchbotUser" } },
      made.Resources.WatchbotUserKey.Properties)
    assert.are.same({ Ref = "WatchbotUserKey" }, made.ref.accessKeyId)
    assert.are.same({ ["Fn::GetAtt"] = { "WatchbotUserKey", "SecretAccessKey" } },
      made.ref.secretAccessKey)
    for id in pairs(made.Outputs) do assert.is_falsy(id:find "Key", id) end
  end)

  it("is there only where it is asked for", function()
    assert.are.same({}, templates.part("user", "task"))
  end)
end)
