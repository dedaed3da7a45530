local templates = require "support.templates"

local function progress_table(more)
  more.reduce = true
  return templates.properties("progress", "WatchbotProgressTable", "process", more)
end

describe("the progress table of a template", function()
  it("is paid by the request", function()
    local properties = progress_table {}
    assert.are.equal("PAY_PER_REQUEST", properties.BillingMode)
    assert.is_nil(properties.ProvisionedThroughput)
    assert.are.same({ { AttributeName = "id", KeyType = "HASH" } }, properties.KeySchema)
  end)

  it("has capacity units where they are given, for the other the old default", function()
    local properties = progress_table { readCapacityUnits = 5 }
    assert.are.equal("PROVISIONED", properties.BillingMode)
    assert.are.same({ ReadCapacityUnits = 5, WriteCapacityUnits = 30 },
      properties.ProvisionedThroughput)
  end)

  it("is among the outputs, by its ARN", function()
    local made = templates.make("process", { reduce = true })
    assert.are.same({ ["Fn::GetAtt"] = { "WatchbotProgressTable", "Arn" } },
      made.Outputs.WatchbotProgressTable.Value)
    assert.are.same({}, templates.part("progress", "process"))
  end)
end)
