--- template.once: the table of the keys of messages that run once (doc/once.md). DynamoDB deletes
-- items some days after their time; the watchers do not rely on that.
-- https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html

local function keys_table(options)
  return {
    Type = "AWS::DynamoDB::Table",
    Properties = {
      AttributeDefinitions = { { AttributeName = "id", AttributeType = "S" } },
      KeySchema = { { AttributeName = "id", KeyType = "HASH" } },
      BillingMode = "PAY_PER_REQUEST",
      TimeToLiveSpecification = { AttributeName = "expiration", Enabled = true },
      SSESpecification = options.kmsKey
        and { SSEEnabled = true, SSEType = "KMS", KMSMasterKeyId = options.kmsKey } or nil,
    },
  }
end

---@type watchbot.template.Part
return function(options, refs)
  if not options.once then return {} end
  return { Resources = { [refs.id "OnceTable"] = keys_table(options) } }
end
