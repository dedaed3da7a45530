--- template.progress: the table of `watchbot-progress`, for jobs whose parts are many messages.
-- On-demand by default, since most jobs rarely use the table; capacity units, formerly the only
-- choice, are optional.
-- https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-mode.html

local cf = require "watchbot.template.cf"

-- ecs-watchbot's default for one of them if only the other is set.
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

local function progress_table(options)
  local mode, throughput = billing(options)
  return {
    Type = "AWS::DynamoDB::Table",
    Properties = {
      AttributeDefinitions = { { AttributeName = "id", AttributeType = "S" } },
      KeySchema = { { AttributeName = "id", KeyType = "HASH" } },
      BillingMode = mode, ProvisionedThroughput = throughput,
      SSESpecification = encryption(options),
      -- The same name as in ecs-watchbot: a stack that migrates keeps its items.
      TableName = cf.sub("${AWS::StackName}-" .. options.prefix .. "-progress"),
    },
  }
end

---@type watchbot.template.Part
return function(options, refs)
  if not options.reduce then return {} end
  return {
    Resources = {
      [refs.id "ProgressTable"] = not options.table and progress_table(options) or nil,
    },
    Outputs = {
      [refs.id "ProgressTable"] = {
        Description = "ARN of the table of the jobs' progress", Value = refs.progressTable,
      },
    },
  }
end
