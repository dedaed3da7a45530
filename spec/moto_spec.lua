-- The local AWS that other specs build on: it starts, answers, can be wiped, checks signatures when
-- told to, and ends.
local moto = require "support.moto"
local http = require "watchbot.http"
local scheduler = require "watchbot.scheduler"
local fault_proxy = require "support.fault_proxy"

describe("moto", function()
  local aws, proxy

  setup(function()
    aws = moto.start()
    proxy = fault_proxy.start(aws.url)
  end)

  teardown(function()
    proxy:close()
    aws:close()
  end)

  local function in_task(body)
    return function() scheduler.run(body) end
  end

  -- Nothing is signed here: moto takes the region and the service from the header, and checks
  -- signatures only when it is asked to.
  local function sqs(operation, body, url)
    return assert(http.request {
      method = "POST",
      url = (url or aws.url) .. "/",
      headers = {
        ["Content-Type"] = "application/x-amz-json-1.0",
        ["X-Amz-Target"] = "AmazonSQS." .. operation,
        ["X-Amz-Date"] = os.date "!%Y%m%dT%H%M%SZ",
        Authorization = "AWS4-HMAC-SHA256 Credential=nobody/20260101/us-east-1/sqs/aws4_request, "
          .. "SignedHeaders=host, Signature=0",
      },
      body = body,
    })
  end

  it("keeps a queue until it is wiped", in_task(function()
    assert.are.equal(200, sqs("CreateQueue", '{"QueueName":"jobs"}').status)
    assert.matches("/jobs", sqs("ListQueues", "{}").body)
    aws:reset()
    assert.is_nil(sqs("ListQueues", "{}").body:find "/jobs")
  end))

  it("refuses a bad signature once it checks them", in_task(function()
    aws:check_signatures(true)
    assert.are.equal(403, sqs("ListQueues", "{}").status)
    aws:check_signatures(false)
    assert.are.equal(200, sqs("ListQueues", "{}").status)
  end))

  it("loses an answer behind the fault proxy, and the message with it until its visibility ends",
    in_task(function()
    local queue = sqs("CreateQueue", '{"QueueName":"lost"}',
      proxy.url).body:match '"QueueUrl": *"([^"]+)"'
    sqs("SendMessage", ('{"QueueUrl":"%s","MessageBody":"hello"}'):format(queue), proxy.url)
    proxy:add { kind = "empty", operation = "ReceiveMessage", count = 1 }
    local receive = ('{"QueueUrl":"%s","VisibilityTimeout":30}'):format(queue)
    assert.are.equal("", sqs("ReceiveMessage", receive, proxy.url).body)
    assert.is_nil(sqs("ReceiveMessage", receive, proxy.url).body:find "hello")
    local log = proxy:log "ReceiveMessage"
    assert.are.equal(2, #log)
    assert.are.equal("empty", log[1].kind)
    assert.matches("hello", log[1].answers[1].body)
  end))
end)
