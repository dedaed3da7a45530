local ids = require "watchbot.otlp.ids"
local w3c = require "watchbot.trace.w3c"

describe("otlp.ids", function()
  it("makes ids that are valid, and never twice", function()
    local seen = {}
    for _ = 1, 5000 do
      local trace, span = ids.trace(1469664757000), ids.span()
      assert.is_true(w3c.is_trace_id(trace))
      assert.is_true(w3c.is_span_id(span))
      assert.is_nil(seen[trace] or seen[span])
      seen[trace], seen[span] = true, true
    end
  end)

  -- AWS X-Ray reads the time of a trace in its id.
  it("begins the id of a trace with its second", function()
    assert.are.equal(("%08x"):format(1469664757), ids.trace(1469664757123):sub(1, 8))
  end)
end)
