--- cloud: an account of the local AWS for specs: users, queues, topics and clients for them, with
-- signatures checked. Everything but `start` waits, so it belongs into a task.

local aws = require "watchbot.aws"
local busted = require "busted"
local cjson = require "cjson"
local fault_proxy = require "support.fault_proxy"
local local_aws = require "support.local_aws"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local server = require "support.server"

local REGION, ACCOUNT = "eu-west-1", "123456789012"

local ALLOW = { Effect = "Allow", Action = "*", Resource = "*" }

local cloud = {}

local methods = {}
methods.__index = methods

--- Starts a local AWS; `open` makes a user in it.
function cloud.start() return cloud.of(local_aws.start()) end

--- The same in a server that runs already.
function cloud.of(running)
  return setmetatable({ server = running, url = running.url, names = 0, region = REGION }, methods)
end

-- Servers that an account may be used with.
local OTHERS = {
  proxy = function(account) return fault_proxy.start(account.url) end,
  scripted = function() return server.start("python3", "spec/support/scripted.py") end,
}

--- An account for the tests of a block, with an open user, and the named servers: a fault proxy in
--- front of it ("proxy") and a server with scripted responses ("scripted"). All are closed after
--- the tests.
---@param take fun(account: table, other: table?)
---@param kind "proxy"|"scripted"|nil of the other server
function cloud.around(take, kind)
  local account, other
  busted.setup(function()
    account = cloud.start()
    other = kind and OTHERS[kind](account)
    take(account, other)
    scheduler.run(account.open, account)
  end)
  busted.teardown(function()
    if other then other:close() end
    if account then account:close() end -- moto may be missing
  end)
end

--- An account, with an open user, on a server of the suite's own AWS for the tests of a block.
---@param take fun(account: table)
function cloud.around_own(take)
  local account
  busted.setup(function()
    account = cloud.of(local_aws.own())
    take(account)
    scheduler.run(account.open, account)
  end)
  busted.teardown(function()
    if account then account:close() end
  end)
end

--- A test's body that waits.
function cloud.task(body)
  return function() scheduler.run(body) end
end

