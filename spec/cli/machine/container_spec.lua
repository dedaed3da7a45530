-- What `watchbot check` says of the stop timeout of its container.

local container = require "watchbot.cli.machine.container"
local watchbot = require "watchbot"

local ECS = { ECS_CONTAINER_METADATA_URI_V4 = "http://169.254.170.2/v4/x" }

local function look(fields, variables)
  fields.queue = "sqlite:j.db"
  fields.command = not fields.task and "x" or nil
  local found = {}
  container.look(function(what, level, message)
    assert.are.same({ "container", "warning" }, { what, level })
    found[#found + 1] = message
  end, watchbot.policy(fields), function(name) return variables[name] end)
  return table.concat(found, "\n")
end

describe("cli.machine.container", function()
  -- ECS killed watcher and tasks after 30 seconds of a `drain` of 300.
  it("warns of a drain that ECS does not wait for", function()
    assert.are.equal("ECS kills a container after its stopTimeout, which is 30 s unless the task "
      .. "definition sets it, and 'drain' and 'kill_grace' are 65 s together: tasks and the "
      .. "watcher may be killed before they end; set it to 75", look({ drain = 60 }, ECS))
    assert.are.equal("", look({ drain = 20 }, ECS))
    assert.are.equal("", look({ drain = 300 }, {}))
  end)

  it("knows the timeout that the template has set, and Fargate's longest", function()
    local given = { stopTimeout = "90", AWS_EXECUTION_ENV = "AWS_ECS_FARGATE",
      ECS_CONTAINER_METADATA_URI_V4 = "x" }
    assert.are.equal("", look({ drain = 60 }, given))
    assert.matches("($stopTimeout) is 90 s", look({ drain = 100 }, given), 1, true)
    assert.matches("Fargate kills a container 120 s after SIGTERM at most", look({ drain = 200 },
      given), 1, true)
    given.stopTimeout = "120"
    assert.matches("make them less than 120", look({ drain = 115 }, given), 1, true)
  end)

  it("warns in a pod of Kubernetes, too", function()
    assert.matches("terminationGracePeriodSeconds.*set it to 75", look({ drain = 60 },
      { KUBERNETES_SERVICE_HOST = "10.0.0.1" }))
  end)

  it("counts what a stop waits for", function()
    local task = { cluster = "c", definition = "d:1", container = "w" }
    assert.are.equal("", look({ drain = 300, task = task }, ECS))
    assert.are.equal("", look({ drain = 300, on_stop = "stop" }, ECS))
    assert.matches("are 40 s", look({ kill_grace = 40, on_stop = "stop" }, ECS))
  end)
end)
