local cjson = require "cjson"
local options = require "watchbot.template.options"
local placement = require "watchbot.template.placement"
local task_problem = require("watchbot.policy.task").problem
local templates = require "support.templates"

local function complete(mode, more) return assert(options.complete(templates.given(mode, more))) end

-- What a watcher gets to know, which must be what it can hand to RunTask.
local function of_tasks(more)
  local text = placement.of_tasks(complete("task", more))
  if text == nil then return nil end
  local task = cjson.decode(text)
  task.cluster, task.definition = "main", "tiles"
  assert.is_nil(task_problem(task))
  task.cluster, task.definition = nil, nil
  return task
end

local network = { fargateSubnets = { "subnet-1", "subnet-2" }, fargateSecurityGroups = { "sg-1" } }

describe("tasks run", function()
  it("where the cluster has them run, if nothing is said", function()
    assert.is_nil(of_tasks())
    assert.are.same({}, placement.of_service(complete "process"))
  end)

  it("on Fargate, in subnets", function()
    local more = { capacity = "FARGATE", fargatePublicIp = "ENABLED" }
    for name, value in pairs(network) do more[name] = value end
    assert.are.same({
      launchType = "FARGATE",
      networkConfiguration = { awsvpcConfiguration = {
        subnets = { "subnet-1", "subnet-2" }, securityGroups = { "sg-1" },
        assignPublicIp = "ENABLED",
      } },
    }, of_tasks(more))
    assert.are.same({
      LaunchType = "FARGATE",
      NetworkConfiguration = { AwsvpcConfiguration = {
        Subnets = { "subnet-1", "subnet-2" }, SecurityGroups = { "sg-1" },
        AssignPublicIp = "ENABLED",
      } },
    }, placement.of_service(complete("process", more)))
  end)

  it("on a mix of capacity providers", function()
    local more = {
      capacity = { FARGATE = { weight = 1, base = 1 }, FARGATE_SPOT = 3 },
      fargateSubnets = { "subnet-1" },
    }
    assert.are.same({
      { capacityProvider = "FARGATE", weight = 1, base = 1 },
      { capacityProvider = "FARGATE_SPOT", weight = 3 },
    }, of_tasks(more).capacityProviderStrategy)
    local service = placement.of_service(complete("process", more))
    assert.are.equal(2, #service.CapacityProviderStrategy)
    assert.is_nil(service.LaunchType)
  end)

  it("on EC2 by constraints and strategies: of the tasks, not of their watchers", function()
    local more = {
      placementConstraints = { { type = "memberOf", expression = "attribute:zone == a" } },
      placementStrategies = { { type = "spread", field = "instanceId" } },
    }
    assert.are.same({
      placementConstraints = { { type = "memberOf", expression = "attribute:zone == a" } },
      placementStrategy = { { type = "spread", field = "instanceId" } },
    }, of_tasks(more))
    assert.are.same({}, placement.of_service(complete("task", more)))
    assert.are.same({
      PlacementConstraints = { { Type = "memberOf", Expression = "attribute:zone == a" } },
      PlacementStrategies = { { Type = "spread", Field = "instanceId" } },
    }, placement.of_service(complete("process", more)))
  end)

  it("on EC2 with an address of their own, which is never public", function()
    local made = of_tasks { networkMode = "awsvpc", fargateSubnets = { "subnet-1" } }
    assert.are.same({ awsvpcConfiguration = { subnets = { "subnet-1" } } },
      made.networkConfiguration)
  end)
end)
