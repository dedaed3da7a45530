-- The specs' own AWS refuses what AWS refuses: a request must fit the host it is sent to, in
-- service, region, signature and date. moto takes all of it, which has hidden faults of watchbot.
-- At AWS's host names, through the proxy, no endpoint is set.

local cjson = require "cjson"
local cloud = require "support.cloud"
local core = require "watchbot.core".aws
local http = require "watchbot.http"
local local_aws = require "support.local_aws"
local workshop = require "support.workshop"

local QUEUES = "https://sqs.eu-west-1.amazonaws.com/123456789012/"
local JSON, ROOT = "application/x-amz-json-1.0", local_aws.ROOT

-- Requests that AWS refuses: what differs from a good one; status, code and text of the answer.
local REFUSED = {
  { "another service", { service = "ecs" }, 403, "InvalidSignatureException",
    "Credential should be scoped to correct service: 'sqs'" },
  { "another region", { region = "us-east-1" }, 403, "InvalidSignatureException",
    "Credential should be scoped to a valid region, not 'us-east-1'" },
  { "a wrong secret", { secret = "wrong" }, 403, "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided" },
  { "an unknown key", { key = "AKIDUNKNOWN" }, 403, "UnrecognizedClientException",
    "The security token included in the request is invalid" },
  { "a token that the key has not", { token = "token" }, 403, "UnrecognizedClientException",
    "The security token included in the request is invalid" },
  { "a clock that is late", { clock = -301 }, 403, "InvalidSignatureException",
    "Signature expired: " },
  { "a clock that is early", { clock = 301 }, 403, "InvalidSignatureException",
    "Signature not yet current: " },
  { "another body than was signed", { body = '{"MaxResults":2}' }, 403, "InvalidSignatureException",
    "does not match the signature you provided" },
  { "an operation of another service",
    { target = "AmazonEC2ContainerServiceV20141113.ListTasks" }, 400,
    "UnknownOperationException", "" },
}

local function task(body)
  return function() workshop.task(body)() end
end

describe("the specs' own AWS", function()
  local server, account
  cloud.around_own(function(made) account, server = made, made.server end)

  -- A request as it arrives at the host of SQS in eu-west-1.
  local function request(case)
    local body = "{}"
    local headers = {
      Host = "sqs.eu-west-1.amazonaws.com", ["Content-Type"] = JSON,
      ["X-Amz-Target"] = case.target or "AmazonSQS.ListQueues",
    }
    local authorization, stamp = core.signer():headers(
      { method = "POST", path = "/", headers = headers, body = body },
      { access_key = case.key or ROOT.access_key, secret_key = case.secret or ROOT.secret_key,
        token = case.token },
      { region = case.region or "eu-west-1", service = case.service or "sqs",
        time = os.time() + (case.clock or 0) })
    headers.Authorization, headers["X-Amz-Date"] = authorization, stamp
    headers["X-Amz-Security-Token"] = case.token
    return assert(http.request {
      method = "POST", url = server.url .. "/", headers = headers, body = case.body or body,
      direct = true,
    })
  end

  it("takes what is signed for its host", task(function()
    assert.are.equal(200, request {}.status)
    assert.are.equal(200, request { clock = -290 }.status)
  end))

  for _, case in ipairs(REFUSED) do
    local name, made, status, code, err = table.unpack(case)
    it("refuses " .. name, task(function()
      local response = request(made)
      assert.are.equal(status, response.status)
      assert.matches('"__type": "[%w.]+#' .. code .. '"', response.body)
      assert.matches(err, response.body, 1, true)
    end))
  end

  it("answers a Query service's error as XML", task(function()
    local keys = { access_key = ROOT.access_key, secret_key = "x" }
    local sns = account:client("sns", { credentials = keys })
    local _, err, code = sns:ListTopics {}
    assert.are.equal("SignatureDoesNotMatch", code)
    assert.matches("HTTP 403", err)
  end))

  it("knows a queue in its own region only", task(function()
    local url = account:queue()
    local elsewhere = account:client("sqs", { region = "us-east-1" })
    local _, _, code = elsewhere:SendMessage { QueueUrl = url, MessageBody = "x" }
    assert.are.equal("QueueDoesNotExist", code)
  end))

  it("lets an old receipt succeed, and deletes nothing", task(function()
    local url = account:queue()
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "x" })
    local function receive()
      local found = assert(account.sqs:ReceiveMessage { QueueUrl = url, VisibilityTimeout = 0 })
      return found.Messages[1]
    end
    local old = receive().ReceiptHandle
    local new = receive().ReceiptHandle
    assert(account.sqs:DeleteMessage { QueueUrl = url, ReceiptHandle = old })
    assert.are.equal(1, account:count(url))
    assert(account.sqs:DeleteMessage { QueueUrl = url, ReceiptHandle = new })
    assert.are.equal(0, account:count(url))
  end))

  it("takes temporary credentials with their token only", task(function()
    local found = assert(account:client "sts":AssumeRole {
      RoleArn = "arn:aws:iam::123456789012:role/worker", RoleSessionName = "spec",
    }).Credentials
    local keys = { access_key = found.AccessKeyId, secret_key = found.SecretAccessKey }
    local _, _, code = account:client("sqs", { credentials = keys }):ListQueues {}
    assert.are.equal("UnrecognizedClientException", code)
    keys.token = found.SessionToken
    assert(account:client("sqs", { credentials = keys }):ListQueues {})
  end))
