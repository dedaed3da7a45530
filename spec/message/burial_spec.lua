local burial = require "watchbot.message.burial"

local QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"

local function text(value) return { type = "String", value = value } end

local function message(more)
  local one = { id = "id-1", body = "body", sent = 1469664757123, attributes = { Zoom = text "7" } }
  for name, value in pairs(more or {}) do one[name] = value end
  return one
end

-- As it is received from the dead-letter queue.
local function letter_of(one, reason)
  return {
    id = "id-2", body = one.body, sent = 1469664760000,
    attributes = (burial.mark(one, reason, QUEUE)),
  }
end

describe("a buried message", function()
  it("has its reason, id, time and queue as attributes, and loses them again", function()
    local one = message()
    local all, note = burial.mark(one, "no such tile", QUEUE)
    assert.is_nil(note)
    assert.are.same({
      Zoom = text "7", watchbot_reason = text "no such tile", watchbot_message_id = text "id-1",
      watchbot_sent = { type = "Number", value = "1469664757123" }, watchbot_queue = text(QUEUE),
    }, all)
    assert.are.same({ Zoom = text "7" }, one.attributes, "the message itself is as it was")
    local letter = burial.open(letter_of(one, "no such tile"))
    assert.are.same({
      id = "id-1", key = "id-2", body = "body", sent = 1469664757123, died = 1469664760000,
      attributes = { Zoom = text "7" }, reason = "no such tile", home = QUEUE,
    }, letter)
  end)

  it("keeps the deduplication id that its sender gave it", function()
    local letter = burial.open(letter_of(message { deduplication = "order-7" }, "why"))
    assert.are.equal("order-7", letter.deduplication)
  end)

  -- The members of a trace matter less than why a message was buried, and from which queue.
  it("makes room by its baggage, and says so", function()
    local attributes = { baggage = text "k=v" }
    for index = 1, 6 do attributes["a" .. index] = text "x" end
    local all, note = burial.mark(message { attributes = attributes }, "why", QUEUE)
    assert.is_nil(all.baggage)
    assert.are.equal(QUEUE, all.watchbot_queue.value)
    assert.matches("without baggage: SQS", note)
    assert.are.equal("k=v", attributes.baggage.value)
    attributes.baggage = text "two suitcases"
    all, note = burial.mark(message { attributes = attributes }, "why", QUEUE)
    assert.are.equal("two suitcases", all.baggage.value)
    assert.matches("without watchbot_queue: SQS", note)
    attributes = { baggage = text "k=v", traceparent = text "t" }
    all, note = burial.mark(message { attributes = attributes }, "why", QUEUE)
    assert.are.same({ "k=v", "t" }, { all.baggage.value, all.traceparent.value })
    assert.is_nil(note)
  end)

  -- SQS refuses a message of more than ten attributes.
  it("goes without what has no room, and says so, the reason last", function()
    for count, expected in pairs { [6] = "", [7] = "watchbot_queue",
      [9] = "watchbot_message_id, watchbot_sent, "
      .. "watchbot_queue",
        [10] = "watchbot_reason, watchbot_message_id, watchbot_sent, watchbot_queue" } do
      local attributes = {}
      for index = 1, count do attributes["a" .. index] = text "x" end
      local all, note = burial.mark(message { attributes = attributes }, "why", QUEUE)
      local number = 0
      for _ in pairs(all) do number = number + 1 end
      assert.are.equal(10, number)
      assert.are.equal(expected, note and note:match "without (.-):" or "")
    end
    local large = message { body = ("x"):rep(1024 * 1024 - 60), attributes = {} }
    local all, note = burial.mark(large, "why", QUEUE)
    assert.are.same({ watchbot_reason = text "why", watchbot_message_id = text "id-1" }, all)
    assert.matches("without watchbot_sent, watchbot_queue: SQS takes 10 attributes and 1048576 "
      .. "bytes", note)
  end)

  it("has a reason of one short line that SQS takes", function()
    local all = burial.mark(message(), "a\nb\0c\xff" .. ("x"):rep(5000) .. "\u{FFFE}", QUEUE)
    local value = all.watchbot_reason.value
    assert.is_true(#value <= 1024)
    assert.is_truthy(utf8.len(value))
    assert.is_nil(value:find "[%z\1-\31]")
    assert.are.equal("a?b", burial.mark(message(), "a\u{FFFE}b", QUEUE).watchbot_reason.value)
    assert.is_nil(burial.mark(message(), "", QUEUE).watchbot_reason)
    assert.is_nil(burial.mark(message(), nil, QUEUE).watchbot_reason)
  end)

  it("that is buried again has the newest reason and id", function()
    local again = message { id = "id-3" }
    again.attributes = letter_of(message(), "first").attributes
    local letter = burial.open(letter_of(again, "second"))
    assert.are.same({ "second", "id-3" }, { letter.reason, letter.id })
  end)

  -- Anybody who may send can write such attributes; SQS names the source only of what it has moved.
  it("is not told by attributes that its sender wrote", function()
    local forged = letter_of(message(), "forged")
    forged.source = "arn:aws:sqs:eu-west-1:123456789012:jobs"
    assert.are.equal(forged, burial.open(forged))
    assert.are.same({ Zoom = text "7" }, burial.strip(forged.attributes))
  end)
end)
