-- The event is the one of AWS's page on its structure, shortened to the members
-- that are read and their neighbors.
local cjson = require "cjson"
local testing = require "watchbot.testing"
local workshop = require "support.workshop"

local HERE = "doc/examples/s3-events/"

local function event(key)
  return cjson.encode { Records = { {
    eventVersion = "2.1", eventSource = "aws:s3", awsRegion = "eu-west-1",
      eventName = "ObjectCreated:Put",
    s3 = {
      s3SchemaVersion = "1.0", bucket = { name = "photos", arn = "arn:aws:s3:::photos" },
      object = { key = key, size = 1024, versionId = "v1", sequencer = "0055AED6DCD90281E5" },
    },
  } } }
end

local TEST = '{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"photos"}'

describe("the example s3-events", function()
  local w

  before_each(function() w = testing.watch(HERE .. "policy.lua") end)
  after_each(function() w:close() end)

  it("gives the worker bucket and key, as S3 calls them", function()
    w:message(event "2026/my+photo+%281%29+%C3%A9.jpg")
    local variables = w:environment()
    assert.are.equal("photos", variables.Bucket)
    assert.are.equal("2026/my photo (1) é.jpg", variables.Key)
    assert.are.equal("1024", variables.Size)
    assert.are.equal("ObjectCreated:Put", variables.EventName)
    assert.are.equal("v1", variables.VersionId)
    assert.are.equal("complete", w:exits(0))
  end)

  it("reads an event that comes through SNS", function()
    w:message(cjson.encode {
      Type = "Notification", MessageId = "1",
        TopicArn = "arn:aws:sns:eu-west-1:123456789012:photos",
      Subject = "Amazon S3 Notification", Message = event "a.jpg",
        Timestamp = "2026-11-28T10:00:00.000Z",
    })
    assert.are.equal("a.jpg", w:environment().Key)
  end)

  it("deletes the test event, and runs nothing for it", function()
    w:message(TEST)
    assert.are.equal("complete", w:outcome())
    assert.are.equal("envelope", w:decided())
  end)

  it("keeps what is no event of S3", function()
    for _, text in ipairs { "hello", "{}", "[]", "7", '{"Records":[]}', '{"Records":[{"s3":null}]}',
      '{"Records":7}' } do
      w:message(text)
      assert.are.equal("bury", w:outcome(), text)
    end
    assert.are.same({}, w:errors())
  end)

  it("runs its worker", workshop.task(function(folder)
    assert(os.execute(("cp %s* '%s'"):format(HERE, folder.path)))
    workshop.run(folder, { "send", "--queue", "sqlite:events.db", event "a+b.jpg" },
      { QueueUrl = false })
    local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" }, { QueueUrl = false })
    assert.are.equal(0, exit.code, log)
    assert.matches("ObjectCreated:Put: s3://photos/a b.jpg %(1024 bytes%)\n", log)
  end))
end)
