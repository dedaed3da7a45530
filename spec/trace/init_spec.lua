local trace = require "watchbot.trace"

local TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
local PARENT = ("00-%s-%s-01"):format(TRACE, SPAN)
local ROOT = "1-5759e988-bd862e3fe1be46a994272793"
local HEADER = ("Root=%s;Parent=53995c3f42cd8ad8;Sampled=1"):format(ROOT)

local function text(value) return { type = "String", value = value } end

describe("trace", function()
  it("reads a message's attributes before the header of X-Ray, which follows from them", function()
    local one = trace.of_message({
      traceparent = text(PARENT), tracestate = text "a=1", baggage = text "k=v",
    }, HEADER)
    assert.are.same({
      trace_id = TRACE, span_id = SPAN, sampled = true, traceparent = PARENT, tracestate = "a=1",
      baggage = "k=v", xray = ("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=%s;Sampled=1")
        :format(SPAN),
    }, one)
  end)

  it("takes the header where there is no valid traceparent", function()
    for _, attributes in ipairs {
      {}, { traceparent = text "junk", tracestate = text "a=1" },
      { traceparent = { type = "Binary", value = PARENT } },
    } do
      local one = trace.of_message(attributes, HEADER)
      assert.are.equal("00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01", one.traceparent)
      assert.are.equal(HEADER, one.xray)
      assert.is_nil(one.tracestate)
    end
  end)

  it("has no traceparent of a header without a parent, and knows what is undecided", function()
    local one = trace.of_message({}, "Root=" .. ROOT)
    assert.are.same({ trace_id = "5759e988bd862e3fe1be46a994272793", xray = "Root=" .. ROOT }, one)
    one = trace.of_message({}, ("Root=%s;Parent=53995c3f42cd8ad8;Sampled=?"):format(ROOT))
    assert.is_nil(one.sampled)
    assert.matches("%-00$", one.traceparent)
  end)

  it("hands baggage on without a trace, and nothing of nothing", function()
    assert.are.same({ baggage = "a=1" }, trace.of_message { baggage = text "a = 1" })
    assert.is_nil(trace.of_message({ traceparent = text "", baggage = text "a\nb=1" }, "x"))
    assert.is_nil(trace.of_message {})
  end)

  it("reads the environment of a program", function()
    local variables = { TRACEPARENT = PARENT, TRACESTATE = "a=1", BAGGAGE = "k=v" }
    local one = trace.of_environment(function(name) return variables[name] end)
    assert.are.equal(PARENT, one.traceparent)
    assert.are.equal("a=1", one.tracestate)
    assert.is_nil(trace.of_environment(function() end))
  end)

  it("goes on at another span: the state with its trace only, baggage always", function()
    local before = trace.read { traceparent = PARENT, tracestate = "a=1", baggage = "k=v" }
    local one = trace.at_span(before, TRACE, "53995c3f42cd8ad8", false)
    assert.are.equal(("00-%s-53995c3f42cd8ad8-00"):format(TRACE), one.traceparent)
    assert.are.equal("a=1", one.tracestate)
    assert.are.equal("k=v", one.baggage)
    one = trace.at_span(before, ("a"):rep(32), SPAN, true)
    assert.is_nil(one.tracestate)
    assert.are.equal("k=v", one.baggage)
    assert.is_nil(trace.at_span(nil, TRACE, SPAN, true).baggage)
  end)
end)
