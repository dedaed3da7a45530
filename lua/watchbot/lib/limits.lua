--- limits: AWS's limits, in one table. In bytes, seconds, or a count, as each line says. Limits
-- that watchbot chooses itself (pauses, timeouts) are in the modules that use them.

return {
  -- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
  -- and API_CreateQueue.html, API_StartMessageMoveTask.html
  sqs = {
    batch = 10,             -- messages or receipts in a call
    message = 1024 * 1024,  -- bytes of a message with its attributes, and of all those in a batch
    attributes = 10,        -- of a message
    wait = 20,              -- seconds of a long poll
    delay = 900,            -- seconds of a message that is sent with one
    visibility = 12 * 3600, -- seconds from the receive
    retention = 14 * 86400, -- seconds
    name = 80,              -- characters of a queue's name
    label = 256,            -- characters of an attribute's name or type
    id = 128,               -- characters of a group or a deduplication id
    moved = 500,            -- messages a second of a message move task
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
    reason = 255,       -- characters of StopTask's reason that are kept
    definition = 65536, -- bytes of a task definition
  },
  -- https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  iam = {
    inline = 10240, -- characters of all policies within a role, without white space
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
  -- https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html
  scheduler = {
    input = 256 * 1024, -- bytes
  },
  -- https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html and
  -- services-sqs-configure.html
  lambda = {
    payload = 6 * 1024 * 1024, -- bytes of an invocation, and of its answer
    batch = 10000,             -- messages of a standard queue
    window = 300,              -- seconds of a batch's window
  },
  -- https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html; a role may allow less
  sts = {
    shortest_session = 900, -- seconds
    longest_session = 43200,
  },
  -- https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
  cloudformation = {
    body = 51200,             -- bytes of a template in a call
    body_in_s3 = 1024 * 1024, -- bytes
    resources = 500,
    outputs = 200,
    parameters = 200,
    mappings = 200,
    id = 255,                 -- characters of a logical id
    description = 1024,       -- bytes
  },
}
