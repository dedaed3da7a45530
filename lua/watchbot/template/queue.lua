--- template.queue: the queue with its dead-letter queue, the topic in front of it, and the policies
-- that let the topic send to the queue. The queues have the same names as in ecs-watchbot: a stack
-- that migrates keeps its queue and the messages in it. A replaced queue is retained with its
-- messages. Of what exists already nothing is made, and nothing is changed.

local access = require "watchbot.template.access"
local cf = require "watchbot.template.cf"
local limits = require "watchbot.lib.limits"
local names = require "watchbot.template.names"

local function named(options, name)
  return cf.sub(names.of_queue(options, name))
end

-- SNS can deliver to a queue with SQS's own encryption without a policy; with a customer managed
-- key, the key's policy must allow it.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
-- sqs-key-management.html
local function queue(options, name, properties)
  properties.QueueName = named(options, name)
  if options.fifo then
    properties.FifoQueue, properties.ContentBasedDeduplication = true, true
  end
  if options.fifoThroughput == "group" then
    properties.DeduplicationScope = "messageGroup"
    properties.FifoThroughputLimit = "perMessageGroupId"
  end
  if options.kmsKey then
    properties.KmsMasterKeyId = options.kmsKey
  else
    properties.SqsManagedSseEnabled = true
  end
  return {
    Type = "AWS::SQS::Queue", DeletionPolicy = "Delete", UpdateReplacePolicy = "Retain",
    Properties = properties,
  }
end

-- Only a subscription that is a resource can be raw, or be to a topic of another stack, or keep
-- messages that SNS could not deliver because of a key. All others are inline in the topic, as in
-- ecs-watchbot: when a stack migrates, a new subscription resource would be created after the old
-- subscription was removed, and messages published in between would be lost.
local function is_apart(options)
  return options.rawMessageDelivery ~= false or options.kmsKey or options.topic
end

local function topic(options, refs)
  local properties = { KmsMasterKeyId = options.kmsKey or nil }
  if not is_apart(options) then
    properties.Subscription = { { Protocol = "sqs", Endpoint = refs.queueArn } }
  end
  if options.fifo then
    properties.TopicName = named(options, "Topic")
    properties.FifoTopic, properties.ContentBasedDeduplication = true, true
    properties.FifoThroughputScope = options.fifoThroughput == "group" and "MessageGroup" or nil
  end
  return { Type = "AWS::SNS::Topic", Properties = next(properties) and properties }
end

local function subscription(options, refs)
  local dead = not options.deadLetterQueue and { deadLetterTargetArn = refs.deadLetterQueueArn }
  return {
    Type = "AWS::SNS::Subscription",
    Properties = {
      TopicArn = refs.topic, Protocol = "sqs", Endpoint = refs.queueArn,
      RawMessageDelivery = options.rawMessageDelivery,
      RedrivePolicy = dead or nil,
    },
  }
end

-- SNS sends messages that it could not deliver to the dead-letter queue. A resource has one policy:
-- that of an existing one is left alone.
local function policies(options, refs)
  local id, dead = refs.id, refs.deadLetterQueueArn
  local of_dead = { access.tls_only("sqs:*", dead) }
  if is_apart(options) then
    of_dead[2] = access.allow("TopicSends", "sns", "sqs:SendMessage", dead, refs.topic)
  end
  return {
    [id "QueuePolicy"] = not options.queue and access.of_queue(refs.queueUrl, {
      access.allow("TopicSends", "sns", "sqs:SendMessage", refs.queueArn, refs.topic),
      access.tls_only("sqs:*", refs.queueArn),
    }) or nil,
    [id "DeadLetterQueuePolicy"] = not options.deadLetterQueue
      and access.of_queue(refs.deadLetterQueueUrl, of_dead) or nil,
    [id "TopicPolicy"] = not options.topic and access.of_topic(refs.topic, {}) or nil,
  }
end

local function dead_letter_queue(options)
  return queue(options, "DeadLetterQueue", {
    MessageRetentionPeriod = limits.sqs.retention,
    -- By name: with references, each of the two would depend on the other.
    RedriveAllowPolicy = {
      redrivePermission = "byQueue", sourceQueueArns = {
        names.arn("sqs", cf.sub(names.of_queue(options, "Queue"))),
      },
    },
  })
end

local function main_queue(options, refs)
  return queue(options, "Queue", {
    VisibilityTimeout = options.messageTimeout,
    MessageRetentionPeriod = options.messageRetention,
    RedrivePolicy = {
      deadLetterTargetArn = refs.deadLetterQueueArn,
      maxReceiveCount = options.deadletterThreshold,
    },
  })
end

-- A topic and a queue that both exist already are connected already.
local function is_subscribed(options)
  return is_apart(options) and not (options.topic and options.queue)
end

---@type watchbot.template.Part
return function(options, refs)
  local id = refs.id
  local resources = policies(options, refs)
  resources[id "DeadLetterQueue"] = not options.deadLetterQueue and dead_letter_queue(options)
    or nil
  resources[id "Queue"] = not options.queue and main_queue(options, refs) or nil
  resources[id "Topic"] = not options.topic and topic(options, refs) or nil
  resources[id "Subscription"] = is_subscribed(options) and subscription(options, refs) or nil
  return {
    Resources = resources,
    Outputs = {
      [id "QueueUrl"] = { Description = "URL of the queue", Value = refs.queueUrl },
      [id "DeadLetterQueueUrl"] = {
        Description = "URL of the dead-letter queue", Value = refs.deadLetterQueueUrl,
      },
      [id "Topic"] = {
        Description = "ARN of the topic whose messages become jobs", Value = refs.topic,
      },
    },
  }
end
