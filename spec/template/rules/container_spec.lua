-- What ECS and Docker refuse of a container, after the stack has begun to be made.

local options = require "watchbot.template.options"
local templates = require "support.templates"

describe("a container", function()
  for _, case in ipairs {
    -- ECR has no such repository; with an image of another name the service may be called anything.
    { "process", { service = "My Service" }, "'service': .*API_CreateRepository" },
    { "process", { service = "a//b" }, "'service': " },
    { "process", { service = ("s"):rep(260), image = "tiles:v1" },
      "the container's name, PREFIX%-worker%-SERVICE, has 276 characters; ECS takes 255" },
    { "task", { family = ("f"):rep(250) }, "FAMILY%-watcher, .* at most 247.*not 250" },
    { "process", { image = "a b:c" }, "'image': expected an image" },
    { "task", { watchbotImage = "a b" }, "'watchbotImage': expected an image" },
    { "process", { env = { ["A=B"] = "x" } }, "without '=' and NUL, got the name 'A=B'" },
    { "process", { env = { A = "x\0y" } }, "'A': expected text without NUL" },
    { "process", { env = { A = 0 / 0 } }, "'A': expected text without NUL, a number" },
    { "process", { env = { A = math.huge } }, "'A': expected text without NUL, a number" },
    { "process", { ulimits = { nofile = {} } }, "'nofile': expected .*got an empty table" },
    { "process", { env = { "A" } }, "expected names, got the key 1" },
    { "process", { secrets = { ["A=B"] = "/x" } }, "without '=' and NUL" },
    { "process", { secrets = { A = "arn:aws:kms:eu-west-1:123456789012:key/x" } },
      "'A': expected a parameter's name, the ARN of a parameter or secret" },
    { "process", { secrets = { A = { secret = "password" } } }, "expected the ARN of a secret" },
    { "process", { env = { A = "1" },
      secrets = { A = "/a" } }, "'A' is in 'env' and in 'secrets'" },
    { "process", { reservation = { memory = 4 } }, "at least 6, got 4.*API_ContainerDefinition" },
    { "process", { ulimits = { nosuch = 5 } }, "got the name 'nosuch'.*API_Ulimit" },
    { "process", { ulimits = { nofile = { soft = 10, hard = 5 } } },
      "'nofile': 'soft' is 10, more than 'hard', 5.*API_Ulimit" },
    { "process", { containerUser = "a b" }, "expected a user" },
    { "process", { runtimePlatform = { cpuArchitecture = "arm64" } }, "API_RuntimePlatform" },
    { "process", { runtimePlatform = { operatingSystemFamily = "WINDOWS_SERVER_2022_CORE" } },
      "expected one of 'LINUX'" },
    { "process", { mounts = "/a:/b:zz" }, "expected 'ro' or 'rw' after the second ':', got 'zz'" },
    { "process", { mounts = "/a:/" }, "nothing can be mounted over '/'.*API_MountPoint" },
    { "process", { mounts = { volumes = { { Name = "a" } }, mountPoints = { {
      ContainerPath = "//", SourceVolume = "a" } } } }, "nothing can be mounted over '/'" },
    { "process", { command = "echo \0" }, "expected text for sh" },
    { "process", { command = { "echo", "a\0b" } }, "expected text for sh or a list of words" },
    { "process", { command = ("x"):rep(65537) }, "'env' and 'command' have 65537 bytes" },
    { "process", { env = { A = ("x"):rep(40000), B = ("y"):rep(30000) } },
      "have %d+ bytes, and a whole task definition at most 65536.*service%-quotas" },
    { "process", { mounts = "/a,/a" }, "'/a' is mounted twice.*API_MountPoint" },
    { "process", { mounts = { volumes = { { Name = "a b" } }, mountPoints = { {
      ContainerPath = "/x", SourceVolume = "a b" } } } }, "expected a volume's name" },
    { "process", { mounts = { mountPoints = { { ContainerPath = "/x", SourceVolume = "nope" } } } },
      "unknown volume 'nope'" },
    { "process", { mounts = { volumes = { { Name = "x" }, { Name = "x" } } } },
      "two volumes are called 'x'.*API_Volume" },
    { "process", { mounts = { volumes = { { name = "x" } } } }, "a volume needs 'Name'" },
    { "process", { command = "  " }, "'command': expected text for sh" },
    { "process", { command = { "", "x" } }, "the first word is the program, and it is empty" },
    { "process", { healthCheck = { interval = 10 } }, "'command' is missing.*API_HealthCheck" },
  } do
    it("is refused: " .. case[3], function()
      local err = templates.refused(case[1], case[2])
      assert.matches(case[3], err)
      assert.matches("https://docs.aws.amazon.com/", err, 1, true)
    end)
  end

  it("is taken with all that AWS takes", function()
    for _, more in ipairs {
      { service = "My Service", image = "tiles:v1" }, { service = "maps/tiles.render" },
      { service = { Ref = "Service" } },
      { image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b@sha256:" .. ("0"):rep(64) },
      { env = { ["my.variable-1"] = "ä", EMPTY = "" } }, { containerUser = "app:1000" },
      { secrets = { A = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a-Ab:k::",
        B = "name", C = "/a/b", D = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/a" } },
      { mounts = "/a:/b:rw,/c" }, { ulimits = { core = { soft = 0, hard = 0 }, nofile = 1 } },
      { mounts = { volumes = { { Name = { Ref = "V" } } }, mountPoints = { {
        ContainerPath = "/x", SourceVolume = { Ref = "V" } } } } },
    } do
      assert(options.complete(templates.given("process", more)))
    end
  end)
end)
