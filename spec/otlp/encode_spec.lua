local cjson = require "cjson"
local encode = require "watchbot.otlp.encode"

local TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

local function span(more)
  local one = {
    name = "process q", kind = encode.CONSUMER, trace_id = TRACE, span_id = SPAN,
    start = encode.time(1000, 0), ends = encode.time(1000, 0.5),
  }
  for name, value in pairs(more or {}) do one[name] = value end
  return cjson.decode(encode.span(one)), encode.span(one)
end

describe("otlp.encode", function()
  it("writes times as nanoseconds in text", function()
    assert.are.equal("1795857600123000000", encode.time(1795857600123, 0))
    assert.are.equal("1795857600123000001", encode.time(1795857600123, 1e-9))
    assert.are.equal("1795857601623000000", encode.time(1795857600123, 1.5))
  end)

  it("writes attributes by their kind, without those that are nil", function()
    assert.are.same({
      { key = "a", value = { stringValue = "x" } }, { key = "b", value = { intValue = "-7" } },
      { key = "c", value = { doubleValue = 0.5 } }, { key = "d", value = { boolValue = false } },
      { key = "f", value = { intValue = "9223372036854775807" } },
    }, encode.attributes("a", "x", "b", -7, "c", 0.5, "d", false, "e", nil, "f", math.maxinteger))
    assert.is_nil(encode.attributes("a", nil))
    assert.is_nil(encode.attributes())
  end)

  it("writes a span with what it has, and nothing else", function()
    assert.are.same({
      traceId = TRACE, spanId = SPAN, flags = 257, name = "process q", kind = 5,
      startTimeUnixNano = "1000000000", endTimeUnixNano = "1500000000",
    }, (span()))
    local whole = span {
      parent = "53995c3f42cd8ad8", remote = true, state = "a=1", error = "exit code 7",
      link = { trace_id = TRACE, span_id = "53995c3f42cd8ad8", tracestate = "a=1", sampled = true },
    }
    assert.are.equal("53995c3f42cd8ad8", whole.parentSpanId)
    assert.are.equal(0x301, whole.flags)
    assert.are.same({ code = 2, message = "exit code 7" }, whole.status)
    assert.are.same({ { traceId = TRACE, spanId = "53995c3f42cd8ad8", traceState = "a=1",
      flags = 0x301 } }, whole.links)
  end)

  -- What a task says of its failure may be anything, and of any length.
  it("writes text of any bytes as UTF-8 of bounded length", function()
    local _, text = span {
      error = ("\xff\0\27"):rep(100000),
      attributes = encode.attributes("a", ("\u{20AC}"):rep(100000), "b", "\xc3"),
    }
    assert.is_truthy(utf8.len(text))
    assert.is_true(#text < 16384)
  end)

  it("puts spans into a request", function()
    local before, behind = encode.spans(encode.attributes("service.name", "w"), "1.2.3")
    local _, one = span()
    local request = cjson.decode(before .. one .. "," .. one .. behind)
    local resource = request.resourceSpans[1]
    assert.are.same({ attributes = { { key = "service.name", value = { stringValue = "w" } } } },
      resource.resource)
    assert.are.same({ name = "watchbot", version = "1.2.3" }, resource.scopeSpans[1].scope)
    assert.are.equal(2, #resource.scopeSpans[1].spans)
  end)

  it("writes counters, gauges and histograms, cumulative since the start", function()
    local request = cjson.decode(encode.metrics({
      time = 2000, started = 1000,
      { name = "jobs_total", kind = "counter", unit = "", help = "Jobs.",
        { labels = { { "outcome", "retry" } }, value = 2 } },
      { name = "age_seconds", kind = "gauge", unit = "seconds", help = "Age.",
        { labels = {}, value = 1.5 } },
      { name = "run_seconds", kind = "histogram", unit = "seconds", help = "Run.",
        { labels = {}, sum = 3, bounds = { 1, 2, math.huge }, counts = { 4, 0, 1 } } },
      { name = "bad", kind = "gauge", unit = "", help = "", { labels = {}, value = 0 / 0 } },
    }, encode.attributes("service.name", "w"), "1"))
    local scope = request.resourceMetrics[1].scopeMetrics[1]
    assert.are.same({
      { name = "jobs_total", unit = "1", description = "Jobs.", sum = {
        aggregationTemporality = 2, isMonotonic = true, dataPoints = { {
          attributes = { { key = "outcome", value = { stringValue = "retry" } } },
          startTimeUnixNano = "1000000000", timeUnixNano = "2000000000", asInt = "2",
        } },
      } },
      { name = "age_seconds", unit = "s", description = "Age.", gauge = { dataPoints = { {
        timeUnixNano = "2000000000", asDouble = 1.5,
      } } } },
      { name = "run_seconds", unit = "s", description = "Run.", histogram = {
        aggregationTemporality = 2, dataPoints = { {
          startTimeUnixNano = "1000000000", timeUnixNano = "2000000000", count = "5", sum = 3,
          bucketCounts = { "4", "0", "1" }, explicitBounds = { 1, 2 },
        } },
      } },
    }, scope.metrics)
    assert.is_nil(encode.metrics({ time = 1, started = 1 }, nil, "1"))
  end)
end)
