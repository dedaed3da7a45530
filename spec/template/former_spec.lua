-- Options of ecs-watchbot and the CDK are answered with the name to use. Each such name exists.

local former = require "watchbot.template.former"
local options = require "watchbot.template.options"

describe("names of other tools", function()
  it("lead to options that there are, and are none themselves", function()
    for name, instead in pairs(former) do
      assert.is_nil(options.by_name[name], name)
      local named = instead:match "^use '(%a+)"
      if named then assert.is_truthy(options.by_name[named], name .. ": " .. instead) end
    end
  end)

  it("have each property of v10's construct that is no option", function()
    for name in ([[containerName scalingSteps runtimePlatform secrets healthCheck memoryLimitMiB cpu
      subnets publicIP securityGroups image cluster serviceName command deploymentEnvironment
      serviceVersion family prefix logGroupName logGroupRetentionDays deadLetterThreshold
      retentionPeriod privileged mountPoints volumes structuredLogging readonlyRootFilesystem
      maxJobDuration environment memoryReservationMiB fifo maxScalingCapacity minScalingCapacity
      alarmAction ephemeralStorageGiB]]):gmatch "%S+" do
      assert.is_truthy(options.by_name[name] or former[name], name)
    end
  end)
end)
