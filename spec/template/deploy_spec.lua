-- Stacks that are really made, by CloudFormation's own API, and then used: what the template says
-- of environments, commands and permissions is all that the watcher has.

local cjson = require "cjson"
local ecs_server = require "support.ecs_server"
local shell = require "support.shell"
local template = require "watchbot.template"
local to_json = require "watchbot.template.to_json"
local workshop = require "support.workshop"

local CLUSTER = "fleet"

-- What there is of a stack once it is made.
local Stack = {}
Stack.__index = Stack

local function physical_ids(cloudformation, name)
  local ids = {}
  for _, resource in ipairs(assert(cloudformation:ListStackResources {
    StackName = name }).StackResourceSummaries) do
    ids[resource.LogicalResourceId] = resource.PhysicalResourceId
  end
  return ids
end

local function outputs_of(described)
  local outputs = {}
  for _, output in ipairs(described.Outputs) do outputs[output.OutputKey] = output.OutputValue end
  return outputs
end

local function create(server, name, made)
  local cloudformation = server:client "cloudformation"
  assert(cloudformation:CreateStack {
    StackName = name, TemplateBody = to_json(made), Capabilities = { "CAPABILITY_IAM" },
  })
  local described = assert(cloudformation:DescribeStacks { StackName = name }).Stacks[1]
  assert(described.StackStatus == "CREATE_COMPLETE", described.StackStatus)
  return setmetatable({
    server = server, made = made, ids = physical_ids(cloudformation, name),
    outputs = outputs_of(described),
    sqs = server:client "sqs", sns = server:client "sns", ecs = server:client "ecs",
  }, Stack)
end

function Stack:publish(text)
  return assert(self.sns:Publish {
    TopicArn = self.outputs.WatchbotTopic, Subject = "a tile", Message = text,
  })
end

function Stack:left()
  local attributes = assert(self.sqs:GetQueueAttributes {
    QueueUrl = self.outputs.WatchbotQueueUrl, AttributeNames = { "All" },
  }).Attributes
  return attributes.ApproximateNumberOfMessages
    + attributes.ApproximateNumberOfMessagesNotVisible | 0
end

-- The first container of a deployed task definition: its command and its environment.
function Stack:container(id)
  local definition =
    assert(self.ecs:DescribeTaskDefinition { taskDefinition = self.ids[id] }).taskDefinition
  local container, variables = definition.containerDefinitions[1], {}
  for _, variable in ipairs(container.environment) do variables[variable.name] = variable.value end
  return container.command, variables, definition.taskRoleArn
end

-- The keys of the task role, which may do what the template's policies say and nothing else.
function Stack:keys_of(role)
  local made = assert(self.server:client "sts":AssumeRole {
    RoleArn = role, RoleSessionName = "task",
  }).Credentials
  return {
    AWS_ACCESS_KEY_ID = made.AccessKeyId, AWS_SECRET_ACCESS_KEY = made.SecretAccessKey,
    AWS_SESSION_TOKEN = made.SessionToken,
  }
end

-- Starts what the container of a task definition runs, in its environment, with credentials and an
-- endpoint as only what is around a container gives them.
function Stack:start(folder, id)
  local command, variables, role = self:container(id)
  assert.are.equal("watchbot", table.remove(command, 1))
  -- It would be emptied: here it is the machine's own.
  assert(not variables.Volumes, "the spec's stacks must have no scratch folders")
  for name, value in pairs(self.server:environment()) do variables[name] = value end
  for name, value in pairs(self:keys_of(role)) do variables[name] = value end
  variables.AWS_PROFILE, variables.AWS_DEFAULT_REGION = false, false
  variables.AWS_CONFIG_FILE, variables.AWS_SHARED_CREDENTIALS_FILE = "/dev/null", "/dev/null"
  return workshop.start(folder, command, variables)
end

local function finish(watcher)
  watcher:kill "TERM"
  local exit = watcher:wait(workshop.PATIENCE)
  if not exit then watcher:kill "KILL" end
  local log, problem = watcher:output()
  assert(exit and exit.code == 0, log:sub(-4000) .. problem)
  return log
end

