local emf = require "watchbot.metrics.emf"
local json = require "watchbot.lib.json"
local template = require "watchbot.template"
local cf = require "watchbot.template.cf"
local metrics = require "watchbot.template.metrics"

-- What CloudFormation makes of Select, Split and Join, once references have their values.
local function resolved(value, parameters)
  if value.Ref then return parameters[value.Ref] end
  if value["Fn::Join"] then
    local texts = {}
    for index, item in ipairs(value["Fn::Join"][2]) do texts[index] = resolved(item, parameters) end
    return table.concat(texts, value["Fn::Join"][1])
  end
  local index, list = value["Fn::Select"][1], {}
  for item in resolved(value["Fn::Select"][2]["Fn::Split"][2], parameters):gmatch "[^/]+" do
    list[#list + 1] = item
  end
  return list[index + 1]
end

-- The names that watchers write, of the template's: what emf.lua says without any job.
local function written()
  local names = {}
  local source = {
    queues = {}, snapshot = function() return { time = 0 } end,
  }
  local one = emf.new(source, { errors = function() return 0 end })
  for _, metric in ipairs(one:named {}) do names[metric[1]] = true end
  return names
end

local function stack(mode, more)
  local options = { service = "tiles", serviceVersion = "1", env = {}, mode = mode,
    notificationEmail = "a@example.com", cluster = "fleet",
    command = mode == "process" and "true" or nil }
  for name, value in pairs(more or {}) do options[name] = value end
  return template(options)
end

-- Metrics of watchbot's namespace that a template names: name -> dimensions.
local function named_in(value, found)
  found = found or {}
  if type(value) ~= "table" then return found end
  if value.Namespace == "Watchbot" and value.MetricName then
    found[tostring(value.MetricName)] = value.Dimensions or {}
  end
  for _, item in pairs(value) do named_in(item, found) end
  return found
end

describe("the metrics of a template", function()
  -- Filters read each line of the log once more; the watchers know it anyway.
  it("come from the watchers with metrics = 'emf', every one that an alarm looks at", function()
    local names = written()
    for _, mode in ipairs { "task", "process" } do
      local made = stack(mode, { metrics = "emf" })
      local count = 0
      for name, dimensions in pairs(named_in(made.Resources)) do
        count = count + 1
        assert.is_true(names[name], name)
        assert.are.equal("Service", dimensions[1].Name)
        assert.are.equal("Watchbot-${AWS::StackName}", dimensions[1].Value["Fn::Sub"])
      end
      assert.is_true(count >= 3)
      local filters, variables = 0, json.encode(made)
      for _, resource in pairs(made.Resources) do
        if resource.Type == "AWS::Logs::MetricFilter" then filters = filters + 1 end
      end
      assert.are.equal(0, filters)
      assert.is_truthy(made.Resources.WatchbotNotReadyAlarm)
      for _, name in ipairs { "Metrics", "MetricsNamespace", "MetricsService" } do
        assert.is_truthy(variables:find(('"Name":"%s"'):format(name), 1, true), name)
      end
      for name in made.Resources.WatchbotDashboard.Properties.DashboardBody["Fn::Sub"][1]
        :gmatch '"%${Namespace}","([^"]+)","Service","Watchbot%-%${AWS::StackName}"' do
        assert.is_true(names[name], name)
      end
    end
  end)

  it("come from the log by default", function()
    local made = stack "process"
    assert.is_truthy(made.Resources.WatchbotNotReadyAlarm)
    assert.is_truthy(made.Resources.WatchbotNotReadyMetric)
    assert.is_truthy(made.Resources.WatchbotWorkerErrorsMetric)
    assert.is_nil(json.encode(made):find('"Metrics"', 1, true)
      and json.encode(made):find('"MetricsNamespace"', 1, true))
  end)

  it("name a cluster by its name, also when its ARN is given", function()
    assert.are.equal("fleet", metrics.cluster_name "fleet")
    assert.are.equal("fleet",
      metrics.cluster_name "arn:aws:ecs:us-east-1:123456789012:cluster/fleet")
  end)

  it("name a cluster that a parameter has, by name or ARN", function()
    local name = metrics.cluster_name(cf.ref "Cluster")
    assert.are.equal("fleet", resolved(name, { Cluster = "fleet" }))
    assert.are.equal("fleet", resolved(name, {
      Cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/fleet",
    }))
  end)
end)
