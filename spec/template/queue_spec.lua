local templates = require "support.templates"

local function properties(id, more) return templates.properties("queue", "Watchbot" .. id, "task", more) end

describe("the queue of a template", function()
  it("has visibility, retention, encryption and a queue for what fails again and again", function()
    assert.are.same({
      QueueName = { ["Fn::Sub"] = "${AWS::StackName}-WatchbotQueue" }, VisibilityTimeout = 300, MessageRetentionPeriod = 3000,
      RedrivePolicy = {
        deadLetterTargetArn = { ["Fn::GetAtt"] = { "WatchbotDeadLetterQueue", "Arn" } }, maxReceiveCount = 50,
      },
      SqsManagedSseEnabled = true,
    }, properties("Queue", { messageTimeout = 300, messageRetention = 3000, deadletterThreshold = 50 }))
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
      TopicName = { ["Fn::Sub"] = "${AWS::StackName}-WatchbotTopic.fifo" }, FifoTopic = true, ContentBasedDeduplication = true,
    }, properties("Topic", { fifo = true }))
    assert.is_nil(templates.part("queue", "task").Resources.WatchbotTopic.Properties)
  end)

  it("is encrypted with a key of one's own, and the topic as well", function()
    for _, id in ipairs { "Queue", "DeadLetterQueue", "Topic" } do
      local encrypted = properties(id, { kmsKey = "arn:aws:kms:eu-west-1:123456789012:key/k" })
      assert.are.equal("arn:aws:kms:eu-west-1:123456789012:key/k", encrypted.KmsMasterKeyId)
      assert.is_nil(encrypted.SqsManagedSseEnabled)
    end
  end)

  it("is subscribed to the topic, which alone may send", function()
    assert.are.same({
      TopicArn = { Ref = "WatchbotTopic" }, Protocol = "sqs", RawMessageDelivery = true,
      Endpoint = { ["Fn::GetAtt"] = { "WatchbotQueue", "Arn" } },
    }, properties("Subscription", { rawMessageDelivery = true }))
    local statements = properties("QueuePolicy").PolicyDocument.Statement
    assert.are.equal(1, #statements)
    assert.are.same({ ArnEquals = { ["aws:SourceArn"] = { Ref = "WatchbotTopic" } } }, statements[1].Condition)
  end)

  it("is found by the outputs of the stack, under the prefix", function()
    local outputs = templates.part("queue", "task", { prefix = "Tiles" }).Outputs
    assert.are.same({ Ref = "TilesQueue" }, outputs.TilesQueueUrl.Value)
    assert.are.same({ Ref = "TilesDeadLetterQueue" }, outputs.TilesDeadLetterQueueUrl.Value)
    assert.are.same({ Ref = "TilesTopic" }, outputs.TilesTopic.Value)
  end)
end)
