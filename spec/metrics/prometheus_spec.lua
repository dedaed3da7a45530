-- The two text formats, by their specifications:
-- https://prometheus.io/docs/instrumenting/exposition_formats/
-- https://prometheus.io/docs/specs/om/open_metrics_spec/
local prometheus = require "watchbot.metrics.prometheus"

local SNAPSHOT = {
  time = 0, started = 0,
  { name = "a_total", kind = "counter", unit = "", help = "A \\ and\nmore \"quoted\".",
    { labels = { { "why", 'say "x"\\\n' } }, value = 3 } },
  { name = "b_seconds", kind = "gauge", unit = "seconds", help = "B.",
    { labels = {}, value = 0.1 }, { labels = { { "x", "1" } }, value = 1e300 } },
  { name = "c_seconds", kind = "histogram", unit = "seconds", help = "C.",
    { labels = { { "q", "z" } }, bounds = { 0.5, 1, math.huge }, counts = { 1, 2, 3 }, count = 6,
      sum = 12.5 } },
}

describe("the Prometheus text", function()
  it("is version 0.0.4", function()
    assert.are.equal([[
# HELP a_total A \\ and\nmore "quoted".
# TYPE a_total counter
a_total{why="say \"x\"\\\n"} 3
# HELP b_seconds B.
# TYPE b_seconds gauge
b_seconds 0.1
b_seconds{x="1"} 1e+300
# HELP c_seconds C.
# TYPE c_seconds histogram
c_seconds_bucket{q="z",le="0.5"} 1
c_seconds_bucket{q="z",le="1.0"} 3
c_seconds_bucket{q="z",le="+Inf"} 6
c_seconds_sum{q="z"} 12.5
c_seconds_count{q="z"} 6
]], prometheus.text(SNAPSHOT))
  end)

  it("is OpenMetrics 1.0 with the family's name, its unit and an end", function()
    local text = prometheus.text(SNAPSHOT, true)
    assert.matches([[^# HELP a A \\ and\nmore \"quoted\".
# TYPE a counter
a_total{]], text)
    assert.is_truthy(text:find("# TYPE b_seconds gauge\n# UNIT b_seconds seconds\n", 1, true))
    assert.matches("c_seconds_count{q=\"z\"} 6\n# EOF\n$", text)
  end)

  it("keeps every digit of a number", function()
    local function shown(value)
      return prometheus.text { { name = "x", kind = "gauge", unit = "", help = "X.",
        { labels = {}, value = value } } }:match "\nx ([^\n]+)\n$"
    end
    assert.are.same({ "9007199254740993", "0.1", "1795860155.1699953", "+Inf", "-Inf", "NaN" }, {
      shown(9007199254740993), shown(0.1), shown(1795860155.1699953), shown(math.huge),
      shown(-math.huge), shown(0 / 0),
    })
  end)
end)

describe("the form of /metrics", function()
  it("is OpenMetrics where the client prefers that", function()
    for accept, open in pairs {
      [""] = false, ["*/*"] = false, ["text/plain"] = false, ["text/html, */*;q=0.1"] = false,
      ["application/openmetrics-text"] = true,
      ["Application/OpenMetrics-Text; version=1.0.0; charset=utf-8"] = true,
      ["application/openmetrics-text;version=2.0.0"] = false,
      ["application/openmetrics-text;q=0"] = false,
      ["text/plain;q=0.9, application/openmetrics-text;q=0.5"] = false,
      ["text/plain;q=0.5, application/openmetrics-text;q=0.5"] = true,
      -- What Prometheus 2.42 and 2.53 send.
      ["application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        .. "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"] = true,
      ["application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;"
        .. "version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"] = true,
    } do
      assert.are.equal(open, prometheus.wants_open(accept), accept)
    end
    assert.is_false(prometheus.wants_open(nil))
  end)
end)
