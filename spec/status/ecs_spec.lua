-- What ECS says of a service that it cannot describe. The rest is in spec/cli/status_spec.lua.

local aws = require "watchbot.aws"
local ecs = require "watchbot.status.ecs"
local figures = require "watchbot.cli.status.figures"
local scheduler = require "watchbot.scheduler"
local status = require "watchbot.status"

local function show(answer, definition)
  aws.stand_in = function(_, operation)
    if operation == "DescribeTaskDefinition" then return definition() end
    return answer
  end
  local restore <close> = setmetatable({}, { __close = function() aws.stand_in = nil end })
  assert.is_table(restore)
  local builder = status.new "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"
  scheduler.run(function() ecs.add(builder, { cluster = "c", service = "s" }) end)
  return builder.status
end

describe("the status of an ECS service", function()
  it("is its counts", function()
    assert.are.same({ desired = 2, running = 1, pending = 1 },
      show({ services = { { desiredCount = 2, runningCount = 1, pendingCount = 1 } } }).service)
  end)

  -- During a deployment there are two, and the counts of the service say nothing of which is which.
  it("has its deployments, with their versions", function()
    local service = { desiredCount = 2, runningCount = 2, pendingCount = 0, deployments = {
      { taskDefinition = "arn:aws:ecs:eu-west-1:123456789012:task-definition/tiles:8",
        rolloutState = "IN_PROGRESS", desiredCount = 2, runningCount = 1, pendingCount = 1 },
      { taskDefinition = "tiles:7", status = "ACTIVE", desiredCount = 2, runningCount = 1 },
    } }
    local containers = { { image = "1.dkr.ecr.eu-west-1.amazonaws.com/tiles:v7" } }
    local found = show({ services = { service } }, function()
      return { taskDefinition = { containerDefinitions = containers } }
    end)
    assert.are.same({
      { definition = "tiles:8", version = "v7", state = "IN_PROGRESS", desired = 2, running = 1,
        pending = 1 },
      { definition = "tiles:7", version = "v7", state = "ACTIVE", desired = 2, running = 1 },
    }, found.deployments)
    containers[1].environment = { { name = "PolicyVersion", value = "2.1" } }
    assert.are.equal("2.1", show({ services = { service } }, function()
      return { taskDefinition = { containerDefinitions = containers } }
    end).deployments[1].version)
    -- Without the permission, what is known is still shown.
    found = show({ services = { service } }, function()
      return nil, "User is not authorized", "AccessDeniedException"
    end)
    assert.are.same({ "tiles:8", "tiles:7" },
      { found.deployments[1].definition, found.deployments[2].definition })
    assert.matches("ecs:DescribeTaskDefinition", found.problems.deployments)
    local out = table.concat(figures.lines(found), "\n")
    assert.matches("deployments +tiles:8: 1 of 2 running, IN_PROGRESS\n +tiles:7: 1 of 2 running, "
      .. "ACTIVE\n +%? .*ecs:DescribeTaskDefinition", out)
  end)

  -- Every reason became "there is no service".
  it("or why it cannot be described", function()
    assert.are.equal("service 's' does not exist on 'c'",
      show({ services = {}, failures = { { reason = "MISSING" } } }).problems.service)
    assert.are.equal("the service 's' cannot be described: access denied by tag",
      show({ services = {},
        failures = { { reason = "DENIED", detail = "access denied by tag" } } }).problems.service)
    assert.are.equal("service 's' does not exist on 'c'", show({}).problems.service)
  end)
end)
