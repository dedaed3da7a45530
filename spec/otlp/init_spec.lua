local collector = require "support.collector"
local otlp = require "watchbot.otlp"
local scheduler = require "watchbot.scheduler"
local supervise = require "watchbot.lib.supervise"

local function task(body)
  return function() scheduler.run(body) end
end

-- An exporter with a journal that keeps its lines.
local function open(variables)
  local lines = {}
  local journal = { warning = function(_, _, ...) lines[#lines + 1] = { ... } end }
  local exporter = otlp.open(function(name) return variables[name] end, journal)
  return exporter, lines
end

local function start(exporter, snapshot)
  exporter:start(function(name, body, ...)
    return supervise(name, function(_, err) error(err) end, body, ...)
  end, snapshot)
end

local function measured()
  return {
    time = 2000, started = 1000,
    { name = "watchbot_jobs_total", kind = "counter", unit = "", help = "Jobs.",
      { labels = { { "outcome", "retry" } }, value = 2 } },
    { name = "watchbot_run_seconds", kind = "histogram", unit = "seconds", help = "Run.",
      { labels = {}, sum = 3.5, bounds = { 1, 2, math.huge }, counts = { 4, 0, 1 } } },
  }
end

describe("otlp", function()
  local collected

  setup(function() collected = collector.start() end)
  teardown(function() collected:close() end)

  before_each(task(function() collected:received() end))

  it("is nothing without its variables", function()
    local exporter, lines = open {}
    assert.is_nil(exporter)
    assert.are.same({}, lines)
  end)

  it("says what makes no sense", function()
    local _, lines = open { OTEL_EXPORTER_OTLP_ENDPOINT = "nonsense" }
    assert.matches("OTEL_EXPORTER_OTLP_ENDPOINT", lines[1][2])
  end)

  it("sends AWS X-Ray no metrics, and says so", function()
    local exporter, lines = open {
      OTEL_EXPORTER_OTLP_ENDPOINT = "https://xray.eu-west-1.amazonaws.com",
    }
    assert.is_false(exporter:wants_metrics())
    assert.matches("X%-Ray takes spans only", lines[1][2])
  end)

  it("exports metrics at each interval and at the end, cumulative", task(function()
    local exporter, lines = open {
      OTEL_EXPORTER_OTLP_ENDPOINT = collected.url, OTEL_METRIC_EXPORT_INTERVAL = "20",
      OTEL_SERVICE_NAME = "tiles",
    }
    start(exporter, measured)
    local until_time, requests = scheduler.now() + 30, {}
    while #requests < 2 do
      assert(scheduler.now() < until_time)
      scheduler.sleep(0.01)
      for _, one in ipairs(collected:received()) do requests[#requests + 1] = one end
    end
    exporter:close()
    for _, one in ipairs(requests) do
      assert.are.same({ "/v1/metrics", {} }, { one.path, one.problems })
    end
    local metrics = requests[1].request.resourceMetrics[1].scopeMetrics[1].metrics
    assert.are.same({ 2, true }, { metrics[1].sum.aggregationTemporality,
      metrics[1].sum.isMonotonic })
    assert.are.equal("s", metrics[2].unit)
    assert.are.same({}, lines)
  end))

  it("exports the last metrics at the end, within its bound", task(function()
    local exporter = open { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT = collected.url .. "/v1/metrics" }
    start(exporter, measured)
    exporter:close()
    assert.are.equal(1, #collected:received())
    exporter = open { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT = collected.url .. "/v1/metrics" }
    start(exporter, measured)
    collected:script { delay = 30, for_ever = true }
    local began = scheduler.now()
    exporter:close()
    assert.is_true(scheduler.now() - began < 25)
    collected:script()
  end))

  it("has one instance for all that it exports, and what the environment says of it",
    task(function()
      local exporter = open {
        OTEL_EXPORTER_OTLP_ENDPOINT = collected.url,
        OTEL_RESOURCE_ATTRIBUTES = "service.instance.id=mine,team=a b",
      }
      local found = {}
      for _, one in ipairs(exporter.resource) do
        assert.is_nil(found[one.key])
        found[one.key] = one.value.stringValue
      end
      assert.are.same({ "watchbot", "mine", "a b", "watchbot", "lua" }, {
        found["service.name"], found["service.instance.id"], found.team,
        found["telemetry.sdk.name"], found["telemetry.sdk.language"],
      })
    end))
end)
