-- Which IAM actions of ECS `watchbot check` finds to be missing. The local AWS has no permissions
-- for ECS: a client with set answers stands in. Those of SQS and SNS are in account_spec.

local permissions = require "watchbot.cli.machine.permissions"

local POLICY = { task = { cluster = "tiles", definition = "d:1" } }

-- => levels by action, and the words of the first that is not "ok"
local function look(answers)
  local levels, words = {}, nil
  local client = setmetatable({}, {
    __index = function(_, operation)
      return function(_, parameters)
        assert(parameters.cluster == "tiles")
        return table.unpack(answers[operation] or { {} })
      end
    end,
  })
  local account = {
    client = function() return client end,
    add = function(_, what, level, message)
      levels[what] = level
      if level ~= "ok" then words = words or message end
    end,
  }
  permissions(account, POLICY)
  return levels, words
end

local ALL = { ["ecs:ListTasks"] = "ok", ["ecs:DescribeTasks"] = "ok", ["ecs:StopTask"] = "ok" }

describe("the permissions of a watcher of ECS tasks", function()
  it("are all there", function()
    assert.are.same(ALL, (look { StopTask = { nil, "ecs:StopTask: The referenced task was not "
      .. "found.", "InvalidParameterException" } }))
  end)

  it("are named where they are missing", function()
    for _, operation in ipairs { "ListTasks", "DescribeTasks", "StopTask" } do
      local refused = { nil, "not authorized", "AccessDeniedException" }
      local levels, words = look { [operation] = refused }
      assert.are.equal("failure", levels["ecs:" .. operation])
      assert.matches("do not allow 'ecs:" .. operation .. "'", words)
    end
  end)

  -- An endpoint that did not answer was taken for a permission.
  it("are not known where the call fails otherwise", function()
    local levels, words = look { StopTask = { nil, "no answer within 10 s", "Timeout" } }
    assert.are.equal("warning", levels["ecs:StopTask"])
    assert.are.equal("could not be tried: no answer within 10 s", words)
  end)
end)
