local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local templates = require "support.templates"

local subnets = { "subnet-0123456789abcdef0" }

local function task(more) return templates.properties("worker", "WatchbotWorker", "task", more) end
local function of_process(more)
  return templates.properties("worker", "WatchbotTask", "process", more)
end
local function container(properties) return properties.ContainerDefinitions[1] end

local HEALTH = "/dev/shm/watchbot-health"

describe("the task definition that does the work", function()
  it("runs the service's image in ECR, or another", function()
    assert.are.same({
      ["Fn::Sub"] = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/tiles:v1",
    },
      container(task()).Image)
    assert.are.equal("busybox:1", container(task { image = "busybox:1" }).Image)
  end)

  it("has the family that is asked for", function()
    assert.are.equal("fam", task { family = "fam" }.Family)
    assert.are.same({ ["Fn::Sub"] = "${AWS::StackName}-Watchbot" }, task().Family)
  end)

  it("runs the image's own command, text in sh, or a list", function()
    assert.is_nil(container(task()).Command)
    assert.are.same({ "sh", "-c", "echo hi" }, container(task { command = "echo hi" }).Command)
    assert.are.same({ "bash", "-c", "echo hi" },
      container(task { command = { "bash", "-c", "echo hi" } }).Command)
  end)

  it("listens in mode process, or runs a policy", function()
    assert.are.same({ "watchbot", "listen", "--health", HEALTH, "echo $Message" },
      container(of_process { command = "echo $Message" }).Command)
    assert.are.same({ "watchbot", "listen", "--health", HEALTH, "--workers", "3", "./tile" },
      container(of_process { workers = 3 }).Command)
    assert.are.same({ "watchbot", "run", "--health", HEALTH, "/app/policy.lua" },
      container(of_process { policy = "/app/policy.lua" }).Command)
  end)

  -- v9 joined the words by commas: `bash,-c,echo hi`.
  it("hands the words of a list to sh as they are", function()
    local words = { "printf", "%s|", "it's", "a b", "$HOME", "*", "" }
    local text = container(of_process { command = words }).Command[5]
    local out = scheduler.run(function()
      local child = assert(process.start { argv = { "sh", "-c", text }, output = "capture" })
      child:wait(60)
      return (child:output())
    end)
    assert.are.equal("it's|a b|$HOME|*||", out)
  end)

  it("reserves on EC2 for the container", function()
    local made = container(task {
      reservation = { cpu = 4096, memory = 512, softMemory = 128, gpu = 2 },
    })
    assert.are.same({ 4096, 512, 128 }, { made.Cpu, made.Memory, made.MemoryReservation })
    assert.are.same({ { Type = "GPU", Value = "2" } }, made.ResourceRequirements)
    assert.are.equal(512, container(task()).Memory)
    assert.is_nil(container(task { reservation = { softMemory = 64 } }).Memory)
  end)

  it("reserves on Fargate for the task", function()
    local made = task {
      capacity = "FARGATE", fargateSubnets = subnets, reservation = { memory = 2048 },
      ephemeralStorageGiB = 30,
      runtimePlatform = { cpuArchitecture = "ARM64" },
    }
    assert.are.same({ "256", "2048", "awsvpc", { "FARGATE" } },
      { made.Cpu, made.Memory, made.NetworkMode, made.RequiresCompatibilities })
    assert.are.same({ SizeInGiB = 30 }, made.EphemeralStorage)
    assert.are.same({ CpuArchitecture = "ARM64" }, made.RuntimePlatform)
    assert.is_nil(container(made).Memory)
  end)

  it("has what else the options say", function()
    local made = container(task {
      privileged = true, ulimits = { nofile = 2048, core = { soft = 0, hard = 1 } },
      stopTimeout = 60,
      healthCheck = { command = "test -f /ok", interval = 10 }, secrets = { A = "/a" },
      mounts = "/h:/c",
    })
    assert.is_true(made.Privileged)
    assert.are.same({
      { Name = "core", SoftLimit = 0, HardLimit = 1 },
      { Name = "nofile", SoftLimit = 2048, HardLimit = 2048 },
    }, made.Ulimits)
    assert.are.equal(60, made.StopTimeout)
    assert.are.same({ Command = { "CMD-SHELL", "test -f /ok" }, Interval = 10 }, made.HealthCheck)
    assert.are.same({ { Name = "A", ValueFrom = "/a" } }, made.Secrets)
    assert.are.same({ { ContainerPath = "/c", SourceVolume = "mnt-0" } }, made.MountPoints)
    assert.are.same({ "CMD", "true" },
      container(task { healthCheck = { command = { "true" } } }).HealthCheck.Command)
    assert.are.same({ "CMD", "true" },
      container(task { healthCheck = { command = { "CMD", "true" } } }).HealthCheck.Command)
  end)

  it("has a root that jobs cannot write, where one container has many", function()
    assert.is_true(container(of_process()).ReadonlyRootFilesystem)
    assert.is_false(container(of_process { writableFilesystem = true }).ReadonlyRootFilesystem)
    assert.is_false(container(task()).ReadonlyRootFilesystem)
  end)
end)
