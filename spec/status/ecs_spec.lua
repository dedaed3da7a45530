-- What ECS says of a service that it cannot describe. The rest is in spec/cli/status_spec.lua.

local aws = require "watchbot.aws"
local ecs = require "watchbot.status.ecs"
local scheduler = require "watchbot.scheduler"
local status = require "watchbot.status"

local function show(answer)
  aws.stand_in = function() return answer end
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
