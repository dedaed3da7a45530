-- The options for people; and that doc/templates.md says what is true.

local options = require "watchbot.template.options"
local shell = require "support.shell"
local templates = require "support.templates"
local workshop = require "support.workshop"

local doc = shell.read "doc/templates.md"

-- What stands between two markers.
local function section(name)
  return assert(doc:match("<!%-%- " .. name .. " %-%->\n(.-)<!%-%- /" .. name .. " %-%->"), name)
end

local function sorted(names)
  table.sort(names)
  return names
end

describe("the description of the options", function()
  for _, form in ipairs { "text", "markdown" } do
    it("has every option, as " .. form, function()
      local text = options.describe(form)
      for _, name in ipairs(options.names) do
        assert.matches(form == "text" and "\n  " .. name .. ": " or "\n| `" .. name .. "` |", text,
          nil, name)
      end
    end)
  end

  it("has defaults, and what is required", function()
    local text = options.describe "text"
    assert.matches("\n  cluster: [^\n]*; required\n", text)
    assert.matches('\n  prefix: [^\n]*; default "Watchbot"\n', text)
    assert.matches("\n  watchers: [^\n]*; default 1; mode task only\n", text)
  end)
end)

describe("doc/templates.md", function()
  -- When options change: make generated
  it("has the options as they are", function()
    assert.are.equal("\n" .. options.describe "markdown" .. "\n", section "options")
  end)

  it("has the refs as they are", function()
    local told, there = {}, {}
    for cell in section "refs":gmatch "\n| ([^|]*) |" do
      for name in cell:gmatch "`(%w+)`" do told[#told + 1] = name end
    end
    local all = templates.make("task",
      { webhook = true, webhookKey = true, user = true, reduce = true, overflow = true }).ref
    for name, value in pairs(all) do
      if type(value) ~= "function" then there[#there + 1] = name end
    end
    assert.are.same(sorted(there), sorted(told))
  end)

  -- With each of them replaced by one that makes nothing, nothing is left.
  it("has the parts as they are, in their order", function()
    local told, called, parts = {}, {}, {}
    for name in section "parts":gmatch "`([%w_]+)`" do
      told[#told + 1] = name
      parts[name] = function(_, _, default)
        assert.is_function(default, name)
        called[#called + 1] = name
        return {}
      end
    end
    local all = {
      webhook = true, user = true, reduce = true, parts = parts, maxScalingCapacity = 3,
    }
    assert.are.same({}, templates.make("process", all).Resources)
    assert.are.same(told, called)
    all.maxScalingCapacity = nil
    assert.are.same({}, templates.make("task", all).Resources)
  end)

  it("has the alarms as they are", function()
    local table_of_alarms = doc:match "| alarm %(.-\n\n"
    for _, name in ipairs { "queueSize", "oldestMessage", "quietGroups", "dlqSize", "workersErrors",
    "failureShare", "failedPlacements",
      "memoryUtilization", "cpuUtilization" } do
      assert.is_string(table_of_alarms:match("\n| `" .. name .. "` |"), name)
      templates.make("task", { alarms = { [name] = { threshold = 1 } } })
    end
  end)

  it("has a stack file and parts that work", workshop.task(function(folder)
    folder:write("stack.lua", assert(doc:match "```lua\n(%-%- stack%.lua\n.-)```"))
    local exit, out, problem = workshop.run(folder, { "template", "--check", "stack.lua" })
    assert.are.equal(0, exit.code, out .. problem)
    local parts = assert(doc:match "(  parts = {.-\n  },)\n}")
    local made = templates.make("task", assert(load("return {" .. parts .. "}"))())
    assert.is_table(made.Resources.WatchbotBucket)
    assert.is_nil(made.Resources.WatchbotDashboard)
    assert.are.same({ { Ref = "WatchbotNotificationTopic" } },
      made.Resources.WatchbotQueueSizeAlarm.Properties.OKActions)
  end))
end)
