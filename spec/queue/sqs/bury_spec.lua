-- Burying on moto, over real HTTP, with faults in between.

local cloud = require "support.cloud"
local sqs = require "watchbot.queue.sqs"

local task = cloud.task

describe("burying on SQS", function()
  local account, proxy

  cloud.around(function(...) account, proxy = ... end, "proxy")

  -- A queue behind the fault proxy with one message in flight, and its dead-letter queue.
  local function place(options, outgoing)
    options.max_receives = options.max_receives or 5
    local url, dead_url = account:queue(options)
    local queue = assert(sqs.open(url, {
      client = account:client("sqs", { endpoint = proxy.url }),
    }))
    local dead = assert(sqs.open(dead_url, { client = account:client "sqs" }))
    dead.batch = 10
    assert(queue:send { outgoing or { body = "poison" } }[1].id)
    local message = assert(queue:receive(1, 5, 60))[1]
    proxy:clear()
    return queue, dead, message
  end

  local function operations()
    local names = {}
    for index, call in ipairs(proxy:log()) do names[index] = call.operation end
    return names
  end

  it("sends the message with its attributes and the reason, then deletes it", task(function()
    local attributes = { Zoom = { type = "Number", value = "7" } }
    local queue, dead, message = place({}, { body = "poison", attributes = attributes })
    assert.are.same({ true }, { queue:bury(message.receipt, message, "no such tile") })
    assert.are.same({ "GetQueueAttributes", "SendMessageBatch", "DeleteMessageBatch" },
      operations())
    local letter = assert(dead:receive(1, 5))[1]
    assert.are.same({ "poison", "7", "no such tile", message.id, ("%d"):format(message.sent) }, {
      letter.body, letter.attributes.Zoom.value, letter.attributes.watchbot_reason.value,
      letter.attributes.watchbot_message_id.value, letter.attributes.watchbot_sent.value,
    })
    assert.are.equal(0, account:count(queue.name))
  end))

  -- The message was sent to the queue that it came from, as a new one, and so on without an end.
  it("buries nothing in the queue itself", task(function()
    local queue, _, message = place {}
    local arn = assert(queue:attributes()).QueueArn
    proxy:clear()
    queue.attributes = function()
      return { RedrivePolicy = ('{"deadLetterTargetArn":"%s","maxReceiveCount":5}'):format(arn) }
    end
    local ok, err, code = queue:bury(message.receipt, message, "why")
    assert.are.same({ nil, "NoDeadLetterQueue" }, { ok, code })
    assert.matches("is its own dead%-letter queue", err)
    assert.are.same({}, operations())
  end))

  it("keeps the group of a FIFO queue", task(function()
    local queue, dead, message = place({ fifo = true }, { body = "poison", group = "tiles" })
    assert(queue:bury(message.receipt, message, "why"))
    assert.are.equal("tiles", assert(dead:receive(1, 5))[1].group)
  end))

  -- A delete before the send is confirmed loses the message when the send fails.
  it("deletes nothing before SQS has confirmed the send", task(function()
    local queue, dead, message = place {}
    proxy:add {
      kind = "status", operation = "SendMessageBatch", status = 400, code = "Refused", count = 1,
    }
    local ok, _, code = queue:bury(message.receipt, message, "why")
    assert.are.same({ nil, "Refused" }, { ok, code })
    assert.are.equal(0, #proxy:log "DeleteMessageBatch")
    assert.are.equal(1, account:count(queue.name))
    assert(queue:bury(message.receipt, message, "why"))
    assert.are.same({ 0, 1 }, { account:count(queue.name), account:count(dead.name) })
  end))

  it("sends nothing twice when only the delete has failed", task(function()
    local queue, dead, message = place {}
    proxy:add {
      kind = "status", operation = "DeleteMessageBatch", status = 400, code = "Refused", count = 1,
    }
    local ok, err, code = queue:bury(message.receipt, message, "why")
    assert.are.same({ nil, "Refused" }, { ok, code })
    assert.matches("in the dead%-letter queue, but not deleted here", err)
    assert.are.same({ true }, { queue:bury(message.receipt, message, "why") })
    assert.are.equal(1, #proxy:log "SendMessageBatch")
    assert.are.same({ 0, 1 }, { account:count(queue.name), account:count(dead.name) })
  end))

  it("uses one deduplication id for each message, however often it is tried", task(function()
    local queue, dead, message = place({ fifo = true }, { body = "poison", group = "g" })
    proxy:add { kind = "applied-status", operation = "SendMessageBatch", count = 3 }
    assert.is_nil((queue:bury(message.receipt, message, "why")))
    assert(queue:bury(message.receipt, message, "why"))
    assert.are.same({ 0, 1 }, { account:count(queue.name), account:count(dead.name) })
  end))

  it("says which attributes had no room", task(function()
    local attributes = {}
    for index = 1, 10 do attributes["a" .. index] = { type = "String", value = "x" } end
    local queue, dead, message = place({}, { body = "poison", attributes = attributes })
    local ok, note = queue:bury(message.receipt, message, "why")
    assert.is_true(ok)
    assert.matches("without watchbot_reason, ", note)
    assert.are.same(attributes, assert(dead:receive(1, 5))[1].attributes)
  end))

  it("is refused where there is no dead-letter queue", task(function()
    local url = account:queue()
    local queue = assert(sqs.open(url, { client = account:client "sqs" }))
    assert(queue:send { { body = "x" } }[1].id)
    local message = assert(queue:receive(1, 5, 60))[1]
    local ok, err, code = queue:bury(message.receipt, message, "why")
    assert.are.same({ nil, "NoDeadLetterQueue" }, { ok, code })
    assert.matches("has no dead%-letter queue %(no RedrivePolicy%)", err)
    assert.are.equal(1, account:count(url))
  end))

  it("is refused where the dead-letter queue has been deleted", task(function()
    local queue, dead, message = place {}
    assert(account.sqs:DeleteQueue { QueueUrl = dead.name })
    local ok, _, code = queue:bury(message.receipt, message, "why")
    assert.are.same({ nil, "NoDeadLetterQueue" }, { ok, code })
    assert.are.equal(1, account:count(queue.name))
  end))

  it("names the permission that is missing, and on which queue", task(function()
    local queue, dead, message = place {}
    proxy:add {
      kind = "status", operation = "SendMessageBatch", status = 403, code = "AccessDenied",
      count = 1,
    }
    local ok, err, code = queue:bury(message.receipt, message, "why")
    assert.are.same({ nil, "NotAllowed" }, { ok, code })
    assert.matches("'sqs:SendMessage' on " .. dead.name, err, 1, true)
    proxy:add {
      kind = "status", operation = "GetQueueAttributes", status = 403, code = "AccessDenied",
      count = 1,
    }
    queue.dead = nil
    ok, err, code = queue:bury(message.receipt, message, "why")
    assert.are.same({ nil, "NotAllowed" }, { ok, code })
    assert.matches("'sqs:GetQueueAttributes' on " .. queue.name, err, 1, true)
  end))
end)
