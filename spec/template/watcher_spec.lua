local templates = require "support.templates"

local function service(mode, more)
  return templates.properties("watcher", "WatchbotService", mode, more)
end

describe("the service of a template", function()
  it("runs watchers of a definition of their own, which need no policy", function()
    local made = templates.part("watcher", "task", { watchers = 3, watchbotVersion = "v2" })
    local watcher = made.Resources.WatchbotWatcher.Properties
    assert.are.equal(3, made.Resources.WatchbotService.Properties.DesiredCount)
    assert.are.same({ Ref = "WatchbotWatcher" },
      made.Resources.WatchbotService.Properties.TaskDefinition)
    assert.are.same({ "watchbot", "run", "--health", "/dev/shm/watchbot-health" },
      watcher.ContainerDefinitions[1].Command)
    assert.matches("/watchbot:v2$", watcher.ContainerDefinitions[1].Image["Fn::Sub"])
    assert.are.equal(128, watcher.ContainerDefinitions[1].MemoryReservation)
    assert.are.same({ ["Fn::Sub"] = "${AWS::StackName}-Watchbot-watcher" }, watcher.Family)
  end)

  it("runs watchers with a policy, an image and a size of the user's", function()
    local watcher = templates.properties("watcher", "WatchbotWatcher", "task", {
      policy = "/p.lua", watchbotImage = "mine:1", watcherReservation = { memory = 64 },
    }).ContainerDefinitions[1]
    assert.are.same({ "watchbot", "run", "--health", "/dev/shm/watchbot-health", "/p.lua" },
      watcher.Command)
    assert.are.equal("mine:1", watcher.Image)
    assert.are.equal(64, watcher.Memory)
  end)

  it("is restarted when a watcher's loop does not turn", function()
    -- A watcher that hung or started and ended again counted as one that works.
    local check = { "CMD", "watchbot", "health", "/dev/shm/watchbot-health" }
    local watcher = templates.properties("watcher", "WatchbotWatcher",
      "task").ContainerDefinitions[1]
    local process = templates.properties("worker", "WatchbotTask",
      "process").ContainerDefinitions[1]
    assert.are.same(check, watcher.HealthCheck.Command)
    assert.are.same(check, process.HealthCheck.Command)
    assert.is_nil(templates.properties("worker", "WatchbotWorker",
      "task").ContainerDefinitions[1].HealthCheck)
    local own = templates.properties("worker", "WatchbotTask", "process", {
      healthCheck = { command = "true" },
    })
    assert.are.same({ "CMD-SHELL", "true" }, own.ContainerDefinitions[1].HealthCheck.Command)
  end)

  it("leaves it to the scaling how many processes there are, where that has a choice", function()
    assert.is_nil(service("process", { maxScalingCapacity = 5 }).DesiredCount)
    assert.are.equal(5,
      service("process", { minScalingCapacity = 5, maxScalingCapacity = 5 }).DesiredCount)
    assert.are.same({ Ref = "WatchbotTask" }, service("process").TaskDefinition)
  end)

  it("rolls a deployment back that does not start", function()
    assert.are.same({ Enable = true, Rollback = true },
      service("task").DeploymentConfiguration.DeploymentCircuitBreaker)
    assert.are.same({ Enable = false, Rollback = false },
      service("task",
        { deploymentCircuitBreaker = false }).DeploymentConfiguration.DeploymentCircuitBreaker)
  end)

  it("is told by the outputs, with the cluster as it was given", function()
    local outputs = templates.part("watcher", "task", { cluster = { Ref = "Cluster" } }).Outputs
    assert.are.same({ Ref = "Cluster" }, outputs.ClusterArn.Value)
    assert.are.same({ Ref = "WatchbotService" }, outputs.WatchbotService.Value)
  end)
end)
