--- limits: what AWS takes at most, in one table. Bytes, seconds, or a count, as each line says.
-- What is ours to choose (pauses, patience) stands where it is used.

return {
  -- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
  sqs = {
    batch = 10,             -- messages or receipts in a call
    message = 1024 * 1024,  -- bytes of a message with its attributes, and of all those in a batch
    attributes = 10,        -- of a message
    wait = 20,              -- seconds of a long poll
    delay = 900,            -- seconds of a message that is sent with one
    visibility = 12 * 3600, -- seconds from the receive
  },
  -- https://docs.aws.amazon.com/sns/latest/api/API_Publish.html and API_PublishBatch.html
  sns = {
    batch = 10,
    message = 256 * 1024, -- bytes of a message with its attributes, and of all those in a batch
    subject = 99,         -- characters: fewer than 100
  },
  -- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html and
  -- API_DescribeTasks.html
  ecs = {
    overrides = 8192,   -- characters of JSON
    started_by = 128,   -- characters
    described = 100,    -- tasks, or container instances, in a call
  },
  -- https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
  logs = {
    streams = 100, -- in a call
  },
  -- https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
  dynamodb = {
    reads = 100, -- items in a BatchGetItem
    writes = 25, -- items in a BatchWriteItem
  },
}
