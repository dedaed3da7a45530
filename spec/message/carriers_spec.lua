local carriers = require "watchbot.message.carriers"
local trace = require "watchbot.trace"

local PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
local XRAY = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"
local LARGEST = 1024 * 1024

local function text(value) return { type = "String", value = value } end

local here = trace.read { traceparent = PARENT, tracestate = "a=1", baggage = "k=v" }

local function with(count, more)
  local message = { body = "b", attributes = {} }
  for index = 1, count do message.attributes["a" .. index] = text "x" end
  for name, value in pairs(more or {}) do message[name] = value end
  return message
end

local function names(message)
  local found = {}
  for _, name in ipairs(trace.attributes) do
    if message.attributes[name] then found[#found + 1] = name end
  end
  return table.concat(found, " ")
end

describe("the carriers of a message that is sent", function()
  it("are attributes, and the header of X-Ray", function()
    local shared = { zoom = text "7" }
    local message = { body = "b", attributes = shared }
    assert.is_nil(carriers.add(message, here, LARGEST))
    assert.are.same({
      zoom = text "7", traceparent = text(PARENT), tracestate = text "a=1", baggage = text "k=v",
    }, message.attributes)
    assert.are.equal(XRAY, message.trace)
    assert.are.same({ zoom = text "7" }, shared, "the lines of an input share their attributes")
  end)

  -- SQS refuses a message of more than ten attributes: the trace must not be why it is not sent.
  it("have room or are left out, baggage first", function()
    for count, expected in pairs {
      [7] = "traceparent tracestate baggage", [8] = "traceparent tracestate", [9] = "traceparent",
      [10] = "",
    } do
      local message = with(count)
      local left = carriers.add(message, here, LARGEST)
      assert.are.equal(expected, names(message))
      assert.are.equal(count == 7, left == nil)
      assert.are.equal(XRAY, message.trace)
    end
    local one = with(8)
    assert.are.same({ "baggage" }, carriers.add(one, here, LARGEST))
  end)

  it("do not make a message larger than the service takes it", function()
    local message = { body = ("x"):rep(LARGEST - 80) }
    assert.are.same({ "tracestate", "baggage" }, carriers.add(message, here, LARGEST))
    message = { body = ("x"):rep(LARGEST - 60), subject = "s" }
    assert.are.same({ "traceparent", "tracestate", "baggage" },
      carriers.add(message, here, LARGEST))
  end)

  it("are those that the sender names, where it does", function()
    local named = text "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-00"
    local message = { body = "b", attributes = { traceparent = named } }
    carriers.add(message, here, LARGEST)
    assert.are.same({ traceparent = named, baggage = text "k=v" }, message.attributes)
    assert.is_nil(message.trace)
    message = { body = "b", attributes = { baggage = text "mine=1" } }
    carriers.add(message, here, LARGEST)
    assert.are.equal("mine=1", message.attributes.baggage.value)
  end)

  it("know baggage from another attribute of that name", function()
    assert.is_true(carriers.is_baggage(text "k=v"))
    assert.is_false(carriers.is_baggage(text "two suitcases"))
    assert.is_false(carriers.is_baggage { type = "Number", value = "7" })
    assert.is_false(carriers.is_baggage(nil))
  end)
end)
