local cjson = require "cjson"
local job = require "watchbot.message.job"

local function message(fields)
  local base = {
    id = "e2c045cc", body = "hello", receives = 2, sent = 1469664757000,
    first_received = 1469664758123, attributes = {},
  }
  for name, value in pairs(fields or {}) do base[name] = value end
  return base
end

describe("job", function()
  it("gives a task the six variables, timestamps as ISO 8601", function()
    local one = job.new(message { subject = "resize" })
    assert.are.same({
      Subject = "resize", Message = "hello", MessageId = "e2c045cc",
      SentTimestamp = "2016-07-28T00:12:37.000Z",
      ApproximateFirstReceiveTimestamp = "2016-07-28T00:12:38.123Z", ApproximateReceiveCount = "2",
    }, one:variables "iso")
  end)

  it("or as milliseconds", function()
    local variables = job.new(message()):variables "epoch"
    assert.are.equal("1469664757000", variables.SentTimestamp)
    assert.are.equal("1469664758123", variables.ApproximateFirstReceiveTimestamp)
    assert.is_nil(variables.Subject)
  end)

  it("hands over group and attributes where there are any", function()
    local variables =
      job.new(message { group = "g",
      attributes = { a = { type = "String", value = "1" } } }):variables "iso"
    assert.are.equal("g", variables.MessageGroupId)
    assert.are.same({ a = { Type = "String", Value = "1" } },
      cjson.decode(variables.MessageAttributes))
  end)

  -- A task's variables must hold a valid trace, and nothing else that a sender wrote there.
  it("hands over the trace, of its attributes, of its envelope, or of X-Ray", function()
    local parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    local header = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"
    local attributes = {
      traceparent = { type = "String", value = parent },
      tracestate = { type = "String", value = "a=1, b=2" },
      baggage = { type = "String", value = "k = v" },
    }
    local enveloped = {}
    for name, one in pairs(attributes) do
      enveloped[name] = { Type = one.type, Value = one.value }
    end
    for _, fields in ipairs {
      { attributes = attributes },
      { body = cjson.encode { Type = "Notification", TopicArn = "t", Message = "m",
        MessageAttributes = enveloped } },
      { trace = header },
    } do
      local one = job.new(message(fields))
      local variables = one:variables "iso"
      assert.are.equal(parent, variables.TRACEPARENT)
      assert.are.equal(header, variables._X_AMZN_TRACE_ID)
      assert.are.equal(not fields.trace and "a=1,b=2" or nil, variables.TRACESTATE)
      assert.are.equal(not fields.trace and "k=v" or nil, variables.BAGGAGE)
      assert.are.equal(parent, one.trace.traceparent)
    end
  end)

  it("has no trace of a message without one, or with nonsense", function()
    local nonsense = { type = "String", value = "x\nLD_PRELOAD=/evil.so\0" }
    for _, fields in ipairs {
      {}, { attributes = { traceparent = nonsense, tracestate = nonsense, baggage = nonsense } },
      { trace = nonsense.value },
    } do
      local one = job.new(message(fields))
      local variables = one:variables "iso"
      assert.is_nil(one.trace)
      for _, name in ipairs { "TRACEPARENT", "TRACESTATE", "BAGGAGE", "_X_AMZN_TRACE_ID" } do
        assert.is_nil(variables[name])
      end
    end
  end)

  -- Looking at a dead letter changed it: it was replayed with the attributes of SNS's envelope.
  it("leaves the message as it is, whatever is in its envelope", function()
    local body = cjson.encode {
      Type = "Notification", TopicArn = "arn:aws:sns:eu-west-1:1:t", Message = "inside",
      MessageAttributes = {
        a = { Type = "String", Value = "of the envelope" }, b = { Type = "String", Value = "x" },
      },
    }
    local one = message { body = body, attributes = { a = { type = "String", value = "its own" } } }
    assert.are.equal("of the envelope", job.new(one).attributes.a.value)
    assert.are.same({ a = { type = "String", value = "its own" } }, one.attributes)
    assert.are.equal(body, one.body)
  end)

  -- One envelope whose attribute had a Type that was no string ended `dead-letter list --json`.
  it("takes an attribute of an envelope whose type makes no sense for a String", function()
    for _, kind in ipairs { 7, true, {}, cjson.null } do
      local one = job.new(message { body = cjson.encode {
        Type = "Notification", TopicArn = "t", Message = "m", MessageAttributes = {
          good = { Type = kind, Value = "x" }, bad = { Type = "String", Value = 7 }, worse = 7,
        },
      } })
      assert.are.same({ good = { type = "String", value = "x" } }, one.attributes)
      assert.is_string(one:attributes_json())
    end
  end)

  -- Linux takes no environment string of more: the task could not be started at all.
  it("leaves out what an environment string cannot hold", function()
    local long = ("x"):rep(131072)
    local one = job.new(message {
      subject = long, attributes = { a = { type = "String", value = long } },
    })
    local variables = one:variables "iso"
    assert.is_nil(variables.Subject)
    assert.is_nil(variables.MessageAttributes)
    assert.are.equal("hello", variables.Message)
  end)

  it("knows its last attempt", function()
    assert.is_false(job.new(message(), 3).last)
    assert.is_true(job.new(message { receives = 3 }, 3).last)
    assert.is_false(job.new(message { receives = 99 }).last)
  end)
end)

