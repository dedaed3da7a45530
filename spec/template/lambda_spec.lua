local templates = require "support.templates"

local function part(name, lambda, more)
  local given = {
    command = false, capacity = "FARGATE", fargateSubnets = { "subnet-0123456789abcdef0" },
    lambda = lambda,
  }
  for option, value in pairs(more or {}) do given[option] = value end
  return templates.part(name, "process", given).Resources
end

local function task(...) return part("worker", ...).WatchbotTask.Properties end

local function containers(...)
  local made = task(...).ContainerDefinitions
  assert.equal(2, #made)
  return made[1], made[2]
end

local function variables(container)
  return templates.environment { ContainerDefinitions = { container } }
end

local HEALTH = "/dev/shm/watchbot-health"

describe("the task of a Lambda function's image", function()
  it("has watchbot beside the function, which starts when the port is open", function()
    local watcher, made = containers { image = "tiles:1", handler = "app.handler", batch = 5 }
    assert.same({ "watchbot", "run", "--health", HEALTH, "--lambda", "app.handler",
      "--runtime-api", "9001", "--batch", "5" }, watcher.Command)
    assert.matches("/watchbot:", watcher.Image["Fn::Sub"])
    assert.equal("tiles:1", made.Image)
    assert.same({ "app.handler" }, made.Command)
    assert.same({ { ContainerName = watcher.Name, Condition = "HEALTHY" } }, made.DependsOn)
    assert.is_nil(watcher.DependsOn)
    assert.is_true(watcher.Essential and made.Essential)
    assert.same({ "CMD", "watchbot", "health", HEALTH }, watcher.HealthCheck.Command)
    assert.equal(5, watcher.HealthCheck.Interval, "the function waits for the first check")
  end)

  it("has the image's own command without a handler, and the service's image", function()
    local watcher, made = containers {}
    assert.is_nil(made.Command)
    assert.matches("/tiles:v1", made.Image["Fn::Sub"])
    assert.equal("tiles", watcher.Command[6])
    assert.is_nil(variables(made)._HANDLER)
  end)

  it("says to each container what it needs, and not what the other needs", function()
    local watcher, made = containers({ handler = "app.handler" }, {
      env = { BUCKET = "b" }, secrets = { TOKEN = { parameter = "/t" } }, stopTimeout = 90,
      maxJobDuration = 600, reservation = { memory = 1024 },
    })
    local of_watcher, of_function = variables(watcher), variables(made)
    assert.same({ "30", "600", nil, nil }, {
      of_watcher.stopTimeout, of_watcher.maxJobDuration, of_watcher.BUCKET, watcher.Secrets,
    })
    assert.is_table(of_watcher.QueueUrl)
    assert.same({ "127.0.0.1:9001", "app.handler", "b", "1024", "$LATEST" }, {
      of_function.AWS_LAMBDA_RUNTIME_API, of_function._HANDLER, of_function.BUCKET,
      of_function.AWS_LAMBDA_FUNCTION_MEMORY_SIZE, of_function.AWS_LAMBDA_FUNCTION_VERSION,
    })
    assert.is_nil(of_function.QueueUrl)
    assert.is_nil(of_function.AWS_LAMBDA_MAX_CONCURRENCY)
    assert.equal("TOKEN", made.Secrets[1].Name)
    assert.same({ 30, 90 }, { watcher.StopTimeout, made.StopTimeout })
  end)

  -- As on Lambda: /tmp can be written, and nothing else.
  it("lets the function write to /tmp", function()
    local watcher, made = containers { handler = "a" }
    assert.is_true(watcher.ReadonlyRootFilesystem and made.ReadonlyRootFilesystem)
    assert.equal("/tmp", made.MountPoints[1].ContainerPath)
    assert.is_nil(watcher.MountPoints)
    assert.is_nil(variables(watcher).Volumes, "what the function has is not emptied")
  end)

  it("runs a policy of watchbot's image, which says what port it is", function()
    local watcher = containers({ handler = "a" }, { policy = "/p.lua", watchbotImage = "mine:1" })
    assert.same({ "watchbot", "run", "--health", HEALTH, "/p.lua" }, watcher.Command)
    assert.equal("mine:1", watcher.Image)
  end)

  it("may pull both images", function()
    local made = part("roles", { image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/f:1" })
      .WatchbotExecutionRole.Properties.Policies[1].PolicyDocument.Statement
    local found, tokens = {}, 0
    for _, statement in ipairs(made) do
      local from = type(statement.Resource) == "table" and statement.Resource[1]
      if from and from["Fn::Sub"] then
        found[#found + 1] = from["Fn::Sub"]:match "repository/(.*)$"
      end
      if statement.Action[1] == "ecr:GetAuthorizationToken" then tokens = tokens + 1 end
    end
    assert.same({ "f", "watchbot" }, found)
    assert.equal(1, tokens)
  end)

  it("scales by the messages that a container takes at once", function()
    local made = part("scaling", { handler = "a", batch = 10 }, { maxScalingCapacity = 10 })
      .WatchbotScaleUp.Properties.StepScalingPolicyConfiguration.StepAdjustments
    assert.equal(11, made[1].MetricIntervalUpperBound)
  end)
end)
