-- What a Lambda function gets, compared with the samples of AWS's pages:
-- https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html and with-sns.html.

local cjson = require "cjson"
local event = require "watchbot.runner.resident.event"
local job = require "watchbot.message.job"

local SOURCE = {
  arn = "arn:aws:sqs:us-east-2:123456789012:my-queue", region = "us-east-2",
    account = "123456789012",
}

local function message(more)
  local made = {
    id = "059f36b4-87a3-44ab-83d2-661975830a7d", receipt = "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
    body = "Test message.", attributes = {}, receives = 1, sent = 1545082649183,
    sender = "AIDAIENQZJOLO23YVJ4VO", first_received = 1545082649185,
  }
  for name, value in pairs(more or {}) do made[name] = value end
  return made
end

local function sqs_event(...)
  local jobs = {}
  for index, one in ipairs { ... } do jobs[index] = job.new(one) end
  return (assert(event.of("sqs", jobs, SOURCE)))
end

local function record(more) return cjson.decode(sqs_event(message(more))).Records[1] end

describe("the event of an SQS trigger", function()
  it("is AWS's sample", function()
    assert.same(cjson.decode [[{
      "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
      "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
      "body": "Test message.",
      "attributes": {
        "ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1545082649185"
      },
      "messageAttributes": {
        "myAttribute": {
          "stringValue": "myValue", "stringListValues": [], "binaryListValues": [],
          "dataType": "String"
        },
        "number": {
          "stringValue": "7", "stringListValues": [], "binaryListValues": [], "dataType": "Number"
        },
        "bytes": {
          "binaryValue": "AAEC", "stringListValues": [], "binaryListValues": [],
          "dataType": "Binary.gif"
        }
      },
      "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
      "eventSource": "aws:sqs",
      "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
      "awsRegion": "us-east-2"
    }]], record { attributes = {
      myAttribute = { type = "String", value = "myValue" }, number = { type = "Number",
        value = "7" },
      bytes = { type = "Binary.gif", value = "AAEC" },
    } })
  end)

  -- A codec that knows no empty list writes {} there, and Java's and Rust's types refuse it.
  it("has empty lists and empty objects where AWS has them", function()
    local text = sqs_event(message { attributes = { a = { type = "String", value = "b" } } })
    assert.is_truthy(text:find('"stringListValues":[]', 1, true))
    assert.is_truthy(sqs_event(message()):find('"messageAttributes":{}', 1, true))
  end)

  it("has what FIFO queues, dead-letter queues and X-Ray add, all as text", function()
    assert.same({
      ApproximateReceiveCount = "3", SentTimestamp = "1545082649183",
      SenderId = "AIDAIENQZJOLO23YVJ4VO", ApproximateFirstReceiveTimestamp = "1545082649185",
      SequenceNumber = "18849496460467696128", MessageGroupId = "1", MessageDeduplicationId = "2",
      AWSTraceHeader = "Root=1-5759e988-bd862e3fe1be46a994272793", DeadLetterQueueSourceArn = "arn",
    }, record {
      receives = 3, sequence = "18849496460467696128", group = "1", deduplication = "2",
      trace = "Root=1-5759e988-bd862e3fe1be46a994272793", source = "arn",
    }.attributes)
  end)

  it("keeps the envelope of SNS in the body, and puts a file's subject into one", function()
    local envelope = '{"Type":"Notification","TopicArn":"arn:aws:sns:x","Message":"m"}'
    assert.equal(envelope, record({ body = envelope }).body)
    local wrapped = cjson.decode(record({ subject = "s", body = "m" }).body)
    assert.same({ "Notification", "s", "m" }, { wrapped.Type, wrapped.Subject, wrapped.Message })
  end)

  it("holds all messages of a batch in their order", function()
    local records = cjson.decode(sqs_event(message { id = "1" }, message { id = "2" })).Records
    assert.same({ "1", "2" }, { records[1].messageId, records[2].messageId })
  end)
end)

describe("other events", function()
  it("is that of an SNS trigger, with the names that Lambda has", function()
    local one = job.new(message { body = cjson.encode {
      Type = "Notification", MessageId = "sns-id", TopicArn = "arn:aws:sns:us-east-2:1:t",
      Subject = "s", Message = "m", Timestamp = "2019-01-02T12:45:07.000Z", SignatureVersion = "1",
      Signature = "sig", SigningCertURL = "https://cert", UnsubscribeURL = "https://leave",
      MessageAttributes = { a = { Type = "String", Value = "b" } },
    } })
    assert.same({ Records = { {
      EventVersion = "1.0", EventSource = "aws:sns",
        EventSubscriptionArn = "arn:aws:sns:us-east-2:1:t",
      Sns = {
        Type = "Notification", MessageId = "sns-id", TopicArn = "arn:aws:sns:us-east-2:1:t",
        Subject = "s", Message = "m", Timestamp = "2019-01-02T12:45:07.000Z",
          SignatureVersion = "1",
        Signature = "sig", SigningCertUrl = "https://cert", UnsubscribeUrl = "https://leave",
        MessageAttributes = { a = { Type = "String", Value = "b" } },
      },
    } } }, cjson.decode((assert(event.of("sns", { one }, SOURCE)))))
  end)

  it("is the body itself, or what a function of the policy makes of the jobs", function()
    local jobs = { job.new(message { body = '{"a":1}' }) }
    assert.equal('{"a":1}', event.of("body", jobs, SOURCE))
    assert.equal("text", event.of(function() return "text" end, jobs, SOURCE))
    assert.equal('{"n":1}', event.of(function(all) return { n = #all } end, jobs, SOURCE))
    local none, err, code = event.of(function() error "no" end, jobs, SOURCE)
    assert.same({ nil, "CommandFailed" }, { none, code })
    assert.matches("the policy's function 'event' failed: .*no", err)
    assert.same({ nil, "the policy's function 'event' returned a number, not text or a table",
      "CommandFailed" }, { event.of(function() return 1 end, jobs, SOURCE) })
  end)
end)
