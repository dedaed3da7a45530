local templates = require "support.templates"

local function arn(name) return "arn:aws:sqs:eu-west-1:123456789012:" .. name end

describe("the rules of what exists already", function()
  for words, given in pairs {
    ["a queue cannot be its own"] = { queue = arn "q", deadLetterQueue = arn "q" },
    ["the region and account of 'queue', eu%-west%-1 and 123456789012, not in eu%-central%-1"] = {
      queue = arn "q", deadLetterQueue = "arn:aws:sqs:eu-central-1:123456789012:d" },
    ["not in eu%-west%-1 and 210987654321"] = {
      queue = arn "q", deadLetterQueue = "arn:aws:sqs:eu-west-1:210987654321:d" },
    ["needs 'deadLetterQueue'"] = { queue = arn "q" },
    ["'messageRetention' has no effect on an existing one %('queue'%)"] = {
      queue = arn "q", deadLetterQueue = arn "d", messageRetention = 60 },
    ["'messageTimeout' has no effect"] = {
      queue = arn "q", deadLetterQueue = arn "d", messageTimeout = 60 },
    ["'fifoThroughput' has no effect"] = { fifo = true, fifoThroughput = "group",
      queue = arn "q.fifo", deadLetterQueue = arn "d.fifo" },
    ["'fifoThroughput' needs 'fifo'"] = { fifoThroughput = "group" },
    ["q%.fifo' is FIFO: set 'fifo = true'"] = { queue = arn "q.fifo", deadLetterQueue = arn "d" },
    ["d' is not FIFO, and 'fifo' is true"] = { deadLetterQueue = arn "d", fifo = true },
    ["t%.fifo' is FIFO"] = { topic = "arn:aws:sns:eu-west-1:123456789012:t.fifo" },
    ["'logGroupName' has no effect"] = { logGroupName = "x",
      logGroup = "arn:aws:logs:eu-west-1:123456789012:log-group:x" },
    ["'readCapacityUnits' has no effect"] = { readCapacityUnits = 1,
      table = "arn:aws:dynamodb:eu-west-1:123456789012:table/tab" },
    ["aliases: keep one of them"] = {
      key = "arn:aws:kms:eu-west-1:123456789012:key/a", kmsKey = "create" },
    ["expected the ARN of an SQS queue"] = { queue = "https://sqs.eu-west-1.amazonaws.com/1/q" },
  } do
    it("refuse: " .. words, function()
      assert.matches(words, (templates.refused("process", given)))
    end)
  end

  it("take what fits", function()
    assert.is_table(templates.make("process", {
      fifo = true, queue = arn "q.fifo", deadLetterQueue = arn "d.fifo", deadletterThreshold = 3,
      key = "arn:aws:kms:eu-west-1:123456789012:key/a",
    }))
    local made = templates.make("task", { fifo = true, fifoThroughput = "group" })
    for _, id in ipairs { "Queue", "DeadLetterQueue" } do
      local queue = made.Resources["Watchbot" .. id].Properties
      assert.are.same({ "messageGroup", "perMessageGroupId" },
        { queue.DeduplicationScope, queue.FifoThroughputLimit })
    end
    assert.are.equal("MessageGroup", made.Resources.WatchbotTopic.Properties.FifoThroughputScope)
  end)
end)
