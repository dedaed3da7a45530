-- The conventions of Prometheus, which promtool checks where it is installed: names that other
-- programs' dashboards know how to read.
local declared = require "watchbot.metrics.table"

describe("the table of metrics", function()
  it("has names by Prometheus's conventions, each once", function()
    local seen = {}
    for _, metric in ipairs(declared) do
      local name = metric.name
      assert.is_nil(seen[name], name)
      seen[name] = true
      assert.matches("^watchbot_[a-z_]+[a-z]$", name)
      assert.are.equal(metric.kind == "counter", name:find "_total$" ~= nil, name)
      assert.is_nil(name:find "_count$" or name:find "_sum$" or name:find "_bucket$", name)
      for _, unit in ipairs { "seconds", "bytes" } do
        assert.are.equal(metric.unit == unit, name:gsub("_total$", ""):find("_" .. unit .. "$")
          ~= nil, name)
      end
    end
  end)

  -- OpenMetrics names a counter without `_total`: another metric must not have that name.
  it("has no two families of one name in OpenMetrics", function()
    local seen = {}
    for _, metric in ipairs(declared) do
      local family = metric.name:gsub("_total$", "")
      assert.is_nil(seen[family], family)
      seen[family] = true
    end
  end)

  it("explains each metric in one sentence", function()
    for _, metric in ipairs(declared) do
      assert.matches("^%u.*[^.]%.$", metric.help, metric.name)
      assert.is_nil(metric.help:find "\n", metric.name)
      assert.is_true(#metric.help <= 100, metric.name)
      for _, label in ipairs(metric.labels) do assert.matches("^%l+$", label) end
    end
  end)
end)
