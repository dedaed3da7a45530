-- Samples of our own making, shaped by the pages that lua/watchbot/message/event.lua names. Each is
-- read as the right kind and as "auto", and as no other kind.

local event = require "watchbot.message.event"
local json = require "watchbot.lib.json"

-- A record of S3's own notifications.
local function record(name, key, more)
  local object = { key = key, size = 1024, eTag = "d41d8cd98f00b204e9800998ecf8427e",
    sequencer = "0055AED6DCD90281E5" }
  for field, value in pairs(more or {}) do object[field] = value end
  return {
    eventVersion = "2.1", eventSource = "aws:s3", awsRegion = "eu-west-1",
    eventTime = "2026-11-28T10:00:00.000Z", eventName = name,
    userIdentity = { principalId = "AWS:AIDAEXAMPLE" },
    s3 = { s3SchemaVersion = "1.0", configurationId = "all", object = object,
      bucket = { name = "photos", arn = "arn:aws:s3:::photos",
        ownerIdentity = { principalId = "A3EXAMPLE" } } },
  }
end

local function notification(...) return { Records = { ... } } end

local function of_s3(name, key, decoded, more)
  return { notification(record(name, key, more)), "s3", {
    name = name, key = decoded or key, bucket = "photos", source = "aws:s3",
    version_id = more and more.versionId, time = "2026-11-28T10:00:00.000Z",
  } }
end

local function bridge(source, kind, detail)
  return {
    version = "0", id = "17793124-05d4-b198-2fde-7ededc63b103", ["detail-type"] = kind,
    source = source, account = "111122223333", time = "2026-11-28T10:00:00Z",
    region = "eu-west-1", resources = json.list {}, detail = detail,
  }
end

local function s3_by_bridge(kind, key, version)
  local detail = {
    version = "0", bucket = { name = "photos" },
    object = { key = key, size = 5, etag = "b57f9512698f4b09e608f4f2a65852e5",
      ["version-id"] = version, sequencer = "00617F08299329D189" },
    ["request-id"] = "N4N7GDK58NMKJ12R", requester = "123456789012",
  }
  return { bridge("aws.s3", kind, detail), "s3", {
    detail_type = kind, key = key, bucket = "photos", source = "aws.s3", version_id = version,
    time = "2026-11-28T10:00:00Z",
  }, also = "eventbridge" }
end

local function of_bridge(source, kind, detail, name)
  return { bridge(source, kind, detail), "eventbridge", {
    detail_type = kind, source = source, name = name, time = "2026-11-28T10:00:00Z",
  } }
end

local function cloud(source, kind, more)
  local value = { specversion = "1.0", id = "A234-1234-1234", source = source, type = kind }
  for field, item in pairs(more or {}) do value[field] = item end
  return value
end

local function of_cloud(source, kind, more)
  return { cloud(source, kind, more), "cloudevents", {
    source = source, name = kind, time = more and more.time,
  } }
end

