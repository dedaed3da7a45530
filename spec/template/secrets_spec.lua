local secrets = require "watchbot.template.secrets"

local SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:b-123456"

describe("secrets", function()
  it("are sorted, and say where they come from", function()
    assert.are.same({
      { Name = "A", ValueFrom = "/tiles/a" },
      { Name = "B", ValueFrom = { ["Fn::Sub"] = "${Secret}:password::" } },
      { Name = "C", ValueFrom = SECRET },
      { Name = "D", ValueFrom = { Ref = "Name" } },
    }, secrets.of_container {
      D = { parameter = { Ref = "Name" } }, C = { secret = SECRET },
      B = { secret = { Ref = "Secret" }, key = "password" },
      A = "/tiles/a",
    })
    assert.is_nil(secrets.of_container {})
  end)

  it("are allowed in their own store, by the ARN of the secret without its key", function()
    local statements = secrets.statements {
      A = SECRET .. ":password:AWSCURRENT:", B = "arn:aws:ssm:eu-west-1:1:parameter/b",
    }
    assert.are.same({ { "secretsmanager:GetSecretValue" }, { "ssm:GetParameters" } },
      { statements[1].Action, statements[2].Action })
    assert.are.same({ { SECRET }, { "arn:aws:ssm:eu-west-1:1:parameter/b" } },
      { statements[1].Resource, statements[2].Resource })
  end)

  it("are allowed by an ARN, where an intrinsic stands for a parameter's name", function()
    -- The name itself was in the policy: IAM refuses it, and the stack is rolled back.
    local statements = secrets.statements { A = { parameter = { Ref = "Name" } } }
    assert.matches(":ssm:.*:parameter%*${Name}$", statements[1].Resource[1]["Fn::Sub"])
  end)
end)