describe("an SNS envelope", function()
  local envelope = {
    Type = "Notification", MessageId = "sns-id",
    TopicArn = "arn:aws:sns:eu-west-1:123456789012:topic", Message = "tile 7",
    Timestamp = "2016-07-28T00:12:37.000Z",
  }

  it("is unwrapped with a Subject", function()
    envelope.Subject = "render"
    local one = job.new(message { body = cjson.encode(envelope) })
    assert.are.equal("tile 7", one.message)
    assert.are.equal("render", one.subject)
    assert.are.equal("e2c045cc", one.id)
  end)

  it("is unwrapped without one: ecs-watchbot did not, and its tasks got JSON", function()
    envelope.Subject = nil
    local one = job.new(message { body = cjson.encode(envelope) })
    assert.are.equal("tile 7", one.message)
    assert.is_nil(one.subject)
    envelope.Subject = cjson.null
    one = job.new(message { body = cjson.encode(envelope) })
    assert.are.equal("tile 7", one.message)
    assert.is_nil(one.subject)
    envelope.Subject = nil
  end)

  it("brings its attributes", function()
    envelope.MessageAttributes = { zoom = { Type = "Number", Value = "7" } }
    local one = job.new(message { body = cjson.encode(envelope) })
    assert.are.same({ zoom = { type = "Number", value = "7" } }, one.attributes)
    envelope.MessageAttributes = nil
  end)

  it("is told by its shape: what only looks like one stays as it is", function()
    for _, body in ipairs {
      '{"Type":"Notification","Message":"x"}', '{"TopicArn":"arn","Message":"x"}',
        '{"Subject":"s","Message":"m"}',
      '{"Type":"Notification","TopicArn":"arn","Message":7}',
        '{"Type":"Notification","TopicArn":"arn"', "[]", "",
      '["TopicArn"]', '{"Type":"SubscriptionConfirmation","TopicArn":"arn","Message":"confirm"}',
    } do
      assert.are.equal(body, job.new(message { body = body }).message)
    end
  end)
end)

describe("a message that the environment cannot hold", function()
  it("is one of more than 131063 bytes, or with a NUL", function()
    assert.is_true(job.new(message { body = ("x"):rep(131063) }):fits_environment())
    assert.is_false(job.new(message { body = ("x"):rep(131064) }):fits_environment())
    assert.is_false(job.new(message { body = "a\0b" }):fits_environment())
  end)

  it("is not in the variables", function()
    assert.is_nil(job.new(message { body = "a\0b" }):variables("iso").Message)
  end)
end)