local samples = {
  of_s3("ObjectCreated:Put", "a.jpg"),
  of_s3("ObjectCreated:Post", "folder/a.jpg"),
  of_s3("ObjectCreated:Copy", "my+photo.jpg", "my photo.jpg"),
  of_s3("ObjectCreated:CompleteMultipartUpload", "a%2Bb.jpg", "a+b.jpg"),
  of_s3("ObjectCreated:Put", "%E2%82%AC+and+%F0%9F%98%80.txt", "€ and 😀.txt"),
  of_s3("ObjectCreated:Put", "100%25.txt", "100%.txt"),
  of_s3("ObjectCreated:Put", "50%-off.txt", "50%-off.txt"), -- no code, so it stays
  of_s3("ObjectCreated:Put", "a%2fb%2Fc", "a/b/c"),
  of_s3("ObjectCreated:Put", "%3Cscript%3E", "<script>"),
  of_s3("ObjectCreated:Put", "line%0Abreak", "line\nbreak"),
  of_s3("ObjectCreated:Put", "v.txt", nil, { versionId = "096fKKXTRTtl3on89fVO.nfljtsv6qko" }),
  of_s3("ObjectRemoved:Delete", "gone.txt"),
  of_s3("ObjectRemoved:DeleteMarkerCreated", "gone.txt", nil, { versionId = "null" }),
  of_s3("ObjectRestore:Post", "cold.bin"),
  of_s3("ObjectRestore:Completed", "cold.bin"),
  of_s3("ObjectTagging:Put", "tagged"),
  of_s3("ObjectAcl:Put", "shared"),
  of_s3("ReducedRedundancyLostObject", "lost"),
  of_s3("LifecycleExpiration:Delete", "old/"),
  of_s3("IntelligentTiering", "seldom"),
  of_s3("s3:Replication:OperationFailedReplication", "copy"),
  { notification(record("ObjectCreated:Put", "a"), record("ObjectCreated:Put", "b")), "s3", {
    name = "ObjectCreated:Put", bucket = "photos", source = "aws:s3",
    time = "2026-11-28T10:00:00.000Z",
  }, count = 2 },
  { notification(record("ObjectCreated:Put", "a"), record("ObjectRemoved:Delete", "a")), "s3", {
    key = "a", bucket = "photos", source = "aws:s3", time = "2026-11-28T10:00:00.000Z",
  }, count = 2 },
  { { Service = "Amazon S3", Event = "s3:TestEvent", Time = "2014-10-13T15:57:02.089Z",
    Bucket = "photos", RequestId = "5582815E1AEA5ADF", HostId = "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH" },
    "s3", { name = "s3:TestEvent", source = "aws:s3", bucket = "photos",
      time = "2014-10-13T15:57:02.089Z" }, is_test = true },
  s3_by_bridge("Object Created", "a.jpg"),
  s3_by_bridge("Object Created", "my+photo%20.jpg"), -- not encoded there
  s3_by_bridge("Object Created", "v.txt", "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"),
  s3_by_bridge("Object Deleted", "gone.txt"),
  s3_by_bridge("Object Restore Completed", "cold.bin"),
  s3_by_bridge("Object Tags Added", "tagged"),
  s3_by_bridge("Object Storage Class Changed", "seldom"),
  of_bridge("aws.s3", "AWS API Call via CloudTrail", { eventName = "PutObject" }, "PutObject"),
  of_bridge("aws.ecs", "ECS Task State Change", { lastStatus = "STOPPED" }),
  of_bridge("aws.ec2", "EC2 Instance State-change Notification", { state = "running" }),
  of_bridge("aws.events", "Scheduled Event", {}),
  of_bridge("aws.codebuild", "CodeBuild Build State Change", { ["build-status"] = "FAILED" }),
  of_bridge("aws.batch", "Batch Job State Change", { jobName = "j" }),
  of_bridge("aws.health", "AWS Health Event", { service = "EC2" }),
  of_bridge("aws.signin", "AWS Console Sign In via CloudTrail", { eventName = "ConsoleLogin" },
    "ConsoleLogin"),
  of_bridge("aws.glue", "Glue Job State Change", { state = "SUCCEEDED" }),
  of_bridge("com.example.orders", "Order Placed", { order = 17 }),
  of_bridge("com.example.orders", "Order Placed", "plain text"),
  of_bridge("com.example.orders", "Order Placed", json.list { 1, 2 }),
  of_bridge("com.example.orders", "Order Placed", { bucket = { name = "photos" } }),
  of_cloud("https://example.com/cloud", "com.example.someevent"),
  of_cloud("/mycontext", "com.example.someevent", { time = "2018-04-05T17:31:00Z" }),
  of_cloud("urn:event:from:myapi", "order.placed", { subject = "17", data = { order = 17 } }),
  of_cloud("/a", "b", { datacontenttype = "text/xml", data = "<much wow=\"xml\"/>" }),
  of_cloud("/a", "b", { datacontenttype = "application/octet-stream", data_base64 = "AAEC" }),
  of_cloud("/a", "b", { dataschema = "urn:schema", comexampleextension1 = "value" }),
  of_cloud("/a", "b", { data = json.null }),
  of_cloud("/a", "b", { data = false }),
  of_cloud("/a", "b", { traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }),
  { json.list { cloud("/a", "b"), cloud("/a", "c") }, "cloudevents", { source = "/a" }, count = 2 },
  { json.list { cloud("/a", "b") }, "cloudevents", { source = "/a", name = "b" } },
}

local KINDS = { "s3", "eventbridge", "cloudevents" }

