-- What ECS refuses of where tasks run, while the stack is made.

local options = require "watchbot.template.options"
local templates = require "support.templates"

local SUBNETS = { "subnet-0123456789abcdef0" }

local function on_fargate(more)
  more.capacity, more.fargateSubnets = "FARGATE", more.fargateSubnets or SUBNETS
  return more
end

local function subnets(count)
  local list = {}
  for index = 1, count do list[index] = ("subnet-%x"):format(index) end
  return list
end

local strategies = {}
for index = 1, 6 do strategies[index] = { type = "random" } end

describe("where tasks run:", function()
  for _, case in ipairs {
    { on_fargate { mounts = "/host:/data" }, "'/host' is a host path.*fargate%-tasks" },
    { on_fargate { mounts = {
      volumes = { { Name = "a", DockerVolumeConfiguration = { Scope = "task" } } },
      mountPoints = { { ContainerPath = "/a", SourceVolume = "a" } } } },
      "Fargate does not support 'DockerVolumeConfiguration'.*API_Volume" },
    { { networkMode = "awsvpc", fargateSubnets = SUBNETS, fargatePublicIp = "ENABLED" },
      "'fargatePublicIp': only tasks on Fargate can have a public address" },
    { { placementStrategies = { { type = "spread", field = "zone" } } },
      "'spread' is by 'instanceId', 'host' or 'attribute:NAME', not 'zone'" },
    { { placementStrategies = { { type = "spread", field = "attribute:" } } },
      "'spread' is by .*, not 'attribute:'" },
    { on_fargate { privileged = true },
      "'privileged': Fargate does not support it.*fargate%-tasks" },
    { on_fargate { reservation = { cpu = 8192, memory = 17000 } },
      "8192 units, memory can be 16384 to 61440 in steps of 4096.*task%-cpu%-memory%-error" },
    { on_fargate { reservation = { cpu = 16384, memory = 16384 } },
      "32768 to 122880 in steps of 8192" },
    { on_fargate { ephemeralStorageGiB = 20 }, "from 21 to 200, got 20.*API_EphemeralStorage" },
    { on_fargate { fargateSubnets = { "sub-1" } }, "item 1: expected a subnet.*AwsVpcConfig" },
    { on_fargate { fargateSubnets = subnets(17) }, "at most 16, got 17.*AwsVpcConfiguration" },
    { on_fargate { fargateSecurityGroups = { "default" } }, "expected a security group" },
    { on_fargate { fargateSecurityGroups = { "sg-1", "sg-2", "sg-3", "sg-4", "sg-5", "sg-6" } },
      "at most 5, got 6" },
    { { capacity = { ["my provider"] = 1 } }, "expected a capacity provider.*CreateCapacityProv" },
    { { capacity = { awsfoo = 1 } }, "got 'awsfoo'" },
    { { capacity = { fargatefoo = 1 } }, "'aws', 'ecs', 'fargate' in front" },
    { { capacity = { FARGATE_SPOTS = 1 } }, "'aws', 'ecs', 'fargate' in front" },
    { { placementConstraints = { { type = "memberOf" } } },
      "item 1: 'memberOf' needs an 'expression'.*API_PlacementConstraint" },
    { { placementConstraints = { { type = "distinctInstance", expression = "x" } } },
      "'distinctInstance' takes no 'expression'" },
    { { placementConstraints = { { expression = "x" } } }, "'type' is missing" },
    { { placementStrategies = { { type = "spread" } } },
      "'spread' needs a 'field'.*API_PlacementStrategy" },
    { { placementStrategies = { { type = "binpack", field = "disk" } } },
      "'binpack' is by 'cpu' or 'memory', not 'disk'" },
    { { placementStrategies = { { type = "random", field = "cpu" } } },
      "'random' takes no 'field'" },
    { { placementStrategies = strategies }, "at most 5, got 6" },
  } do
    it("refused: " .. case[2], function()
      local err = templates.refused("task", case[1])
      assert.matches(case[2], err)
      assert.matches("https://docs.aws.amazon.com/", err, 1, true)
    end)
  end

  it("taken: the largest sizes, all that there may be, and intrinsics", function()
    for _, more in ipairs {
      on_fargate { reservation = { cpu = 8192, memory = 61440 }, ephemeralStorageGiB = 200 },
      on_fargate { reservation = { cpu = 16384, memory = 122880 }, fargateSubnets = subnets(16) },
      on_fargate { fargateSubnets = { Ref = "Subnets" } },
      on_fargate { fargateSubnets = { { Ref = "Subnet" } },
        fargateSecurityGroups = { { ["Fn::ImportValue"] = "group" } } },
      { capacity = { FARGATE = 1, FARGATE_SPOT = 3 }, fargateSubnets = SUBNETS },
      { capacity = { ["my_fleet-1"] = { weight = 1, base = 2 } } },
      { placementStrategies = { { type = "binpack", field = "MEMORY" }, { type = "random" } } },
      { placementConstraints = { { type = "distinctInstance" } } },
    } do
      assert(options.complete(templates.given("task", more)))
    end
  end)

  it("of ECS Managed Instances: by name, in a network of its own", function()
    local made = templates.make("task", {
      capacity = { instances = 1 }, managedInstances = true, fargateSubnets = SUBNETS,
    }).Resources
    for _, id in ipairs { "WatchbotWorker", "WatchbotWatcher" } do
      local task = made[id].Properties
      assert.are.same({ "MANAGED_INSTANCES" }, task.RequiresCompatibilities)
      assert.are.equal("awsvpc", task.NetworkMode)
    end
    made = templates.make("process", {
      capacity = { instances = 1 }, managedInstances = true, networkMode = "host",
    }).Resources.WatchbotTask.Properties
    assert.are.equal("host", made.NetworkMode)
    for words, more in pairs {
      ["needs 'capacity' with the names of capacity providers"] = { managedInstances = true },
      ["needs 'capacity' with"] = { managedInstances = true, capacity = "FARGATE",
        fargateSubnets = SUBNETS },
      ["not 'bridge'"] = { managedInstances = true, capacity = { a = 1 }, networkMode = "bridge" },
      ["missing option 'fargateSubnets'"] = { managedInstances = true, capacity = { a = 1 } },
    } do
      assert.matches(words, (templates.refused("task", more)))
    end
  end)
end)
