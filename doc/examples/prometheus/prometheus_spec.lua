-- Rules and dashboard: by Prometheus's own tool, and against the table of metrics.
local declared = require "watchbot.metrics.table"
local json = require "watchbot.lib.json"
local policy = require "watchbot.policy.load"
local scheduler = require "watchbot.scheduler"
local shell = require "support.shell"
local skip = require "support.skip"

local HERE = "doc/examples/prometheus/"

-- The names of all series.
local function series()
  local names = { up = true }
  for _, metric in ipairs(declared) do
    names[metric.name] = true
    if metric.kind == "histogram" then
      for _, suffix in ipairs { "_bucket", "_sum", "_count" } do
        names[metric.name .. suffix] = true
      end
    end
  end
  return names
end

local function promtool(arguments)
  skip.program("promtool", "prometheus")
  local out, code = shell.run(("cd %s && promtool %s 2>&1"):format(HERE, arguments))
  assert.are.equal(0, code, out)
end

describe("the example prometheus", function()
  it("has rules that are raised when they should be", function()
    promtool "test rules alerts_test.yml"
  end)

  it("has a configuration that Prometheus takes", function()
    promtool "check config prometheus.yml"
  end)

  it("tests each alert", function()
    local tests = shell.read(HERE .. "alerts_test.yml")
    local count = 0
    for name in shell.read(HERE .. "alerts.yml"):gmatch "%- alert: (%w+)" do
      count = count + 1
      assert.is_truthy(tests:find("alertname: " .. name .. "\n", 1, true), name)
    end
    assert.is_true(count > 5)
  end)

  it("names metrics that exist", function()
    local names, found = series(), 0
    for _, file in ipairs { "alerts.yml", "alerts_test.yml", "dashboard.json" } do
      for name in shell.read(HERE .. file):gmatch "%f[%w_](watchbot_[%w_]+)" do
        assert.is_true(names[name], file .. ": " .. name)
        found = found + 1
      end
    end
    assert.is_true(found > 30)
  end)

  it("has a dashboard whose panels stand beside each other", function()
    local dashboard = json.decode(shell.read(HERE .. "dashboard.json"))
    local taken = {}
    for _, panel in ipairs(dashboard.panels) do
      local place = panel.gridPos.x .. "," .. panel.gridPos.y
      assert.is_nil(taken[place], panel.title)
      taken[place] = true
      assert.is_true(panel.gridPos.x + panel.gridPos.w <= 24)
      assert.is_true(#panel.targets > 0)
    end
  end)

  it("has a policy that listens where prometheus.yml looks", function()
    local loaded = scheduler.run(function() return assert(policy.policy(HERE .. "policy.lua")) end)
    assert.is_truthy(shell.read(HERE .. "prometheus.yml"):find(loaded.listen, 1, true))
  end)
end)
