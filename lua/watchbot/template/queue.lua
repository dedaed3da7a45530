--- template.queue: the queue with its dead letters, the topic in front of it, and what lets the one send to the other. The
-- queues have names, the same as ecs-watchbot gave them: a stack that moves over keeps its queue and what is in it. A queue
-- that is replaced stays behind with its messages.

local cf = require "watchbot.template.cf"

-- Seconds that a dead letter is kept: the most that SQS allows.
local LONGEST_RETENTION = 14 * 24 * 3600

local function named(options, name)
  return cf.sub("${AWS::StackName}-" .. options.prefix .. name .. (options.fifo and ".fifo" or ""))
end

-- SNS delivers to a queue that SQS encrypts itself without more; with a key of one's own the key's policy has to let it.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
local function queue(options, name, properties)
  properties.QueueName = named(options, name)
  if options.fifo then
    properties.FifoQueue, properties.ContentBasedDeduplication = true, true
  end
  if options.kmsKey then
    properties.KmsMasterKeyId = options.kmsKey
  else
    properties.SqsManagedSseEnabled = true
  end
  return { Type = "AWS::SQS::Queue", DeletionPolicy = "Delete", UpdateReplacePolicy = "Retain", Properties = properties }
end

local function topic(options)
  local properties = { KmsMasterKeyId = options.kmsKey or nil }
  if options.fifo then
    properties.TopicName = named(options, "Topic")
    properties.FifoTopic, properties.ContentBasedDeduplication = true, true
  end
  return { Type = "AWS::SNS::Topic", Properties = next(properties) and properties }
end

local function subscription(options, refs)
  return {
    Type = "AWS::SNS::Subscription",
    Properties = {
      TopicArn = refs.topic, Protocol = "sqs", Endpoint = refs.queueArn, RawMessageDelivery = options.rawMessageDelivery,
    },
  }
end

local function policy(refs)
  return {
    Type = "AWS::SQS::QueuePolicy",
    Properties = {
      Queues = { refs.queueUrl },
      PolicyDocument = {
        Version = "2012-10-17",
        Statement = { {
          Sid = "TopicSends", Effect = "Allow", Principal = { Service = "sns.amazonaws.com" }, Action = "sqs:SendMessage",
          Resource = refs.queueArn, Condition = { ArnEquals = { ["aws:SourceArn"] = refs.topic } },
        } },
      },
    },
  }
end

---@type watchbot.template.Part
return function(options, refs)
  local id = refs.id
  return {
    Resources = {
      [id "DeadLetterQueue"] = queue(options, "DeadLetterQueue", { MessageRetentionPeriod = LONGEST_RETENTION }),
      [id "Queue"] = queue(options, "Queue", {
        VisibilityTimeout = options.messageTimeout,
        MessageRetentionPeriod = options.messageRetention,
        RedrivePolicy = {
          deadLetterTargetArn = cf.getatt(id "DeadLetterQueue", "Arn"), maxReceiveCount = options.deadletterThreshold,
        },
      }),
      [id "Topic"] = topic(options),
      [id "Subscription"] = subscription(options, refs),
      [id "QueuePolicy"] = policy(refs),
    },
    Outputs = {
      [id "QueueUrl"] = { Description = "URL of the queue", Value = refs.queueUrl },
      [id "DeadLetterQueueUrl"] = { Description = "URL of the queue of dead letters", Value = refs.deadLetterQueueUrl },
      [id "Topic"] = { Description = "ARN of the topic whose messages become jobs", Value = refs.topic },
    },
  }
end
