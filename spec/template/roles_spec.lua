local templates = require "support.templates"

-- action -> what it is allowed on, of a role's policies together.
local function allowed(id, mode, more)
  local actions = {}
  for _, policy in ipairs(templates.properties("roles", "Watchbot" .. id, mode, more).Policies
    or {}) do
    for _, statement in ipairs(policy.PolicyDocument.Statement) do
      for _, action in ipairs(statement.Action) do actions[action] = statement end
    end
  end
  return actions
end

local function names_of(actions)
  local names = {}
  for name in pairs(actions) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function arn(name) return { ["Fn::GetAtt"] = { "Watchbot" .. name, "Arn" } } end

describe("the roles of a template", function()
  it("are handed out by ECS only, for tasks of this account", function()
    for _, id in ipairs { "WorkerRole", "WatcherRole", "ExecutionRole" } do
      local trust = templates.properties("roles", "Watchbot" .. id,
        "task").AssumeRolePolicyDocument.Statement
      assert.are.equal(1, #trust)
      assert.are.same({ "ecs-tasks.amazonaws.com" }, trust[1].Principal.Service)
      assert.are.same({ ["aws:SourceAccount"] = { Ref = "AWS::AccountId" } },
        trust[1].Condition.StringEquals)
    end
  end)

  it("share nothing that a user's part may change", function()
    table.insert(allowed("WatcherRole", "task")["sqs:ReceiveMessage"].Action, "sqs:PurgeQueue")
    assert.is_nil(allowed("WatcherRole", "task")["sqs:PurgeQueue"])
  end)

  it("let tasks publish, and no more", function()
    assert.are.same({ "sns:Publish" }, names_of(allowed("WorkerRole", "task")))
    assert.are.same({ Ref = "WatchbotTopic" },
      allowed("WorkerRole", "task")["sns:Publish"].Resource)
  end)

  it("let tasks use the progress table, a key, and what the user says", function()
    local actions = allowed("WorkerRole", "task", {
      reduce = true, kmsKey = "arn:aws:kms:eu-west-1:123456789012:key/k",
      permissions = {
        { Effect = "Allow", Action = { "s3:GetObject" }, Resource = "arn:aws:s3:::tiles/*" },
      },
    })
    assert.are.same(arn "ProgressTable", actions["dynamodb:UpdateItem"].Resource)
    assert.is_truthy(actions["s3:GetObject"] and actions["kms:Decrypt"])
  end)

  it("let watchers receive, publish, and start and follow tasks", function()
    local actions = allowed("WatcherRole", "task")
    assert.are.same({
      "ecs:DescribeTasks", "ecs:ListTasks", "ecs:RunTask", "ecs:StopTask", "iam:PassRole",
      "logs:FilterLogEvents", "sns:GetTopicAttributes", "sns:Publish",
      "sqs:ChangeMessageVisibility", "sqs:DeleteMessage",
      "sqs:GetQueueAttributes", "sqs:ListQueueTags", "sqs:ReceiveMessage", "sqs:SendMessage",
      "sqs:TagQueue", "sqs:UntagQueue",
    }, names_of(actions))
    -- The metric of dead letters was absent on every stack: its question was denied.
    assert.are.same({ arn "Queue", arn "DeadLetterQueue" },
      actions["sqs:GetQueueAttributes"].Resource)
    assert.are.same(arn "DeadLetterQueue", actions["sqs:SendMessage"].Resource)
    assert.are.same({ arn "WorkerRole", arn "ExecutionRole" }, actions["iam:PassRole"].Resource)
    assert.are.same({ Ref = "WatchbotNotificationTopic" }, actions["sns:Publish"].Resource)
  end)

  it("let watchers write to X-Ray where the template asks for traces", function()
    for role, mode in pairs { WatcherRole = "task", Role = "process" } do
      local actions = allowed(role, mode, { traces = "xray" })
      for _, action in ipairs { "PutSpans", "PutSpansForIndexing", "PutTraceSegments" } do
        assert.are.equal("*", actions["xray:" .. action].Resource)
      end
      assert.is_nil(allowed(role, mode)["xray:PutSpans"])
    end
  end)

  it("let watchers of processes do what the processes do, and nothing of ECS but protect "
    .. "themselves", function()
    local names = table.concat(names_of(allowed("Role", "process")), " ")
    assert.are.equal("ecs:DescribeServices ecs:DescribeTasks ecs:UpdateTaskProtection "
      .. "sns:GetTopicAttributes sns:Publish "
      .. "sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes "
      .. "sqs:ListQueueTags sqs:ReceiveMessage sqs:SendMessage sqs:TagQueue sqs:UntagQueue", names)
  end)

  it("have a path and a boundary, and statements for hooks", function()
    local more = {
      rolePath = "/watchbot/", permissionsBoundary = "arn:aws:iam::123456789012:policy/bounds",
      watcherPermissions = {
        { Effect = "Allow", Action = { "ecs:DescribeTaskDefinition" }, Resource = "*" },
      },
    }
    for _, id in ipairs { "WatcherRole", "WorkerRole", "ExecutionRole", "WatcherExecutionRole" } do
      local properties = templates.properties("roles", "Watchbot" .. id, "task", more)
      assert.are.same({ more.rolePath, more.permissionsBoundary },
        { properties.Path, properties.PermissionsBoundary }, id)
    end
    assert.is_table(allowed("WatcherRole", "task", more)["ecs:DescribeTaskDefinition"])
    assert.is_nil(allowed("WorkerRole", "task", more)["ecs:DescribeTaskDefinition"])
    assert.is_table(allowed("Role", "process", more)["ecs:DescribeTaskDefinition"])
  end)

  it("give the secrets to the tasks, not to their watchers", function()
    local more = { secrets = { TOKEN = "/tiles/token" } }
    assert.is_table(allowed("ExecutionRole", "task", more)["ssm:GetParameters"])
    assert.is_nil(allowed("WatcherExecutionRole", "task", more)["ssm:GetParameters"])
    assert.matches("repository/watchbot$",
      allowed("WatcherExecutionRole", "task")["ecr:BatchGetImage"].Resource[1]["Fn::Sub"])
  end)

  it("let images be pulled from ECR at each of its hosts", function()
    -- Images at a dual-stack or FIPS host were taken for those of another registry: no rights to
    -- pull, no task starts.
    for _, host in ipairs {
      "dkr.ecr.eu-west-1.amazonaws.com", "dkr.ecr-fips.us-east-1.amazonaws.com",
      "dkr-ecr.eu-west-1.on.aws",
      "dkr-ecr-fips.us-east-1.on.aws", "dkr.ecr.cn-north-1.amazonaws.com.cn",
      "dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "dkr.ecr.us-iso-east-1.c2s.ic.gov",
      "dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
    } do
      local pull = allowed("ExecutionRole", "process", {
        image = "123456789012." .. host .. "/team/tiles:v1",
      })
      assert.matches(":123456789012:repository/team/tiles$",
        pull["ecr:BatchGetImage"].Resource[1]["Fn::Sub"], host)
    end
    assert.is_nil(allowed("ExecutionRole", "process",
      { image = "public.ecr.aws/a/b:1" })["ecr:BatchGetImage"])
  end)

  it("let watchers tag tasks where there are tags", function()
    assert.is_nil(allowed("WatcherRole", "task")["ecs:TagResource"])
    assert.are.same({ StringEquals = { ["ecs:CreateAction"] = "RunTask" } },
      allowed("WatcherRole", "task", { tags = { team = "maps" } })["ecs:TagResource"].Condition)
  end)

  it("allow something on everything only where AWS takes no ARN", function()
    local more = { secrets = { A = "/a" }, reduce = true }
    for id, mode in pairs { WatcherRole = "task", WorkerRole = "task", ExecutionRole = "task",
      Role = "process" } do
      for action, statement in pairs(allowed(id, mode, more)) do
        if statement.Resource == "*" then
          assert.is_truthy(action == "ecs:ListTasks" or action == "ecr:GetAuthorizationToken",
            action)
        end
      end
    end
  end)

  it("know a cluster by its ARN, by its name, and by either where an intrinsic stands for it",
    function()
    local function clusters(cluster)
      return allowed("WatcherRole", "task",
        { cluster = cluster })["ecs:RunTask"].Condition.StringEquals["ecs:cluster"]
    end
    assert.are.same({
      { ["Fn::Sub"] = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:cluster/main" },
    },
      clusters "main")
    local cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/main"
    assert.are.same({ cluster }, clusters(cluster))
    assert.are.same({ Ref = "Cluster" }, clusters({ Ref = "Cluster" })[1])
    assert.are.equal(2, #clusters { Ref = "Cluster" })
  end)

  it("let ECS write the log, pull the images that are in ECR, and read the secrets", function()
    local secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:b-123456"
    local actions = allowed("ExecutionRole", "task", {
      image = "111122223333.dkr.ecr.us-west-2.amazonaws.com/my/tiles:v1",
      secrets = { A = "/tiles/a", B = secret .. ":password::" },
      executionPermissions = {
        { Effect = "Allow", Action = { "kms:Decrypt" }, Resource = { Ref = "Key" } },
      },
    })
    assert.are.same(arn "LogGroup", actions["logs:PutLogEvents"].Resource)
    assert.are.equal("arn:${AWS::Partition}:ecr:us-west-2:111122223333:repository/my/tiles",
      actions["ecr:BatchGetImage"].Resource[1]["Fn::Sub"])
    assert.are.same({ secret }, actions["secretsmanager:GetSecretValue"].Resource)
    assert.matches("parameter/tiles/a$", actions["ssm:GetParameters"].Resource[1]["Fn::Sub"])
    assert.is_truthy(actions["kms:Decrypt"])
    assert.are.same({ "logs:CreateLogStream", "logs:PutLogEvents" },
      names_of(allowed("ExecutionRole", "process", {
        image = "public.ecr.aws/docker/library/busybox",
      })))
  end)
end)
