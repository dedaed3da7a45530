--- services: the facts about each service, as data. Any of their operations can be called; none has
-- code.
--
-- A call whose response was lost is repeated, unless the operation is listed in `once`: then the
-- call fails with the error, because it may have been applied. If AWS accepts a token, `tokens` has
-- the name of its parameter; each call generates one, which lets AWS recognize a repeat. A caller
-- can override this for one call: `{ idempotent = true }`.
--
-- Operations that are not in `once` can be repeated: they read, or set a value, or a duplicate does
-- no harm. Two of these are choices. SendMessage may put a message twice into a standard queue,
-- whose consumer must cope with duplicates anyway, and losing the message would be worse; in a FIFO
-- queue the deduplication id, or the content, identifies the duplicate (SQS refuses a message that
-- has neither). PutLogEvents may write lines twice. A notification that reaches people twice is a
-- nuisance, so Publish is repeated only for a FIFO topic.

local sorted = require "watchbot.lib.sorted"

---@class watchbot.aws.Service
---@field protocol "json"|"query"|"rest"|"rest_json"
---@field paths table<string, string[]>? of a REST JSON service: method and path of an operation
---@field content_type string?
---@field target string? before the dot in X-Amz-Target
---@field version string? of the Query API
---@field signing_name string
---@field maps table<string, string[]>? parameters of the Query form that are maps, with the names
--- of
--- key and value
---@field long_polls table<string, string>? operations that may take long, with the parameter that
--- sets the number of seconds
---@field tokens table<string, string>? operations that accept a token, with its parameter
---@field fifo_tokens table<string, string>? the same, for queues whose URL ends in .fifo
---@field once table<string, true>? operations that must not be done twice
---@field retry watchbot.aws.RetryOptions? differences from other services
---@field secrets table<string, true>? parameters that must not be shown
---@field signing table<string, boolean>? how its requests are signed, where that differs: see
--- struct sigv4_scope

local services = {}

local FIFO = { QueueUrl = true, TopicArn = true }

services.sqs = {
  protocol = "json",
  content_type = "application/x-amz-json-1.0",
  target = "AmazonSQS",
  signing_name = "sqs",
  long_polls = { ReceiveMessage = "WaitTimeSeconds" },
  fifo_tokens = { ReceiveMessage = "ReceiveRequestAttemptId" },
}

services.sns = {
  protocol = "query",
  version = "2010-03-31",
  signing_name = "sns",
  maps = {
    Attributes = { "key", "value" },
    attributes = { "key", "value" },
    MessageAttributes = { "Name", "Value" },
  },
  once = { Publish = true, PublishBatch = true },
}

services.ecs = {
  protocol = "json",
  content_type = "application/x-amz-json-1.1",
  target = "AmazonEC2ContainerServiceV20141113",
  signing_name = "ecs",
  tokens = {
    RunTask = "clientToken", CreateService = "clientToken", CreateTaskSet = "clientToken",
  },
  once = { StartTask = true, RegisterTaskDefinition = true, ExecuteCommand = true },
}

services.logs = {
  protocol = "json",
  content_type = "application/x-amz-json-1.1",
  target = "Logs_20140328",
  signing_name = "logs",
  tokens = { PutQueryDefinition = "clientToken" },
  once = { StartQuery = true, CreateExportTask = true },
}

services.sts = {
  protocol = "query",
  version = "2011-06-15",
  signing_name = "sts",
  secrets = {
    WebIdentityToken = true, SAMLAssertion = true, TokenCode = true, TradeInToken = true,
  },
}

services.dynamodb = {
  protocol = "json",
  content_type = "application/x-amz-json-1.0",
  target = "DynamoDB_20120810",
  signing_name = "dynamodb",
  tokens = {
    TransactWriteItems = "ClientRequestToken",
    ExecuteTransaction = "ClientRequestToken",
    ExportTableToPointInTime = "ClientToken",
    ImportTable = "ClientToken",
  },
  retry = { max_attempts = 4, base = 0.025 },
  once = {
    UpdateItem = true, ExecuteStatement = true, BatchExecuteStatement = true, CreateBackup = true,
  },
}

services.cloudformation = {
  protocol = "query",
  version = "2010-05-15",
  signing_name = "cloudformation",
  maps = { ResourceIdentifier = { "key", "value" } },
  tokens = {
    CreateStack = "ClientRequestToken",
    UpdateStack = "ClientRequestToken",
    DeleteStack = "ClientRequestToken",
    CancelUpdateStack = "ClientRequestToken",
    ContinueUpdateRollback = "ClientRequestToken",
    RollbackStack = "ClientRequestToken",
    CreateChangeSet = "ClientToken",
    ExecuteChangeSet = "ClientRequestToken",
    CreateStackSet = "ClientRequestToken",
    CreateStackInstances = "OperationId",
    UpdateStackInstances = "OperationId",
    DeleteStackInstances = "OperationId",
    UpdateStackSet = "OperationId",
  },
}

services.cloudwatch = {
  protocol = "json",
  content_type = "application/x-amz-json-1.0",
  target = "GraniteServiceVersion20100801",
  signing_name = "monitoring",
  once = { PutMetricData = true }, -- it would be counted twice
}

-- The schedules of EventBridge Scheduler, as far as `paths` has its operations.
services.scheduler = {
  protocol = "rest_json",
  signing_name = "scheduler",
  paths = { CreateSchedule = { "POST", "/schedules/{Name}" } },
  tokens = { CreateSchedule = "ClientToken" },
}

-- The objects of S3, as far as aws/objects.lua knows its operations.
services.s3 = {
  protocol = "rest",
  signing_name = "s3",
  signing = { raw_path = true, encoded_path = true, content_sha256 = true },
}

-- Operations with these names return data: an empty body means that the response was lost.
local ANSWERING = {
  "^Get", "^List", "^Describe", "^Receive", "^Filter", "^Run", "^Send", "^Publish", "^Assume",
  "^Query$", "^CreateSchedule$", "^Scan$", "Batch$",
}

local api = {}

---@param name string "sqs"
---@return watchbot.aws.Service? service
function api.find(name)
  return services[name]
end

---@return string[]
function api.names()
  return sorted.keys(services)
end

--- Whether the parameters are about a FIFO queue or topic.
---@param parameters table
---@return boolean
function api.is_fifo(parameters)
  for field in pairs(FIFO) do
    local place = parameters[field]
    if type(place) == "string" and place:find "%.fifo$" then return true end
  end
  return false
end

--- The parameter by which AWS recognizes a repeat of the call, if there is one.
---@param service watchbot.aws.Service
---@param operation string
---@param parameters table
---@return string?
function api.token_field(service, operation, parameters)
  local field = service.tokens and service.tokens[operation]
  if field or not service.fifo_tokens or not api.is_fifo(parameters) then return field end
  return service.fifo_tokens[operation]
end

--- Whether a call may be repeated after it may have been applied.
---@param service watchbot.aws.Service
---@param operation string
---@param parameters table
---@return boolean
function api.is_repeatable(service, operation, parameters)
  return not (service.once and service.once[operation]) or api.is_fifo(parameters)
end

--- Whether the operation's response has content.
---@param operation string
---@return boolean
function api.is_answering(operation)
  for _, pattern in ipairs(ANSWERING) do
    if operation:find(pattern) then return true end
  end
  return false
end

return api
