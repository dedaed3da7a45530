--- template.access: statements for the resource policies of queues, topics and keys: which services
-- may use them, and that every request must use TLS. A resource has one policy: a second one for
-- the same queue or topic overwrites it.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
-- sqs-security-best-practices.html

local cf = require "watchbot.template.cf"
local names = require "watchbot.template.names"

local access = {}

local function own_account()
  return { StringEquals = { ["aws:SourceAccount"] = cf.ref "AWS::AccountId" } }
end

--- Lets an AWS service perform an action on behalf of one resource.
---@param sid string
---@param service string "sns"
---@param action string|string[]
---@param resource any ARN
---@param source any ARN, or a pattern of ARNs
---@return table
function access.allow(sid, service, action, resource, source)
  return {
    Sid = sid, Effect = "Allow", Principal = { Service = service .. ".amazonaws.com" },
    Action = action,
    Resource = resource, Condition = { ArnLike = { ["aws:SourceArn"] = source } },
  }
end

--- Denies requests without TLS.
---@param action string "sqs:*"
---@param resource any
---@return table
function access.tls_only(action, resource)
  return {
    Sid = "OnlyWithTls", Effect = "Deny", Principal = "*", Action = action, Resource = resource,
    Condition = { Bool = { ["aws:SecureTransport"] = "false" } },
  }
end

local function document(statements) return { Version = "2012-10-17", Statement = statements } end

---@param url any
---@param statements table[]
---@return table resource
function access.of_queue(url, statements)
  return {
    Type = "AWS::SQS::QueuePolicy", Properties = {
      Queues = { url }, PolicyDocument = document(statements),
    },
  }
end

local OWNER = { "sns:Publish", "sns:Subscribe", "sns:GetTopicAttributes", "sns:SetTopicAttributes",
  "sns:ListSubscriptionsByTopic", "sns:AddPermission", "sns:RemovePermission", "sns:DeleteTopic" }

--- A policy replaces the default policy of SNS, which lets the account use its topics, so this
--- statement repeats it.
---@param topic any ARN
---@param statements table[]
---@return table resource
function access.of_topic(topic, statements)
  local all = {
    { Sid = "OwnAccount", Effect = "Allow", Principal = { AWS = "*" },
    Action = table.move(OWNER, 1, #OWNER, 1, {}),
      Resource = topic, Condition = {
        StringEquals = { ["aws:SourceOwner"] = cf.ref "AWS::AccountId" },
      } },
    access.tls_only("sns:Publish", topic),
  }
  table.move(statements, 1, #statements, #all + 1, all)
  return {
    Type = "AWS::SNS::TopicPolicy", Properties = {
      Topics = { topic }, PolicyDocument = document(all),
    },
  }
end

local USE = { "kms:GenerateDataKey*", "kms:Decrypt" }

--- The policy of a key that encrypts everything in a stack: the account may use the key, and so may
-- the services that use it on their own behalf.
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
-- https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
---@return table
function access.of_key()
  local statements = { {
    Sid = "OwnAccount", Effect = "Allow", Principal = {
      AWS = cf.sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:root",
    },
    Action = "kms:*", Resource = "*",
  } }
  for _, service in ipairs { "sns", "events", "cloudwatch" } do
    statements[#statements + 1] = {
      Sid = service:gsub("^%l", string.upper) .. "Sends", Effect = "Allow",
      Action = table.move(USE, 1, #USE, 1, {}),
      Principal = { Service = service .. ".amazonaws.com" }, Resource = "*",
      Condition = own_account(),
    }
  end
  statements[#statements + 1] = {
    Sid = "LogsWrite", Effect = "Allow", Resource = "*",
    Principal = { Service = cf.sub "logs.${AWS::Region}.amazonaws.com" },
    Action = {
      "kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*",
    },
    Condition = {
      ArnLike = { ["kms:EncryptionContext:aws:logs:arn"] = names.arn("logs", "log-group:*") },
    },
  }
  return document(statements)
end

return access
