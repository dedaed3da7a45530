local templates = require "support.templates"

local function properties(id, more)
  return templates.properties("queue", "Watchbot" .. id, "task", more)
end

describe("the queue of a template", function()
  it("has visibility, retention, encryption and a queue for what fails again and again", function()
    assert.are.same({
      QueueName = { ["Fn::Sub"] = "${AWS::StackName}-WatchbotQueue" }, VisibilityTimeout = 300,
      MessageRetentionPeriod = 3000,
      RedrivePolicy = {
        deadLetterTargetArn = { ["Fn::GetAtt"] = { "WatchbotDeadLetterQueue", "Arn" } },
        maxReceiveCount = 50,
      },
      SqsManagedSseEnabled = true,
    }, properties("Queue", {
      messageTimeout = 300, messageRetention = 3000, deadletterThreshold = 50,
    }))
    assert.are.equal(1209600, properties("DeadLetterQueue").MessageRetentionPeriod)
  end)

  it("stays behind with its messages when it is replaced", function()
    local made = templates.part("queue", "task").Resources
    for _, id in ipairs { "WatchbotQueue", "WatchbotDeadLetterQueue" } do
      assert.are.equal("Retain", made[id].UpdateReplacePolicy)
    end
  end)

  it("is FIFO with its dead letters and its topic", function()
    for _, id in ipairs { "Queue", "DeadLetterQueue" } do
      local queue = properties(id, { fifo = true })
      assert.is_true(queue.FifoQueue and queue.ContentBasedDeduplication)
      assert.are.equal("${AWS::StackName}-Watchbot" .. id .. ".fifo", queue.QueueName["Fn::Sub"])
    end
    assert.are.same({
      TopicName = { ["Fn::Sub"] = "${AWS::StackName}-WatchbotTopic.fifo" }, FifoTopic = true,
      ContentBasedDeduplication = true,
    }, properties("Topic", { fifo = true, rawMessageDelivery = true }))
  end)

  it("is encrypted with a key of one's own, and the topic as well", function()
    for _, id in ipairs { "Queue", "DeadLetterQueue", "Topic" } do
      local encrypted = properties(id, { kmsKey = "arn:aws:kms:eu-west-1:123456789012:key/k" })
      assert.are.equal("arn:aws:kms:eu-west-1:123456789012:key/k", encrypted.KmsMasterKeyId)
      assert.is_nil(encrypted.SqsManagedSseEnabled)
    end
  end)

  it("is subscribed within the topic, as ecs-watchbot's were", function()
    -- As a separate resource the new subscription came after the old one was removed: what was
    -- published between the two was lost, and after a rollback everything.
    local resources = templates.part("queue", "task").Resources
    assert.is_nil(resources.WatchbotSubscription)
    assert.are.same({
      { Protocol = "sqs", Endpoint = { ["Fn::GetAtt"] = { "WatchbotQueue", "Arn" } } },
    },
      resources.WatchbotTopic.Properties.Subscription)
    for _, more in ipairs { { rawMessageDelivery = true }, { kmsKey = "create" } } do
      resources = templates.part("queue", "task", more).Resources
      assert.is_table(resources.WatchbotSubscription)
      assert.is_nil((resources.WatchbotTopic.Properties or {}).Subscription)
    end
  end)

  it("lets only its own queue send to the dead letters, and nothing without TLS", function()
    local allowed = properties("DeadLetterQueue").RedriveAllowPolicy
    assert.are.equal("byQueue", allowed.redrivePermission)
    assert.matches(":sqs:.*:${AWS::StackName}%-WatchbotQueue$",
      allowed.sourceQueueArns[1]["Fn::Sub"])
    for _, id in ipairs { "QueuePolicy", "DeadLetterQueuePolicy", "TopicPolicy" } do
      local denied
      for _, statement in ipairs(properties(id).PolicyDocument.Statement) do
        denied = denied
          or (statement.Effect == "Deny"
          and statement.Condition.Bool["aws:SecureTransport"] == "false")
      end
      assert.is_true(denied, id)
    end
  end)

  it("is subscribed to the topic, which alone may send", function()
    assert.are.same({
      RedrivePolicy = {
        deadLetterTargetArn = { ["Fn::GetAtt"] = { "WatchbotDeadLetterQueue", "Arn" } },
      },
      TopicArn = { Ref = "WatchbotTopic" }, Protocol = "sqs", RawMessageDelivery = true,
      Endpoint = { ["Fn::GetAtt"] = { "WatchbotQueue", "Arn" } },
    }, properties("Subscription", { rawMessageDelivery = true }))
    local statements = properties("QueuePolicy").PolicyDocument.Statement
    assert.are.equal(2, #statements)
    assert.are.same({ ArnLike = { ["aws:SourceArn"] = { Ref = "WatchbotTopic" } } },
      statements[1].Condition)
  end)

  it("is found by the outputs of the stack, under the prefix", function()
    local outputs = templates.part("queue", "task", { prefix = "Tiles" }).Outputs
    assert.are.same({ Ref = "TilesQueue" }, outputs.TilesQueueUrl.Value)
    assert.are.same({ Ref = "TilesDeadLetterQueue" }, outputs.TilesDeadLetterQueueUrl.Value)
    assert.are.same({ Ref = "TilesTopic" }, outputs.TilesTopic.Value)
  end)
end)