-- Bodies that are none.
local others = {
  "", "hello", "17", "true", "null", '"text"', "{", "[", "[]", "{}", "[[[[", '{"Records":[]}',
  '{"Records":{}}', '{"Records":[1]}', '{"Records":[null]}', '{"Records":"x"}',
  '{"Records":[{"eventSource":"aws:sqs","body":"x"}]}', '{"Records":[{"eventSource":"aws:s3"}]}',
  '{"Records":[{"eventSource":"aws:s3","s3":null}]}',
  '{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":7},"object":{"key":"a"}}}]}',
  '{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"b"},"object":{}}}]}',
  '{"source":"a","detail":{}}', '{"source":"a","detail-type":"b"}',
  '{"source":1,"detail-type":"b","detail":{}}', '{"specversion":"1.0","id":"1","source":"a"}',
  '{"specversion":"0.3","id":"1","source":"a","type":"b"}', '{"Event":"s3:Other"}',
  '[{"specversion":"1.0","id":"1","source":"a","type":"b"},{}]', '{"type":"b","source":"a"}',
}

describe("an event", function()
  it("has sixty samples here, with the bodies that are none", function()
    assert.is_true(#samples + #others >= 60)
  end)

  for index, sample in ipairs(samples) do
    it(("of sample %d is read: %s"):format(index, sample[3].detail_type or sample[3].name or "two"),
      function()
        local body = json.encode(sample[1])
        local expected = { kind = sample[2], is_test = sample.is_test }
        for name, value in pairs(sample[3]) do expected[name] = value end
        for _, wanted in ipairs { sample[2], "auto" } do
          local found = assert(event.read(body, wanted))
          assert.are.equal(sample.count or 1, #found.records)
          found.records, found.data = nil, nil
          assert.are.same(expected, found)
        end
        for _, kind in ipairs(KINDS) do
          if kind ~= sample[2] and kind ~= sample.also then
            assert.is_nil(event.read(body, kind))
          end
        end
      end)
  end

  for index, body in ipairs(others) do
    it(("is not in body %d"):format(index), function()
      for _, wanted in ipairs { "s3", "eventbridge", "cloudevents", "auto" } do
        assert.is_nil(event.read(body, wanted), body)
      end
    end)
  end

  -- A test is completed without a task: a message with no more than its name was deleted unread.
  it("is a test only if it is nothing else", function()
    local object = {
      eventSource = "aws:s3", s3 = { bucket = { name = "b" }, object = { key = "a" } },
    }
    for _, body in ipairs {
      { Event = "s3:TestEvent" }, { Event = "s3:TestEvent", work = "important" },
      { Event = "s3:TestEvent", Bucket = "b" }, { Event = "s3:TestEvent", Service = "Amazon S3" },
      { Event = "s3:TestEvent", Service = "Amazon S3", Bucket = { name = "b" } },
      { Event = "s3:TestEvent", Service = "Amazon S3", Bucket = "b",
        Records = json.list { object } },
    } do
      for _, wanted in ipairs { "s3", "auto" } do
        local found = event.read(json.encode(body), wanted)
        assert.is_nil(found and found.is_test, json.encode(body))
      end
    end
  end)

  it("of several records has them all", function()
    local body = json.encode(notification(record("ObjectCreated:Put", "a+b"),
      record("ObjectCreated:Put", "c", { versionId = "v" })))
    local found = assert(event.read(body, "auto"))
    assert.are.same({ "a b", "c" }, { found.records[1].key, found.records[2].key })
    assert.are.equal("v", found.records[2].version_id)
    assert.are.equal("0055AED6DCD90281E5", found.records[1].data.s3.object.sequencer)
    assert.is_nil(found.data)
  end)

  it("carries its data", function()
    local function data(value) return event.read(json.encode(value), "auto").data end
    assert.are.equal("\0\1\2", data(cloud("/a", "b", { data_base64 = "AAEC" })))
    assert.are.same({ order = 17 }, data(bridge("com.example", "Order", { order = 17 })))
  end)

  it("sets variables that the policy does not set", function()
    local variables = { Message = "m" }
    event.add({ bucket = "photos", key = "a b", name = "ObjectCreated:Put" }, variables,
      { Bucket = "mine" })
    assert.are.same({ Message = "m", Key = "a b", EventName = "ObjectCreated:Put" }, variables)
  end)
end)
