local cjson = require "cjson"
local templates = require "support.templates"

local function sub(mode, more)
  return templates.properties("dashboard", "WatchbotDashboard", mode, more).DashboardBody["Fn::Sub"]
end

local function widgets(mode)
  return cjson.decode(sub(mode)[1]).widgets
end

local function titles(mode)
  local all = {}
  for index, widget in ipairs(widgets(mode)) do all[index] = widget.properties.title end
  return table.concat(all, "\n")
end

describe("the dashboard of a template", function()
  it("shows what an operator asks first, in either mode", function()
    for mode, unit in pairs { task = "s", process = "ms" } do
      local shown = titles(mode)
      for _, title in ipairs {
        "Messages in the queue", "Age of the oldest", "Worker duration (" .. unit .. ")",
        "failures", "Concurrency",
        "Dead-letter queue", "CPU and memory",
      } do
        assert.is_truthy(shown:find(title, 1, true), title)
      end
    end
    assert.is_truthy(titles "task":find "Pending")
    assert.is_falsy(titles "process":find "Pending")
  end)

  it("has one widget in a place", function()
    local taken = {}
    for _, widget in ipairs(widgets "task") do
      local place = widget.x .. "," .. widget.y
      assert.is_nil(taken[place], place)
      taken[place] = true
      assert.is_true(widget.x + widget.width <= 24)
    end
  end)

  it("shows metrics that the filters make", function()
    for _, mode in ipairs { "task", "process" } do
      local mined, shown = {}, 0
      for _, filter in pairs(templates.part("filters", mode).Resources) do
        mined[filter.Properties.MetricTransformations[1].MetricName["Fn::Sub"]] = true
      end
      for _, widget in ipairs(widgets(mode)) do
        for _, line in ipairs(widget.properties.metrics) do
          if line[1] == "${Namespace}" then
            shown = shown + 1
            assert.is_true(mined[line[2]], line[2])
          end
        end
      end
      assert.is_true(shown > 5)
    end
  end)

  it("is given the names that stand in it, and no others", function()
    local text, values = table.unpack(sub "process")
    for name in text:gmatch "%${(.-)}" do
      assert.is_truthy(name:match "^AWS::" or values[name], name)
    end
    for name in pairs(values) do assert.is_truthy(text:find("${" .. name .. "}", 1, true), name) end
    assert.are.same({ ["Fn::GetAtt"] = { "WatchbotQueue", "QueueName" } }, values.Queue)
  end)

  it("is the same text each time", function()
    assert.are.equal(sub "task"[1], sub "task"[1])
  end)

  it("is left out where that is said", function()
    assert.is_nil(templates.part("dashboard", "task", { dashboard = false }).Resources)
  end)
end)