local function options(mode, folder, more)
  local given = {
    mode = mode, cluster = CLUSTER, service = "tiles", serviceVersion = "v1",
    notificationEmail = "me@example.com",
    command = ("printf '%%s\\n' \"$Subject: $Message on $Bucket\" >> %s"):format(shell.quote(
      folder:file "done")),
    env = { Bucket = "my-bucket" }, workers = 2, webhook = true, webhookKey = true, user = true,
    reduce = true,
  }
  for name, value in pairs(more or {}) do given[name] = value end
  return given
end

describe("a deployed stack", function()
  local server

  setup(function() server = ecs_server.start() end)
  teardown(function() server:close() end)

  local function deployed(mode, folder, more)
    server:reset()
    assert(server:client "ecs":CreateCluster { clusterName = CLUSTER })
    return create(server, "spec-" .. mode, template(options(mode, folder, more)))
  end

  local function works(stack, folder, id)
    stack:publish "7/1/2"
    assert.are.equal(1, stack:left())
    local watcher = stack:start(folder, id)
    local done, problem =
      pcall(workshop.eventually, function() return stack:left() == 0 end, "the message is deleted")
    local log = finish(watcher)
    assert(done, tostring(problem) .. "\n" .. log:sub(-4000))
    assert.are.same({ "a tile: 7/1/2 on my-bucket" }, folder:lines "done")
    assert.is_nil(log:find("do not allow", 1, true), log)
    return log
  end

  for _, mode in ipairs { "task", "process" } do
    it(("of mode %s has every resource"):format(mode), workshop.task(function(folder)
      local stack = deployed(mode, folder, mode == "process" and { maxScalingCapacity = 3 } or nil)
      for id, resource in pairs(stack.made.Resources) do
        assert.is_string(stack.ids[id], id .. " is missing: " .. resource.Type)
      end
    end))

    it(("of mode %s has outputs by which tools find its parts"):format(mode),
      workshop.task(function(folder)
      local outputs = deployed(mode, folder).outputs
      assert.are.equal(CLUSTER, outputs.ClusterArn)
      assert.matches("/spec%-" .. mode .. "%-WatchbotQueue", outputs.WatchbotQueueUrl)
      assert.matches("WatchbotDeadLetterQueue", outputs.WatchbotDeadLetterQueueUrl)
      assert.matches("^arn:aws:logs:.*:log%-group:spec%-" .. mode, outputs.WatchbotLogGroup)
      assert.matches("^arn:aws:sns:.*WatchbotTopic", outputs.WatchbotTopic)
      assert.matches("^arn:aws:sns:.*WatchbotNotificationTopic", outputs.WatchbotNotificationTopic)
      assert.matches("^arn:aws:dynamodb:.*%-Watchbot%-progress", outputs.WatchbotProgressTable)
      assert.matches("^arn:aws:ecs:.*:service/", outputs.WatchbotService)
      assert.matches("^arn:aws:ecs:.*:task%-definition/", outputs.WatchbotTaskDefinition)
      assert.matches("^https://.*/webhooks$", outputs.WatchbotWebhookEndpoint)
    end))
  end

  it("runs an ECS task for a message to its topic, by the environment of its watchers",
    workshop.task(function(folder)
    local stack = deployed("task", folder)
    server:forget_calls()
    local log = works(stack, folder, "WatchbotWatcher")
    local runs = server:calls "RunTask"
    assert.are.equal(1, #runs)
    assert.are.equal(stack.ids.WatchbotWorker, runs[1].parameters.taskDefinition)
    assert.matches('"outcome":"success"', log)
  end))

  it("runs a process for a message to its topic, by the environment of its service",
    workshop.task(function(folder)
    works(deployed("process", folder), folder, "WatchbotTask")
  end))

  it("writes its log in JSON where it is asked to", workshop.task(function(folder)
    local log = works(deployed("process", folder, { structuredLogging = true }), folder,
      "WatchbotTask")
    for line in log:gmatch "[^\n]+" do assert.is_table(cjson.decode(line), line) end
  end))

  it("takes raw messages from its topic", workshop.task(function(folder)
    local stack = deployed("process", folder, { rawMessageDelivery = true })
    stack:publish "raw"
    local watcher = stack:start(folder, "WatchbotTask")
    workshop.eventually(function() return stack:left() == 0 end, "the message is deleted")
    finish(watcher)
    assert.are.same({ ": raw on my-bucket" }, folder:lines "done")
  end))
end)
