-- The SQS queue: the contract of every queue on the local AWS, over real HTTP with signatures
-- checked, and what is its own.

local cjson = require "cjson"
local cloud = require "support.cloud"
local local_aws = require "support.local_aws"
local contract = require "queue.contract"
local hands = require "watchbot.lib.hands"
local server = require "support.server"
local open_queue = require("watchbot.queue").open
local received = require "watchbot.queue.sqs.received"
local sqs = require "watchbot.queue.sqs"
local http = require "watchbot.http"

local task = cloud.task

describe("SQS:", function()
  local account, proxy

  cloud.around(function(...) account, proxy = ... end, "proxy")

  local function open(options, client)
    options = options or {}
    return sqs.open(account:queue(options), {
      client = account:client("sqs", client), visibility = options.visibility,
      on_corrupt = options.on_corrupt,
    })
  end

  contract(open, local_aws.is_moto() and {
    duplicate_ids = "moto makes a new id for the message that it drops",
    ids_of_deleted = "moto forgets a deduplication id with its message",
  } or {})

  -- A queue behind the fault proxy, whose log lists the calls.
  local function watched(options)
    local queue = assert(open(options, { endpoint = proxy.url }))
    proxy:clear()
    return queue
  end

  local function send(queue, ...)
    local answers = assert(queue:send { ... })
    for _, answer in ipairs(answers) do assert.is_string(answer.id, answer.message) end
    return answers
  end

  local function receive(queue, max, visibility)
    local messages = assert(queue:receive(max or 1, 5, visibility))
    assert.is_true(#messages > 0, "nothing came")
    return messages
  end

  describe("the SQS queue", function()
    it("asks for all system and message attributes, by both names that endpoints know",
      task(function()
      local queue = watched()
      assert(queue:receive(10, 0, 77))
      local request = cjson.decode(proxy:log "ReceiveMessage"[1].request)
      assert.are.same({ "All" }, request.MessageSystemAttributeNames)
      assert.are.same({ "All" }, request.AttributeNames)
      assert.are.same({ "All" }, request.MessageAttributeNames)
      assert.are.equal(77, request.VisibilityTimeout)
      assert.are.equal(10, request.MaxNumberOfMessages)
      assert.is_nil(request.ReceiveRequestAttemptId)
    end))

    it("hands over binary attributes as base64, as AWS writes them", task(function()
      local queue = assert(open())
      send(queue, { body = "x", attributes = { Bytes = { type = "Binary", value = "AAEC/w==" } } })
      assert.are.same({ Bytes = { type = "Binary", value = "AAEC/w==" } },
        receive(queue)[1].attributes)
    end))

    it("wraps a subject in an envelope like that of SNS", task(function()
      local queue = assert(open())
      send(queue, { body = "photo-1.jpg", subject = "resize" })
      local one = require "watchbot.message.job".new(receive(queue)[1])
      assert.are.same({ "resize", "photo-1.jpg" }, { one.subject, one.message })
    end))

    it("hands over the group, and makes one where the sender named none", task(function()
      local queue = assert(open { fifo = true })
      send(queue, { body = "a", group = "g" }, { body = "b" })
      local groups = {}
      for _ = 1, 2 do
        local message = receive(queue)[1]
        groups[message.body] = message.group
      end
      assert.are.same({ a = "g", b = "default" }, groups)
    end))

    it("sends in batches of ten, and of a megabyte", task(function()
      local queue = watched()
      local messages = {}
      for index = 1, 23 do messages[index] = { body = "message " .. index } end
      assert.are.equal(23, #send(queue, table.unpack(messages)))
      assert.are.equal(3, #proxy:log "SendMessageBatch")
      proxy:clear()
      local big = { body = ("x"):rep(200 * 1024) }
      send(queue, big, big, big, big, big, big)
      assert.are.equal(2, #proxy:log "SendMessageBatch")
    end))

    -- AWS refuses the whole batch for an empty or an oversized body, and the nine others with it.
    it("refuses for itself what SQS would not take, and sends the rest", task(function()
      local queue = watched()
      local answers = assert(queue:send {
        { body = "first" }, { body = "" }, { body = ("x"):rep(1024 * 1024 + 1) }, { body = "a\0b" },
        { body = "\xff" },
        { body = "last" },
      })
      local codes = {}
      for index, answer in ipairs(answers) do codes[index] = answer.code or "sent" end
      assert.are.same({
        "sent", "EmptyMessage", "MessageTooLong", "InvalidMessageContents",
        "InvalidMessageContents", "sent",
      },
        codes)
      assert.are.equal(1, #proxy:log "SendMessageBatch")
      assert.are.equal(2, account:count(queue.name))
    end))

    it("refuses a delay in a FIFO queue and a deduplication id in a standard one, which would do "
      .. "nothing", task(function()
      local fifo, standard = assert(open { fifo = true }), assert(open())
      assert.are.equal("Usage", assert(fifo:send { { body = "x", delay = 1 } })[1].code)
      local refused = assert(standard:send { { body = "x", deduplication = "d" } })[1]
      assert.are.equal("Usage", refused.code)
      assert.matches("only FIFO queues know a deduplication id", refused.message)
    end))

    -- A delay that was no number raised while its batch was made, and nothing was sent.
    it("refuses a delay that SQS does not take, and sends the rest", task(function()
      local queue = watched()
      local answers = assert(queue:send {
        { body = "a", delay = 0 / 0 }, { body = "b", delay = -1 }, { body = "c", delay = 900.5 },
        { body = "d", delay = math.huge }, { body = "e", delay = -0.0 },
      })
      for index = 1, 4 do
        assert.matches("a delay may have 0 to 900 s, not %-?[%da-z.]+$", answers[index].message)
      end
      assert.is_string(answers[5].id)
      assert.are.equal(1, account:count(queue.name))
    end))

    it("says which messages of a call that failed were not sent", task(function()
      local queue = watched()
      proxy:add {
        kind = "status", operation = "SendMessageBatch", skip = 1, status = 400, code = "Refused",
      }
      local messages = {}
      for index = 1, 30 do messages[index] = { body = "m" .. index } end
      local answers = assert(queue:send(messages))
      assert.is_string(answers[10].id)
      assert.are.equal("Refused", answers[11].code)
      assert.are.equal("Refused", answers[30].code)
      assert.are.equal(2, #proxy:log "SendMessageBatch")
      assert.is_nil(queue:send { { body = "nothing is sent" } })
    end))

    it("knows max_receives of its redrive policy once it has been checked", task(function()
      local queue = assert(open { max_receives = 7 })
      assert(queue:check())
      assert.are.equal(7, queue.max_receives)
      local plain = assert(open())
      assert(plain:check())
      assert.is_nil(plain.max_receives)
    end))

    it("tells a queue that does not exist, in words", task(function()
      local queue = assert(sqs.open(account:queue() .. "-gone", { client = account.sqs }))
      local ok, err = queue:check()
      assert.is_nil(ok)
      assert.are.equal(("queue %s does not exist"):format(queue.name), err)
      ok, err = queue:send { { body = "x" } }
      assert.is_nil(ok)
      assert.matches("does not exist$", err)
    end))

    it("prefers an endpoint that was given to the host of its URL", task(function()
      local url = account:queue()
      local path = url:match "^%a+://[^/]+(/.*)$"
      local queue = assert(sqs.open("https://sqs.eu-west-1.amazonaws.com" .. path, {
        client = account.sqs,
      }))
      assert(queue:check())
    end))

    it("takes the region from its URL where none is set", task(function()
      local client = account:client("sqs", {
        region = false, place = "https://sqs.ap-south-1.amazonaws.com/1/jobs",
      })
      client.options.region = nil
      assert.are.equal("ap-south-1", assert(client:resolve()).region)
    end))

    it("answers each entry of a batch for itself", task(function()
      local queue = watched()
      send(queue, { body = "1" }, { body = "2" })
      local receipts = {}
      while #receipts < 2 do receipts[#receipts + 1] = receive(queue)[1].receipt end
      local answers = hands({ receipts[1], "none", receipts[2] }, 3, function(receipt)
        return queue:delay(receipt, 0.2)
      end)
      assert.are.same({ true, "ReceiptHandleIsInvalid", true },
        { answers[1][1], answers[2][3], answers[3][1] })
      assert.are.equal(1, #proxy:log "ChangeMessageVisibilityBatch")
    end))

    -- One invalid answer must not end the poll, nor affect the other messages of the batch.
    it("hands out what is whole of an answer, whatever the rest is", function()
      local corrupt = {}
      local function sound(list)
        return received.messages(list, nil, function(id) corrupt[#corrupt + 1] = id end)
      end
      local whole = { MessageId = "1", ReceiptHandle = "r", Body = "x" }
      local function but(more)
        local message = { MessageId = "2", ReceiptHandle = "r", Body = "x" }
        for name, value in pairs(more) do message[name] = value end
        return message
      end
      local messages = sound {
        7, "text", {}, whole, but { Body = 7 }, but { MessageId = {} }, but { Attributes = 7 },
        but { MessageAttributes = "x" },
        but { MessageAttributes = { a = 7, b = {}, c = { DataType = 1, StringValue = "x" } } },
        but {
          Attributes = { SentTimestamp = {}, MessageGroupId = 7, ApproximateReceiveCount = "many" },
        },
      }
      assert.are.equal(5, #messages)
      assert.are.equal(5, #corrupt)
      assert.are.same({ {}, {}, {}, {}, {} },
      { messages[1].attributes, messages[2].attributes, messages[3].attributes,
        messages[4].attributes, messages[5].attributes })
      assert.are.same({ 1, nil, nil },
        { messages[5].receives, messages[5].sent, messages[5].group })
      assert.are.same({}, sound "none")
    end)

    it("counts its requests, those that were repeated too", task(function()
      local queue = watched()
      proxy:add { kind = "status", operation = "GetQueueAttributes", count = 1 }
      assert(queue:counts())
      assert.are.equal(2, queue:api_calls())
    end))
  end)

  describe("a FIFO receive", function()
    it("asks for one message, with an attempt id of its own each time", task(function()
      local queue = watched { fifo = true }
      assert(queue:receive(10, 0, 30))
      assert(queue:receive(10, 0, 30))
      local first, second = table.unpack(proxy:log "ReceiveMessage")
      first, second = cjson.decode(first.request), cjson.decode(second.request)
      assert.are.equal(1, first.MaxNumberOfMessages)
      assert.is_string(first.ReceiveRequestAttemptId)
      assert.are_not.equal(first.ReceiveRequestAttemptId, second.ReceiveRequestAttemptId)
    end))

    it("whose answer was lost is asked for again with the same attempt id", task(function()
      local queue = watched { fifo = true }
      -- as often as a call is tried
      proxy:add { kind = "applied-status", operation = "ReceiveMessage", count = 3 }
      assert.is_nil(queue:receive(1, 0, 30))
      assert(queue:receive(1, 0, 30))
      assert(queue:receive(1, 0, 30))
      local ids = {}
      for index, call in ipairs(proxy:log "ReceiveMessage") do
        ids[index] = cjson.decode(call.request).ReceiveRequestAttemptId
      end
      assert.are.equal(5, #ids)
      assert.are.same({ ids[1], ids[1], ids[1] }, { ids[2], ids[3], ids[4] })
      assert.are_not.equal(ids[1], ids[5])
    end))
  end)

  describe("a permission that is missing", function()
    local function queue_of(action, implicitly)
      return assert(sqs.open(account:queue(), {
        client = account:client("sqs", { credentials = account:user(action, implicitly) }),
      }))
    end

    -- By IAM's own words for why it is missing: with what to do about it.
    local WHY = {
      [true] = { advice = "add the action to the role's policy",
        words = "because no identity-based policy allows the sqs:%s action" },
      [false] = { words = "with an explicit deny in an identity-based policy",
        advice = "a statement of the identity-based policy denies it, and no other can allow it" },
    }

    local function expected(operation, name, why)
      local action = operation:lower()
      return ("the credentials do not allow 'sqs:%s' on %s: %s; AWS says: "
        .. "User: arn:aws:iam::123456789012:user/U is not authorized to perform: sqs:%s on "
        .. "resource: arn:aws:sqs:eu-west-1:123456789012:%s " .. why.words
        .. " (AccessDeniedException, HTTP 403, request R)"):format(operation, name, why.advice,
          action, name:match "[^/]+$", action)
    end

    it("is named by its action when the queue is checked, with AWS's words", task(function()
      for _, operation in ipairs { "DeleteMessage", "ChangeMessageVisibility" } do
        for implicitly, why in pairs(WHY) do
          local queue = queue_of("sqs:" .. operation, implicitly and not local_aws.is_moto())
          local ok, err, code = queue:check()
          assert.are.same({ "nil", "NotAllowed" }, { tostring(ok), code })
          if not local_aws.is_moto() then
            assert.are.equal(expected(operation, queue.name, why),
              (err:gsub("user/user%-%d+", "user/U"):gsub("request [%x-]+", "request R")))
          end
        end
      end
    end))

    it("is named when it is needed", task(function()
      local ok, err, code = queue_of "sqs:ReceiveMessage":receive(1, 0)
      assert.are.same({ "nil", "NotAllowed" }, { tostring(ok), code })
      assert.matches("'sqs:ReceiveMessage'", err)
      ok, err, code = queue_of "sqs:SendMessage":send { { body = "x" } }
      assert.are.same({ "nil", "NotAllowed" }, { tostring(ok), code })
      assert.matches("'sqs:SendMessage'", err)
    end))

    it("to read the queue's attributes is only a warning", task(function()
      local queue = queue_of "sqs:GetQueueAttributes"
      assert.is_true(queue:check())
      assert.matches("'sqs:GetQueueAttributes'.*%-%-drain does not work", queue.warning)
      assert.are.equal("NotAllowed", select(3, queue:counts()))
    end))
  end)
end)

describe("the URL of an SQS queue", function()
  local HOST = "https://sqs.eu-west-1.amazonaws.com"

  -- Behind a slash the name of a FIFO queue was not seen to be one.
  it("has one form, whatever stands behind it", function()
    for _, tail in ipairs { "", "/", "//", "\n", "/\r\n" } do
      local queue = assert(open_queue(HOST .. "/123456789012/jobs.fifo" .. tail))
      assert.are.same({ HOST .. "/123456789012/jobs.fifo", true }, { queue.name, queue.fifo })
    end
    assert.is_false(assert(open_queue(HOST .. "/123456789012/jobs.fifo-2/")).fifo)
  end)

  it("is refused where it is none, before anything is sent", function()
    for url, wanted in pairs {
      [HOST] = "expected sqlite:FILE", [HOST .. "/"] = "expected", [HOST .. "/jobs"] = "expected",
      [HOST .. "/1/2/3"] = "expected", [HOST .. "//123456789012/jobs"] = "expected",
      [HOST .. "/123456789012/jobs?x=1"] = "no '?'", [HOST .. "/123456789012/jobs#x"] = "no '#'",
      ["https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1#/queues"] = "console",
      ["arn:aws:sqs:eu-west-1:123456789012:jobs"] = "expected", [HOST .. "/a b/jobs"] = "expected",
    } do
      local queue, err, code = open_queue(url)
      assert.are.same({ nil, "Usage" }, { queue, code }, url)
      assert.is_truthy(err:find(wanted, 1, true), err)
    end
    assert(open_queue "http://localhost:4566/queue/jobs")
    assert(open_queue "https://queue.amazonaws.com/80398EXAMPLE/MyQueue")
  end)
end)

describe("an answer of SQS", function()
  local scripted

  setup(function() scripted = server.start("python3", "spec/support/scripted.py") end)
  teardown(function() scripted:close() end)

  local function queue_told(messages, on_corrupt)
    local script = cjson.encode { { body = cjson.encode { Messages = messages } } }
    assert(assert(http.request { method = "PUT", url = scripted.url .. "/script",
      body = script }).status == 200)
    local client = require "watchbot.aws"("sqs",
      { region = "eu-west-1", endpoint = scripted.url, credentials = false,
      getenv = function() end })
    return assert(sqs.open("https://sqs.eu-west-1.amazonaws.com/1/jobs", {
      client = client, on_corrupt = on_corrupt,
    }))
  end

  it("is not handed out where a body does not match its MD5; the others are", task(function()
    local corrupt = {}
    local queue = queue_told({
      {
        MessageId = "good", ReceiptHandle = "r1", Body = "hello",
        MD5OfBody = "5d41402abc4b2a76b9719d911017c592",
      },
      {
        MessageId = "cut", ReceiptHandle = "r2", Body = "hell",
        MD5OfBody = "5d41402abc4b2a76b9719d911017c592",
      },
      {
        MessageId = "bodiless", ReceiptHandle = "r3",
        MD5OfBody = "5d41402abc4b2a76b9719d911017c592",
      },
    }, function(id) corrupt[#corrupt + 1] = id end)
    local messages = assert(queue:receive(10, 0))
    assert.are.equal(1, #messages)
    assert.are.equal("good", messages[1].id)
    assert.are.equal(1, messages[1].receives)
    assert.are.same({ "cut", "bodiless" }, corrupt)
  end))

  -- On a machine whose OpenSSL keeps to FIPS every message was corrupt, and ended as a dead letter.
  it("is handed out where there is no MD5, and that is said once", task(function()
    local aws = require "watchbot.core".aws
    local md5, said = aws.md5, {}
    aws.md5 = function() return nil, "OpenSSL does not offer MD5 here", "Unsupported" end
    local restore <close> = setmetatable({}, { __close = function() aws.md5 = md5 end })
    assert.is_table(restore)
    local queue = queue_told {
      {
        MessageId = "good", ReceiptHandle = "r1", Body = "hello",
        MD5OfBody = "5d41402abc4b2a76b9719d911017c592",
      },
      {
        MessageId = "odd", ReceiptHandle = "r2", Body = "hell",
        MD5OfBody = "5d41402abc4b2a76b9719d911017c592",
      },
    }
    queue.client.warn = function(text) said[#said + 1] = text end
    assert.are.equal(2, #assert(queue:receive(10, 0)))
    assert.are.same({ "the MD5 of received messages is not checked: OpenSSL does not offer MD5 "
      .. "here" }, said)
  end))

  it("without messages is an empty one", task(function()
    assert.are.same({}, assert(queue_told(nil):receive(10, 0)))
  end))
end)
