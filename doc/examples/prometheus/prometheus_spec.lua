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

  -- Grafana shows "no data" for a label that no series has, and an expression that fails.
  local function expressions()
    local found = {}
    for _, panel in ipairs(json.decode(shell.read(HERE .. "dashboard.json")).panels) do
      for _, target in ipairs(panel.targets) do found[#found + 1] = target.expr end
    end
    return found
  end

  -- Labels by name of a series; "le" of a histogram's buckets, the others are Prometheus's.
  local function labels_of(name)
    local known = { instance = true, job = true, le = name:find "_bucket$" ~= nil }
    local base = name:gsub("_bucket$", ""):gsub("_sum$", ""):gsub("_count$", "")
    for _, metric in ipairs(declared) do
      if metric.name == name or metric.name == base then
        if metric.of_queue then known.queue = true end
        for _, label in ipairs(metric.labels) do known[label] = true end
      end
    end
    return known
  end

  it("has a dashboard by labels that the metrics have", function()
    local count = 0
    for _, text in ipairs(expressions()) do
      local known = labels_of(text:match "watchbot_[%w_]+")
      for list in text:gmatch "by %(([^)]*)%)" do
        for label in list:gmatch "[%w_]+" do
          count = count + 1
          assert.is_truthy(known[label], label .. " in " .. text)
        end
      end
      for label in text:gmatch "([%w_]+)[!=]~?\"" do
        count = count + 1
        assert.is_truthy(known[label], label .. " in " .. text)
      end
    end
    assert.is_true(count > 30)
  end)

  it("has a dashboard whose expressions Prometheus parses", function()
    skip.program("promtool", "prometheus")
    local rules = {}
    for index, text in ipairs(expressions()) do
      rules[index] = { record = "panel:" .. index, expr = text:gsub("%$__rate_interval", "5m")
        :gsub("%$__range", "1h") }
    end
    local folder = shell.folder()
    shell.write(folder .. "/rules.yml", json.encode {
      groups = { { name = "dashboard", rules = rules } } })
    local out, code = shell.run(("promtool check rules %s/rules.yml 2>&1"):format(folder))
    assert.are.equal(0, code, out)
    assert.matches(#rules .. " rules found", out, 1, true)
    shell.remove(folder)
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