end)

-- No endpoint is set, and AWS_REGION is not the queue's: each host, region and signature must come
-- from what is named.
describe("by AWS's host names, watchbot", function()
  local server, account
  cloud.around_own(function(made) account, server = made, made.server end)

  local function environment(more)
    local variables = account:environment()
    variables.AWS_ENDPOINT_URL, variables.AWS_REGION = false, "us-east-1"
    variables.HTTPS_PROXY, variables.https_proxy = server.url, server.url
    variables.NO_PROXY, variables.no_proxy, variables.ALL_PROXY = false, false, false
    variables.AWS_CA_BUNDLE = server:authority()
    for name, value in pairs(more or {}) do variables[name] = value end
    return variables
  end

  local function queue(options)
    local url, dead = account:queue(options)
    return QUEUES .. url:match "[^/]+$", url, dead and QUEUES .. dead:match "[^/]+$"
  end

  local function run(folder, more, ...)
    local exit, out, problem = workshop.run(folder, { ... }, environment(more))
    assert.are.equal(0, exit.code, problem)
    return out
  end

  it("sends, runs, and deletes", task(function(folder)
    local url, here = queue()
    run(folder, nil, "send", "--queue", url, "one")
    folder:write("policy.lua",
      [[return require "watchbot".policy { command = 'echo "$Message" >> done' }]])
    run(folder, { QueueUrl = url }, "run", "--drain", "policy.lua")
    assert.are.same({ "one" }, folder:lines "done")
    assert.are.equal(0, account:count(here))
  end))

  it("hands a Lambda function the event of an SQS trigger", task(function(folder)
    local url = queue()
    run(folder, nil, "send", "--queue", url, "--attribute", "Kind=tile", "one")
    folder:write("app.py", [[
import json
def handler(event, context):
    open("event", "w").write(json.dumps([event, context.invoked_function_arn]))
]])
    local client = io.popen "pwd":read "l" .. "/spec/support/runtimes/ric.py"
    run(folder, nil, "run", "--drain", "--queue", url, "--lambda", "app.handler", "--", "python3",
      client)
    local told = cjson.decode(folder:read "event")
    local record = told[1].Records[1]
    assert.are.equal("arn:aws:sqs:eu-west-1:123456789012:" .. url:match "[^/]+$",
      record.eventSourceARN)
    assert.are.equal("arn:aws:lambda:eu-west-1:123456789012:function:app-handler", told[2])
    assert.are.same({ "one", "eu-west-1", "1" },
      { record.body, record.awsRegion, record.attributes.ApproximateReceiveCount })
    assert.are.same({ stringValue = "tile", dataType = "String", stringListValues = {},
      binaryListValues = {} }, record.messageAttributes.Kind)
    assert.is_truthy(record.attributes.SenderId and record.attributes.SentTimestamp)
  end))

  it("notifies a topic of another region than AWS_REGION", task(function(folder)
    local url = queue()
    local _, inbox = queue()
    local topic = account:topic { { url = inbox } }
    run(folder, nil, "send", "--queue", url, "bad")
    folder:write("policy.lua", [[return require "watchbot".policy { command = "exit 3" }]])
    run(folder, { QueueUrl = url, NotificationTopic = topic }, "run", "--drain", "policy.lua")
    assert.are.equal(1, #account:messages(inbox))
  end))

  -- E2: CloudWatch was asked at the host of SQS.
  it("asks CloudWatch at its own host for a queue's status", task(function(folder)
    local url, here = queue()
    local now = os.time()
    assert(account:client "cloudwatch":PutMetricData { Namespace = "AWS/SQS", MetricData = { {
      MetricName = "ApproximateAgeOfOldestMessage", Value = 75, Timestamp = now - 90,
      Dimensions = { { Name = "QueueName", Value = here:match "[^/]+$" } },
    } } })
    assert.matches("oldest +1 m 15 s", run(folder, nil, "status", "--queue", url))
  end))

  it("replays dead letters", task(function(folder)
    local url, here, dead = queue { max_receives = 1 }
    run(folder, nil, "send", "--queue", dead, "one")
    run(folder, nil, "dead-letter", "replay", "--queue", url)
    assert.are.equal(1, account:count(here))
  end))

  it("keeps progress in the table that an ARN names", task(function(folder)
    local table_arn = account:table()
    run(folder, { ProgressTable = table_arn }, "progress", "set-total", "job", "-t", "2")
    assert.matches("2", run(folder, { ProgressTable = table_arn }, "progress", "status", "job"))
  end))

  it("reads the log group that an ARN names", task(function(folder)
    local group = account:log_group { s = { 5, "a line" } }
    local arn = "arn:aws:logs:eu-west-1:123456789012:log-group:" .. group
    assert.matches("a line", run(folder, { LogGroupArn = arn }, "logs"))
  end))
end)
