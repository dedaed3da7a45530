--- template.progress: the table of `watchbot-progress`, for jobs whose parts are many messages.
-- Paid by the request, since most jobs leave it alone most of the time; capacity units, once the
-- only way, are for those who ask for them.
-- https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-mode.html

local cf = require "watchbot.template.cf"

-- What ecs-watchbot had for either, where only the other is given.
local UNITS = 30

local function billing(options)
  local read, write = options.readCapacityUnits, options.writeCapacityUnits
  if not read and not write then return "PAY_PER_REQUEST" end
  return "PROVISIONED", { ReadCapacityUnits = read or UNITS, WriteCapacityUnits = write or UNITS }
end

local function encryption(options)
  return options.kmsKey and { SSEEnabled = true, SSEType = "KMS", KMSMasterKeyId = options.kmsKey }
    or nil
end

---@type watchbot.template.Part
return function(options, refs)
  if not options.reduce then return {} end
  local mode, throughput = billing(options)
  return {
    Resources = {
      [refs.id "ProgressTable"] = {
        Type = "AWS::DynamoDB::Table",
        Properties = {
          AttributeDefinitions = { { AttributeName = "id", AttributeType = "S" } },
          KeySchema = { { AttributeName = "id", KeyType = "HASH" } },
          BillingMode = mode, ProvisionedThroughput = throughput,
          SSESpecification = encryption(options),
          -- The name that ecs-watchbot gave it: a stack that moves over keeps its items.
          TableName = cf.sub("${AWS::StackName}-" .. options.prefix .. "-progress"),
        },
      },
    },
    Outputs = {
      [refs.id "ProgressTable"] = {
        Description = "ARN of the table of the jobs' progress", Value = refs.progressTable,
      },
    },
  }
end
