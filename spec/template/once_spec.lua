local templates = require "support.templates"

local function actions(statements, resource)
  local found = {}
  for _, statement in ipairs(statements) do
    local on = statement.Resource[1] or statement.Resource
    if type(on) == "table" and on["Fn::GetAtt"] and on["Fn::GetAtt"][1] == resource then
      for _, action in ipairs(statement.Action) do found[#found + 1] = action end
    end
  end
  return found
end

describe("the table of keys of a template", function()
  it("forgets keys by the attribute that watchers write", function()
    local properties = templates.properties("once", "WatchbotOnceTable", "process", { once = true })
    assert.are.same({ AttributeName = "expiration", Enabled = true },
      properties.TimeToLiveSpecification)
    assert.are.same({ { AttributeName = "id", KeyType = "HASH" } }, properties.KeySchema)
    assert.are.equal("PAY_PER_REQUEST", properties.BillingMode)
    assert.is_nil(properties.SSESpecification)
    assert.are.same({}, templates.part("once", "process", {}))
  end)

  for mode, role in pairs { process = "WatchbotRole", task = "WatchbotWatcherRole" } do
    it(("is the watcher's, in mode '%s'"):format(mode), function()
      local made = templates.make(mode, { once = true })
      local policies = made.Resources[role].Properties.Policies
      assert.are.same({ "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem" },
        actions(policies[1].PolicyDocument.Statement, "WatchbotOnceTable"))
      local variables = templates.environment(
        made.Resources[mode == "task" and "WatchbotWatcher" or "WatchbotTask"].Properties)
      assert.are.same({ ["Fn::GetAtt"] = { "WatchbotOnceTable", "Arn" } }, variables.OnceTable)
    end)
  end

  it("is encrypted with the key of the stack", function()
    local key = "arn:aws:kms:eu-west-1:123456789012:key/k"
    local made = templates.make("task", { once = true, kmsKey = key })
    assert.are.equal(key,
      made.Resources.WatchbotOnceTable.Properties.SSESpecification.KMSMasterKeyId)
    local found = false
    for _, one in ipairs(made.Resources.WatchbotWatcherRole.Properties.Policies[1].PolicyDocument
      .Statement) do
      found = found or one.Condition and one.Condition.StringLike ~= nil
    end
    assert.is_true(found)
  end)
end)
