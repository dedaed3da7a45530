-- Clients against the local AWS, which checks signatures as AWS does.

local aws = require "watchbot.aws"
local json = require "watchbot.lib.json"
local local_aws = require "support.local_aws"
local md5 = require "watchbot.core".aws.md5
local scheduler = require "watchbot.scheduler"

local REGION = "eu-west-1"
local ALLOW_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*",'
  .. '"Resource":"*"}]}'

-- AWS calls the same error differently in JSON and in Query; moto has the words of Query for both.
local function code_of(service, json_code, query_code)
  return (service == "sns" or local_aws.is_moto()) and query_code or json_code
end

describe("aws", function()
  local server, keys

  local function task(body)
    return function() scheduler.run(body) end
  end

  local function client(name, options)
    local all = {
      region = REGION, endpoint = server.url, credentials = keys, getenv = function() end,
      max_attempts = 1,
    }
    for key, value in pairs(options or {}) do all[key] = value end
    return assert(aws(name, all))
  end

  -- IAM is not among watchbot's services, but it uses Query as STS does: an STS client with the
  -- other service's names.
  local function iam(operation, parameters)
    local one = client("sts", { credentials = keys or local_aws.ROOT })
    one.service = { protocol = "query", version = "2010-05-08" }
    one:resolve().service = "iam"
    return assert(one[operation](one, parameters))
  end

  local function make_user()
    iam("CreateUser", { UserName = "watchbot" })
    iam("PutUserPolicy", { UserName = "watchbot", PolicyName = "all", PolicyDocument = ALLOW_ALL })
    local made = iam("CreateAccessKey", { UserName = "watchbot" }).AccessKey
    return { access_key = made.AccessKeyId, secret_key = made.SecretAccessKey }
  end

  setup(task(function()
    server = local_aws.start()
    keys = make_user()
    server:check_signatures(true)
  end))
  teardown(function() if server then server:close() end end)

  it("sends, receives and deletes a message", task(function()
    local sqs = client "sqs"
    local url = assert(sqs:CreateQueue { QueueName = "jobs",
      Attributes = { VisibilityTimeout = "30" } }).QueueUrl
    local body = 'é€😀 "quoted" \\ / & < > \t\r\n' .. ("x"):rep(1000)
    local sent = assert(sqs:SendMessage { QueueUrl = url, MessageBody = body, MessageAttributes = {
      Color = { DataType = "String", StringValue = "blå" },
      Size = { DataType = "Number", StringValue = "7" },
    } })
    assert.are.equal(md5(body), sent.MD5OfMessageBody)
    local message = assert(sqs:ReceiveMessage {
      QueueUrl = url, WaitTimeSeconds = 5, MaxNumberOfMessages = 10, MessageSystemAttributeNames = {
        "All",
      },
      MessageAttributeNames = { "All" },
    }).Messages[1]
    assert.are.equal(body, message.Body)
    assert.are.equal(md5(body), message.MD5OfBody)
    assert.are.equal("1", message.Attributes.ApproximateReceiveCount)
    assert.are.equal("blå", message.MessageAttributes.Color.StringValue)
    assert.are.same({}, assert(sqs:DeleteMessage {
      QueueUrl = url, ReceiptHandle = message.ReceiptHandle,
    }))
    local counts = assert(sqs:GetQueueAttributes { QueueUrl = url,
      AttributeNames = { "All" } }).Attributes
    assert.are.equal("0", counts.ApproximateNumberOfMessages)
    assert.are.equal("0", counts.ApproximateNumberOfMessagesNotVisible)
    local start = scheduler.now()
    local empty = assert(sqs:ReceiveMessage { QueueUrl = url, WaitTimeSeconds = 1 })
    assert.are.equal(0, #(empty.Messages or {}))
    assert.is_true(scheduler.now() - start > 0.5)
  end))

  it("makes batch calls, and tells the entries that failed", task(function()
    local sqs = client "sqs"
    local url = assert(sqs:CreateQueue { QueueName = "batch" }).QueueUrl
    local entries = {}
    for index = 1, 10 do entries[index] = { Id = tostring(index), MessageBody = "m" .. index } end
    assert.are.equal(10,
      #assert(sqs:SendMessageBatch { QueueUrl = url, Entries = entries }).Successful)
    local result = assert(sqs:DeleteMessageBatch {
      QueueUrl = url, Entries = { { Id = "1", ReceiptHandle = "none" } },
    })
    assert.are.equal("1", result.Failed[1].Id)
  end))

  it("publishes to a topic and finds it in a queue", task(function()
    local sns, sqs = client "sns", client "sqs"
    local url = assert(sqs:CreateQueue { QueueName = "subscribed" }).QueueUrl
    local arn = assert(sqs:GetQueueAttributes { QueueUrl = url,
      AttributeNames = { "QueueArn" } }).Attributes.QueueArn
    local topic = assert(sns:CreateTopic { Name = "news",
      Attributes = { DisplayName = "News & more" } }).TopicArn
    assert.are.equal("News & more",
      assert(sns:GetTopicAttributes { TopicArn = topic }).Attributes.DisplayName)
    assert(sns:Subscribe { TopicArn = topic, Protocol = "sqs", Endpoint = arn })
    assert.are.equal(arn,
      assert(sns:ListSubscriptionsByTopic { TopicArn = topic }).Subscriptions[1].Endpoint)
    local text = "line 1\nline 2 é + & = %20 <a>"
    local published = assert(sns:Publish {
      TopicArn = topic, Subject = "a subject", Message = text,
      MessageAttributes = { kind = { DataType = "String", StringValue = "test" } },
    })
    assert.is_string(published.MessageId)
    local message = assert(sqs:ReceiveMessage { QueueUrl = url, WaitTimeSeconds = 5 }).Messages[1]
    local envelope = json.decode(message.Body)
    assert.are.equal(text, envelope.Message)
    assert.are.equal("a subject", envelope.Subject)
    assert.are.equal("test", envelope.MessageAttributes.kind.Value)
    local batch = assert(sns:PublishBatch { TopicArn = topic, PublishBatchRequestEntries = {
      { Id = "a", Message = "1" }, { Id = "b", Message = "2" },
    } })
    assert.are.equal(2, #batch.Successful)
    assert.are.equal(0, #batch.Failed)
  end))

  it("asks STS who it is", task(function()
    local result = assert(client "sts":GetCallerIdentity())
    assert.are.equal("123456789012", result.Account)
    assert.matches("user/watchbot$", result.Arn)
  end))

  it("writes log lines and finds them", task(function()
    local logs = client "logs"
    assert(logs:CreateLogGroup { logGroupName = "group" })
    assert(logs:CreateLogStream { logGroupName = "group", logStreamName = "stream" })
    local now = scheduler.time()
    assert(logs:PutLogEvents { logGroupName = "group", logStreamName = "stream", logEvents = {
      { timestamp = now, message = "first" }, { timestamp = now + 1, message = "second" },
    } })
    local events = assert(logs:FilterLogEvents { logGroupName = "group", filterPattern = '"second"',
      limit = 10 }).events
    assert.are.equal("second", events[1].message)
    assert.are.equal(now + 1, events[1].timestamp)
    assert.are.equal("integer", math.type(events[1].timestamp))
  end))

  it("keeps an item in DynamoDB", task(function()
    local dynamodb = client "dynamodb"
    assert(dynamodb:CreateTable {
      TableName = "progress", BillingMode = "PAY_PER_REQUEST", KeySchema = {
        { AttributeName = "id", KeyType = "HASH" },
      },
      AttributeDefinitions = { { AttributeName = "id", AttributeType = "S" } },
    })
    local item = {
      id = { S = "j" }, parts = { NS = { "1", "2" } }, empty = { L = json.list {} },
      map = { M = {} },
    }
    assert(dynamodb:PutItem { TableName = "progress", Item = item })
    local found = assert(dynamodb:GetItem { TableName = "progress",
      Key = { id = { S = "j" } } }).Item
    assert.are.same(item, found)
    assert.is_true(json.is_list(found.empty.L))
    assert.is_false(json.is_list(found.map.M))
    local _, _, code = dynamodb:PutItem {
      TableName = "progress", Item = item, ConditionExpression = "attribute_not_exists(id)",
    }
    assert.are.equal("ConditionalCheckFailedException", code)
  end))

  it("gets answers from ECS, CloudWatch and CloudFormation", task(function()
    local ecs = client "ecs"
    assert.are.same({}, assert(ecs:ListClusters()).clusterArns)
    assert(ecs:CreateCluster { clusterName = "c" })
    assert.matches(":cluster/c$", assert(ecs:ListClusters()).clusterArns[1])
    local cloudwatch = client "cloudwatch"
    assert(cloudwatch:PutMetricData {
      Namespace = "n", MetricData = { { MetricName = "m", Value = 1.5, Unit = "Count" } },
    })
    assert.are.equal("m", assert(cloudwatch:ListMetrics { Namespace = "n" }).Metrics[1].MetricName)
    local cloudformation = client "cloudformation"
    local template = json.encode {
      Resources = { Q = { Type = "AWS::SQS::Queue" } }, Outputs = { U = { Value = { Ref = "Q" } } },
    }
    assert(cloudformation:CreateStack { StackName = "s", TemplateBody = template, Parameters = {},
      Tags = {
      { Key = "a", Value = "b & c" },
    } })
    local stack = assert(cloudformation:DescribeStacks { StackName = "s" }).Stacks[1]
    assert.are.equal("CREATE_COMPLETE", stack.StackStatus)
    assert.are.same({ { Key = "a", Value = "b & c" } }, stack.Tags)
    assert.are.equal("U", stack.Outputs[1].OutputKey)
    local _, err, code = cloudformation:DescribeStacks { StackName = "none" }
    assert.are.equal("ValidationError", code)
    assert.matches("^cloudformation:DescribeStacks: Stack with id none does not exist "
      .. "%(ValidationError, HTTP 400", err)
  end))

  it("is accepted with the keys of a role that it has assumed", task(function()
    iam("CreateRole", { RoleName = "r", AssumeRolePolicyDocument = ALLOW_ALL, Path = "/" })
    iam("PutRolePolicy", { RoleName = "r", PolicyName = "all", PolicyDocument = ALLOW_ALL })
    local role_arn = "arn:aws:iam::123456789012:role/r"
    local made = assert(client "sts":AssumeRole { RoleArn = role_arn,
      RoleSessionName = "s" }).Credentials
    local role = {
      access_key = made.AccessKeyId, secret_key = made.SecretAccessKey, token = made.SessionToken,
    }
    assert(client("sqs", { credentials = role }):ListQueues())
    role.token = "wrong"
    local _, _, code = client("sqs", { credentials = role }):ListQueues()
    assert.are.equal(code_of("sqs", "UnrecognizedClientException", "InvalidClientTokenId"), code)
  end))

  it("assumes the role of a profile, through STS", task(function()
    iam("CreateRole", { RoleName = "profiled", AssumeRolePolicyDocument = ALLOW_ALL, Path = "/" })
    iam("PutRolePolicy", { RoleName = "profiled", PolicyName = "all", PolicyDocument = ALLOW_ALL })
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write(("[profile work]\nrole_arn = "
      .. "arn:aws:iam::123456789012:role/profiled\nsource_profile = base\nregion = %s\n"
      .. "[profile base]\naws_access_key_id = %s\naws_secret_access_key = %s\n"):format(REGION,
        keys.access_key,
      keys.secret_key))
    file:flush()
    local environment =
      { AWS_CONFIG_FILE = path, AWS_SHARED_CREDENTIALS_FILE = "/dev/null", AWS_PROFILE = "work",
      AWS_ENDPOINT_URL = server.url }
    local function getenv(name) return environment[name] end
    assert.matches(":assumed%-role/profiled/",
      assert(assert(aws("sts", { getenv = getenv })):GetCallerIdentity()).Arn)
    -- An endpoint that is given for one service, in a VPC say, is not where roles are assumed.
    environment.AWS_ENDPOINT_URL_STS = "http://127.0.0.1:1"
    local _, err =
      assert(aws("sqs", { endpoint = server.url, getenv = getenv, max_attempts = 1 })):ListQueues()
    assert.matches("sts:AssumeRole: could not reach http://127.0.0.1:1", err, 1, true)
    os.remove(path)
  end))

  describe("is refused", function()
    local function refused(options, json_code, query_code)
      for _, call in ipairs { { "sqs", "ListQueues" }, { "sns", "ListTopics" },
        { "ecs", "ListClusters" } } do
        local one = client(call[1], options)
        local result, err, code = one[call[2]](one)
        assert.is_nil(result)
        assert.are.equal(code_of(call[1], json_code, query_code), code)
        assert.matches(("^%s:%s: .+ %%(%s, HTTP 40[03]"):format(call[1], call[2], code), err)
        for _, secret in pairs(one.options.credentials) do
          if secret ~= keys.access_key then assert.is_nil(err:find(secret, 1, true)) end
        end
      end
    end

    it("with a wrong secret", task(function()
      refused({ credentials = { access_key = keys.access_key,
        secret_key = keys.secret_key .. "x" } }, "InvalidSignatureException",
        "SignatureDoesNotMatch")
    end))

    it("with a key that does not exist", task(function()
      refused({ credentials = { access_key = "AKIANOBODY", secret_key = keys.secret_key } },
        "UnrecognizedClientException", "InvalidClientTokenId")
    end))

    it("when something on the way has changed the body", task(function()
      local request = require "watchbot.http".request
      refused({ request = function(sent)
        sent.body = sent.body .. " "
        return request(sent)
      end }, "InvalidSignatureException", "SignatureDoesNotMatch")
    end))

    it("when it was signed for another region", task(function()
      local one = client "sqs"
      one:resolve().region = "us-east-2"
      assert(one:ListQueues())
      one.place.host = "elsewhere"
      local _, _, code = one:ListQueues()
      assert.are.equal(code_of("sqs", "InvalidSignatureException", "SignatureDoesNotMatch"), code)
    end))
  end)
end)