--- A client that signs with the account's keys, or others.
function methods:client(service, options)
  local all = {
    region = REGION, endpoint = self.url, credentials = self.keys, getenv = function() end,
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return assert(aws(service, all))
end

-- watchbot has no client for IAM, but IAM uses Query like STS: a client of STS is changed to use
-- IAM's names.
local function iam(self, operation, parameters)
  local client = self:client("sts", { credentials = self.keys or local_aws.ROOT })
  client.service = { protocol = "query", version = "2010-05-08" }
  client:resolve().service = "iam"
  return assert(client[operation](client, parameters))
end

-- moto's permissions call CloudWatch by the name that requests are signed with, and a batch by a
-- name apart.
local function actions_of(denied)
  local actions = {}
  for _, name in ipairs(type(denied) == "table" and denied or { denied }) do
    if local_aws.is_moto() then
      name = name:gsub("^cloudwatch:", "monitoring:")
      actions[#actions + 1] = name .. "Batch"
    end
    actions[#actions + 1] = name
  end
  return actions
end

--- A new user's keys.
---@param denied string|string[]|nil an action that it lacks, or several: "sqs:ReceiveMessage"
---@param implicitly boolean? because no statement allows it, instead of one that denies it
function methods:user(denied, implicitly)
  local name, statements = self:name "user", { ALLOW }
  if implicitly then
    statements = { { Effect = "Allow", NotAction = actions_of(denied), Resource = "*" } }
  elseif denied then
    statements[2] = { Effect = "Deny", Action = actions_of(denied), Resource = "*" }
  end
  local policy = cjson.encode { Version = "2012-10-17", Statement = statements }
  iam(self, "CreateUser", { UserName = name })
  iam(self, "PutUserPolicy", { UserName = name, PolicyName = "all", PolicyDocument = policy })
  local made = iam(self, "CreateAccessKey", { UserName = name }).AccessKey
  return { access_key = made.AccessKeyId, secret_key = made.SecretAccessKey }
end

--- A queue as a user without an action sees it, who calls each operation once.
---@param denied string|string[]|nil as in `user`
---@param url string? default: a new queue's
function methods:queue_of_user(denied, url)
  return assert(open_queue(url or self:queue(), {
    client = self:client("sqs", { credentials = self:user(denied), max_attempts = 1 }),
  }))
end

--- Makes the account's user, and has signatures checked from then on.
function methods:open()
  self.keys = self:user()
  self.server:check_signatures(true)
  self.sqs, self.sns, self.logs = self:client "sqs", self:client "sns", self:client "logs"
end

--- A name that nothing else has.
function methods:name(prefix)
  self.names = self.names + 1
  return ("%s-%d"):format(prefix, self.names)
end

local function arn_of(url)
  return ("arn:aws:sqs:%s:%s:%s"):format(REGION, ACCOUNT, url:match "[^/]+$")
end

---@param options { fifo: boolean?, max_receives: integer?, visibility: integer? }?
---@return string url
---@return string? dead_url of its dead-letter queue, with `max_receives`
function methods:queue(options)
  options = options or {}
  local suffix = options.fifo and ".fifo" or ""
  local attributes = {
    FifoQueue = options.fifo and "true" or nil,
    VisibilityTimeout = tostring(options.visibility or 30),
  }
  local dead
  if options.max_receives then
    dead = assert(self.sqs:CreateQueue {
      QueueName = self:name "dead" .. suffix, Attributes = {
        FifoQueue = attributes.FifoQueue, DelaySeconds = "0",
      },
    }).QueueUrl
    attributes.RedrivePolicy = cjson.encode {
      deadLetterTargetArn = arn_of(dead), maxReceiveCount = options.max_receives,
    }
  end
  return assert(self.sqs:CreateQueue { QueueName = self:name "queue" .. suffix,
    Attributes = attributes }).QueueUrl, dead
end

--- A topic, and what is published to it in a queue.
---@param subscriptions { url: string, raw: boolean? }[]
---@return string arn
function methods:topic(subscriptions, options)
  local fifo = options and options.fifo
  local arn = assert(self.sns:CreateTopic {
    Name = self:name "topic" .. (fifo and ".fifo" or ""),
    Attributes = fifo and { FifoTopic = "true" } or nil,
  }).TopicArn
  for _, one in ipairs(subscriptions or {}) do
    assert(self.sns:Subscribe {
      TopicArn = arn, Protocol = "sqs", Endpoint = arn_of(one.url),
      Attributes = one.raw and { RawMessageDelivery = "true" } or nil,
    })
  end
  return arn
end

--- A DynamoDB table whose only key is `id`.
---@return string arn
function methods:table()
  return assert(self:client "dynamodb":CreateTable {
    TableName = self:name "table", BillingMode = "PAY_PER_REQUEST",
    AttributeDefinitions = { { AttributeName = "id", AttributeType = "S" } },
    KeySchema = { { AttributeName = "id", KeyType = "HASH" } },
  }).TableDescription.TableArn
end

--- A log group with lines in it.
---@param streams table<string, any[]> by name: seconds ago, line, seconds ago, line...
---@return string name
function methods:log_group(streams)
  local group, now = self:name "group", scheduler.time()
  assert(self.logs:CreateLogGroup { logGroupName = group })
  for name, lines in pairs(streams) do
    local events = {}
    for index = 1, #lines, 2 do
      events[#events + 1] = {
        timestamp = (now - lines[index] * 1000) // 1 | 0, message = lines[index + 1],
      }
    end
    assert(self.logs:CreateLogStream { logGroupName = group, logStreamName = name })
    assert(self.logs:PutLogEvents {
      logGroupName = group, logStreamName = name, logEvents = events,
    })
  end
  return group
end

--- The environment of a program that uses the keys of this account, and no other credentials.
---@param keys { access_key: string, secret_key: string }? default: the account's
---@param url string? of a proxy in front
function methods:environment(keys, url)
  keys = keys or self.keys
  return {
    AWS_ACCESS_KEY_ID = keys.access_key, AWS_SECRET_ACCESS_KEY = keys.secret_key,
    AWS_SESSION_TOKEN = false,
    AWS_REGION = REGION, AWS_DEFAULT_REGION = false, AWS_PROFILE = false,
    AWS_ENDPOINT_URL = url or self.url,
    AWS_EC2_METADATA_DISABLED = "true", AWS_CONFIG_FILE = "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE = "/dev/null",
    AWS_MAX_ATTEMPTS = "3", QueueUrl = false, NotificationTopic = false, WorkTopic = false,
    ProgressTable = false,
  }
end

--- All messages in a queue, which are hidden from then on.
function methods:messages(url)
  local all = {}
  while true do
    local messages = assert(self.sqs:ReceiveMessage {
      QueueUrl = url, MaxNumberOfMessages = 10, VisibilityTimeout = 600, MessageAttributeNames = {
        "All",
      },
    }).Messages or {}
    if #messages == 0 then return all end
    table.move(messages, 1, #messages, #all + 1, all)
  end
end

--- Visible, delayed and in flight together.
function methods:count(url)
  local attributes =
    assert(self.sqs:GetQueueAttributes { QueueUrl = url, AttributeNames = { "All" } }).Attributes
  return attributes.ApproximateNumberOfMessages + attributes.ApproximateNumberOfMessagesDelayed
    + attributes.ApproximateNumberOfMessagesNotVisible | 0
end

function methods:close() self.server:close() end

return cloud
