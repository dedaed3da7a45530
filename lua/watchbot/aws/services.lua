--- services: what is known of each service, as data. Any operation of theirs can be called; no
-- operation has code.
--
-- A call whose answer got lost is tried again, unless it is named in `once`: then it ends with the
-- error, for it may have been applied. Where AWS takes a token, `tokens` says in which field; one
-- is made up for each call, so that a repeat is recognised. Whoever knows better says so in the
-- call: `{ idempotent = true }`.
--
-- What is not in `once` can be repeated: it reads, or sets what it is told, or its double does no
-- harm. Two of these are choices. SendMessage may put a message twice into a standard queue, whose
-- reader must cope with that anyway, and losing the message would be worse; in a FIFO queue the
-- deduplication id, or the content, tells the double (SQS refuses a message that has neither).
-- PutLogEvents may write lines twice. A notification that reaches people twice is a nuisance, so
-- Publish is repeated only for a FIFO topic.

local sorted = require "watchbot.lib.sorted"

---@class watchbot.aws.Service
---@field protocol "json"|"query"
---@field content_type string?
---@field target string? before the dot in X-Amz-Target
---@field version string? of the Query API
---@field signing_name string
---@field maps table<string, string[]>? parameters of the Query form that are maps: how key and
--- value are called there
---@field long_polls table<string, string>? operations that may take long: the parameter that says
--- how many seconds
---@field tokens table<string, string>? operations that take a token: its parameter
---@field fifo_tokens table<string, string>? the same, for queues whose URL ends in .fifo
---@field once table<string, true>? operations that must not be done twice
---@field retry watchbot.aws.RetryOptions? what is not as for other services
---@field secrets table<string, true>? parameters that must not be shown

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

-- Operations of these names answer with something: an empty body is an answer that got lost.
local ANSWERING = {
  "^Get", "^List", "^Describe", "^Receive", "^Filter", "^Run", "^Send", "^Publish", "^Assume",
  "^Query$", "^Scan$", "Batch$",
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

--- The parameter that makes a repeat of the call known as one, if there is such a parameter.
---@param service watchbot.aws.Service
---@param operation string
---@param parameters table
---@return string?
function api.token_field(service, operation, parameters)
  local field = service.tokens and service.tokens[operation]
  if field or not service.fifo_tokens or not api.is_fifo(parameters) then return field end
  return service.fifo_tokens[operation]
end

--- Whether a call may be made again when it may have been applied.
---@param service watchbot.aws.Service
---@param operation string
---@param parameters table
---@return boolean
function api.is_repeatable(service, operation, parameters)
  return not (service.once and service.once[operation]) or api.is_fifo(parameters)
end

--- Whether the operation's answer has something in it.
---@param operation string
---@return boolean
function api.is_answering(operation)
  for _, pattern in ipairs(ANSWERING) do
    if operation:find(pattern) then return true end
  end
  return false
end

return api
