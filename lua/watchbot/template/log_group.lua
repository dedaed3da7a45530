--- template.log_group: the log group of watchers and tasks, and the function that receives its
-- lines.

local cf = require "watchbot.template.cf"

local function default_name(prefix)
  return cf.join("-", { cf.ref "AWS::StackName", cf.ref "AWS::Region", prefix:lower() })
end

local function group(options)
  return {
    Type = "AWS::Logs::LogGroup",
    DeletionPolicy = "Delete",
    UpdateReplacePolicy = "Retain",
    Properties = {
      LogGroupName = options.logGroupName or default_name(options.prefix),
      RetentionInDays = options.logGroupRetentionDays, KmsKeyId = options.kmsKey or nil,
    },
  }
end

---@type watchbot.template.Part
return function(options, refs)
  local resources = { [refs.id "LogGroup"] = not options.logGroup and group(options) or nil }
  if options.logAggregationFunction then
    resources[refs.id "LogForwarding"] = {
      Type = "AWS::Logs::SubscriptionFilter",
      Properties = {
        DestinationArn = options.logAggregationFunction, FilterPattern = "",
        LogGroupName = refs.logGroup,
      },
    }
  end
  return {
    Resources = resources,
    Outputs = {
      [refs.id "LogGroup"] = {
        Description = "ARN of the log group of watchers and tasks",
        Value = refs.logGroupArn,
      },
    },
  }
end
