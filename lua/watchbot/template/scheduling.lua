--- template.scheduling: who may use Amazon EventBridge Scheduler, and whom it serves: the trust of
-- its roles, and the permissions of those who send messages through it.
-- https://docs.aws.amazon.com/scheduler/latest/UserGuide/security-iam.html

local cf = require "watchbot.template.cf"
local names = require "watchbot.template.names"
local sending = require "watchbot.template.sending"

local scheduling = {}

--- A role of the service, for this account alone.
---@param options watchbot.template.Options
---@param name string of its policy
---@param statements table[]
---@return table resource
function scheduling.role(options, name, statements)
  return {
    Type = "AWS::IAM::Role",
    Properties = {
      AssumeRolePolicyDocument = sending.document { {
        Effect = "Allow", Action = { "sts:AssumeRole" },
        Principal = { Service = { "scheduler.amazonaws.com" } },
        Condition = { StringEquals = { ["aws:SourceAccount"] = cf.ref "AWS::AccountId" } },
      } },
      Policies = { { PolicyName = name, PolicyDocument = sending.document(statements) } },
      PermissionsBoundary = options.permissionsBoundary or nil, Path = options.rolePath or nil,
    },
  }
end

--- What a task needs for `watchbot send --via scheduler`.
---@param refs watchbot.template.Refs
---@return table[] statements
function scheduling.of_senders(refs)
  return {
    {
      Effect = "Allow", Action = { "scheduler:CreateSchedule" },
      Resource = { names.arn("scheduler", "schedule/default/watchbot-*") },
    },
    {
      Effect = "Allow", Action = { "iam:PassRole" }, Resource = { refs.schedulerRole },
      Condition = { StringEquals = { ["iam:PassedToService"] = "scheduler.amazonaws.com" } },
    },
  }
end

return scheduling
