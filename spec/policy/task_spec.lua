local task_problem = require("watchbot.policy.task").problem

describe("a policy's task", function()
  local function problem(more)
    local task = { cluster = "fleet", definition = "job" }
    for name, value in pairs(more) do task[name] = value end
    return task_problem(task)
  end

  it("needs a cluster and a definition, and nothing else", function()
    assert.is_nil(problem {})
    assert.are.equal("'cluster' is missing", task_problem { definition = "job" })
    assert.are.equal("'definition' is missing", task_problem { cluster = "fleet" })
    assert.are.equal("expected a table, got a string", task_problem "job")
    assert.are.equal("expected a table, got a nil", task_problem(nil))
  end)

  it("has no names but those that are known; what was meant is suggested", function()
    assert.are.equal("unknown name 'launchtype'; did you mean 'launchType'?", problem {
      launchtype = "EC2",
    })
    assert.are.equal("unknown name 'contianer'; did you mean 'container'?", problem {
      contianer = "main",
    })
    assert.are.equal("unknown name 'zzz'", problem { zzz = 1 })
    assert.are.equal("unknown name '1'", problem { "main" })
  end)

  it("has values of the right type", function()
    assert.are.equal("'cluster' must be a string, not a table", problem { cluster = {} })
    assert.are.equal("'enableExecuteCommand' must be a boolean, not a string", problem {
      enableExecuteCommand = "yes",
    })
    assert.are.equal("'command' must be a table, not a string", problem { command = "./render" })
    -- It said "a integer, not a number".
    assert.are.equal("'cpu' must be an integer, not 1.5", problem { cpu = 1.5 })
    assert.are.equal("'memory' must be an integer, not a string", problem { memory = "512" })
    assert.is_nil(problem { cpu = 256, memory = 512 })
  end)

  -- A hole in its command, or a table that no JSON can be made of, failed each message in turn.
  it("has values that RunTask can be given", function()
    local cycle = {}
    cycle[1] = cycle
    for wanted, more in pairs {
      ["'command' must be a list of texts: item 2 is nil"] = { command = { "a", nil, "b" } },
      ["'command' must be a list of texts"] = { command = {} },
      ["'command' must be a list of texts: item 2 is a number"] = { command = { "a", 5 } },
      ["'networkConfiguration' cannot be sent"] = { networkConfiguration = cycle },
      ["'tags' cannot be sent"] = { tags = { function() end } },
      ["'placementStrategy' cannot be sent"] = { placementStrategy = { { type = 0 / 0 } } },
      ["'volumeConfigurations' cannot be sent"] = { volumeConfigurations = { { a = 1 }, x = 1 } },
      ["'group' cannot be sent"] = { group = "\xff" },
      ["'cluster' is empty"] = { cluster = "" }, ["'definition' is empty"] = { definition = "" },
      ["'container' is empty"] = { container = "" },
      ["'cpu' must be at least 1, not -1"] = { cpu = -1 },
      ["'memory' must be at least 1, not 0"] = { memory = 0 },
    } do
      local err = problem(more)
      assert.is_truthy(err and err:find(wanted, 1, true), wanted .. " | " .. tostring(err))
    end
    assert.is_nil(problem { command = { "a", "" }, tags = { { key = "a", value = "b" } } })
  end)

  it("has a launch type or a capacity provider strategy, not both", function()
    local strategy = { { capacityProvider = "FARGATE" } }
    assert.are.equal("'launchType' and 'capacityProviderStrategy' exclude each other",
      problem { launchType = "FARGATE", capacityProviderStrategy = strategy })
    assert.is_nil(problem { launchType = "FARGATE" })
    assert.is_nil(problem { capacityProviderStrategy = strategy })
  end)
end)
