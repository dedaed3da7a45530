local received = require "watchbot.queue.sqs.received"
local sqs = require "watchbot.queue.sqs"

describe("an answer with messages", function()
  local corrupt

  local function messages(list)
    corrupt = 0
    return received.messages(list, nil, function() corrupt = corrupt + 1 end)
  end

  local function one(more)
    local message = { MessageId = "m", ReceiptHandle = "r", Body = "b" }
    for name, value in pairs(more) do message[name] = value end
    return messages { message }[1]
  end

  -- An endpoint that writes the MD5 in capitals, or none, had each message dead as corrupt.
  it("is checked by an MD5, and by nothing else", function()
    assert.is_truthy(one { MD5OfBody = "92eb5ffee6ae2fec3ad71c777531578f" })
    assert.is_truthy(one { MD5OfBody = "92EB5FFEE6AE2FEC3AD71C777531578F" })
    for _, unknown in ipairs { "", "none", 5, {}, ("x"):rep(32), ("a"):rep(64) } do
      assert.is_truthy(one { MD5OfBody = unknown })
    end
    assert.is_nil(one { MD5OfBody = ("a"):rep(32) })
    assert.are.equal(1, corrupt)
  end)

  it("has messages that can be deleted again", function()
    for _, wrong in ipairs {
      { MessageId = "" }, { ReceiptHandle = "" }, { Body = 5 }, { MessageId = {} },
      { ReceiptHandle = false },
    } do
      assert.is_nil(one(wrong))
      assert.are.equal(1, corrupt)
    end
    assert.are.equal("", one { Body = "" }.body)
    for _, odd in ipairs { "x", 5, { a = 1 }, {} } do assert.are.same({}, messages(odd)) end
    assert.are.same({}, messages { 1, "a", true, {} })
  end)

  it("counts receives from 1, whatever it says", function()
    for _, count in ipairs { "0", "-3", "x", "1e400", "nan", {}, 0.5 } do
      assert.are.equal(1, one { Attributes = { ApproximateReceiveCount = count } }.receives)
    end
    assert.are.equal(7, one { Attributes = { ApproximateReceiveCount = "7" } }.receives)
    local odd = one { Attributes = { SentTimestamp = "9e99", MessageGroupId = 7 } }
    assert.are.same({ nil, nil }, { odd.sent, odd.group })
  end)
end)

-- An answer `{}` was zero messages: `run --drain` ended with "the queue is empty".
it("an answer without the number of messages is a failure, not an empty queue", function()
  for _, answer in ipairs {
    {}, { Attributes = {} }, { Attributes = "x" }, { Attributes = { QueueArn = "a" } },
    { Attributes = { ApproximateNumberOfMessages = "many" } },
    { Attributes = { ApproximateNumberOfMessages = 1.5 } },
  } do
    local client = { GetQueueAttributes = function() return answer end }
    local queue = assert(sqs.open("https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
      { client = client }))
    local counts, err, code = queue:counts()
    assert.are.same({ nil, "BadAnswer" }, { counts, code })
    assert.matches("the answer has no number of messages", err)
  end
end)
