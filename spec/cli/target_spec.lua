local scheduler = require "watchbot.scheduler"
local stack = require "watchbot.stack"
local target = require "watchbot.cli.target"

local function task(body)
  return function() scheduler.run(body) end
end

describe("a command's target", function()
  local getenv, open = os.getenv, stack.open
  local variables

  before_each(function()
    variables = {}
    os.getenv = function(name) return variables[name] end -- luacheck: ignore 122
    stack.open = function(name, options)
      return { output = function(_, ending)
        if ending == "Topic" then return nil, "none", "NoOutput" end
        return ("%s of %s %s"):format(ending, name, options.prefix or "")
      end }
    end
  end)

  after_each(function()
    os.getenv = getenv -- luacheck: ignore 122
    stack.open = open
  end)

  it("is what the options name, before the environment", task(function()
    variables = { QueueUrl = "sqlite:environment.db", StackName = "environment", LogGroup = "logs" }
    assert.are.equal("sqlite:jobs.db",
      target.find("status", { queue = "sqlite:jobs.db" }):queue_url())
    assert.are.equal("sqlite:environment.db", target.find("status", {}):queue_url())
    assert.are.equal("logs", target.find("status", {}):need("LogGroup", "log group"))
    assert.are.equal("QueueUrl of named Two",
      target.find("status", { stack = "named", prefix = "Two" }):queue_url())
  end))

  it("is the stack of the environment where there is no queue in it", task(function()
    variables = { StackName = "environment", QueueUrl = "" }
    local found = target.find("status", {})
    assert.are.equal("QueueUrl of environment ", found:queue_url())
    assert.are.equal("special",
      target.find("status", { ["log-group"] = "special" }):find "LogGroup")
    assert.is_nil(found:find "Topic")
    assert.are.equal("NoOutput", select(3, found:need("Topic", "which topic?")))
  end))

  it("is asked for by its options", task(function()
    local _, err, code = target.find("status", {}):queue_url()
    assert.are.equal("status: no queue: give --stack NAME, --queue, or set $QueueUrl", err)
    assert.are.equal("Usage", code)
    _, err, code = target.find("status", { stack = "a", queue = "b" })
    assert.are.equal("status: either --stack or --queue, not both", err)
    assert.are.equal("Usage", code)
    _, err, code = target.find("status", { queue = "b", prefix = "One" })
    assert.matches("%-%-prefix selects a watcher of a stack", err)
    assert.are.equal("Usage", code)
  end))
end)
