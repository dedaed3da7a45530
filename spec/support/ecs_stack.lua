--- ecs_stack: a setup for specs of watchers on ECS: a cluster, a task definition whose tasks log
-- what they do, a queue, a topic and its messages, a policy, and watchers. Everything here waits,
-- so it must be in a task.

local cjson = require "cjson"
local workshop = require "support.workshop"

local ecs_stack = { CLUSTER = "fleet" }

local Stack = {}
Stack.__index = Stack

local POLICY = [[
local policy = require "watchbot".policy {
  task = { cluster = "fleet", definition = "job", container = "main" },
  workers = 20, placements = 100, visibility = 5,
  %s
}
function policy:backoff() return 0 end
return policy
]]

--- A stack in a server that has nothing in it. Its tasks run `script` in the folder's place, as `sh
--- -c`.
---@param server table
---@param folder table of the workshop
---@param script string
---@param ... table more containers
function ecs_stack.new(server, folder, script, ...)
  server:reset()
  local self = setmetatable({ server = server, folder = folder, ecs = server:client "ecs",
    sqs = server:client "sqs" }, Stack)
  assert(self.ecs:CreateCluster { clusterName = ecs_stack.CLUSTER })
  self:define("job", { command = { "sh", "-c", script } }, ...)
  self.queue = assert(self.sqs:CreateQueue { QueueName = "jobs" }).QueueUrl
  self:policy ""
  return self
end

--- Registers a task definition.
---@param family string
---@param ... table containers; `main` of a harmless image is the default
function Stack:define(family, ...)
  local containers = {}
  for index, given in ipairs { ... } do
    local container = {
      name = "main", image = "worker:1", memory = 16, workingDirectory = self.folder.path,
      stopTimeout = 2,
    }
    for name, value in pairs(given) do container[name] = value end
    containers[index] = container
  end
  assert(self.ecs:RegisterTaskDefinition { family = family, containerDefinitions = containers })
end

--- Writes the policy, with more or other fields than usual.
---@param fields string Lua
function Stack:policy(fields)
  self.folder:write("policy.lua", POLICY:format(fields))
end

---@param bodies string[]
---@return table<string, string> ids their messages' ids by their bodies
function Stack:send(bodies)
  local ids = {}
  for _, body in ipairs(bodies) do
    ids[body] = assert(self.sqs:SendMessage { QueueUrl = self.queue, MessageBody = body }).MessageId
  end
  return ids
end

--- Receives messages like a watcher that dies at once: the next receive of each is its second.
---@param count integer the number of messages in the queue
function Stack:receive_and_return(count)
  local entries = {}
  while #entries < count do
    local received = assert(self.sqs:ReceiveMessage {
      QueueUrl = self.queue, MaxNumberOfMessages = 10,
    })
    for _, message in ipairs(received.Messages or {}) do
      entries[#entries + 1] = {
        Id = tostring(#entries), ReceiptHandle = message.ReceiptHandle, VisibilityTimeout = 0,
      }
    end
  end
  assert(self.sqs:ChangeMessageVisibilityBatch { QueueUrl = self.queue, Entries = entries })
end

local function environment(self)
  local variables = self.server:environment()
  variables.QueueUrl, variables.StackName = self.queue, "spec"
  variables.NotificationTopic, variables.TaskEventQueueUrl = self.topic or false, self.events
    or false
  for _, name in ipairs { "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "Concurrency",
    "LogGroup" } do
    variables[name] = false
  end
  variables.AWS_CONFIG_FILE, variables.AWS_SHARED_CREDENTIALS_FILE = "/dev/null", "/dev/null"
  return variables
end

--- From now on, watchers publish their notifications to a topic.
function Stack:subscribe()
  local sns = self.server:client "sns"
  self.topic = assert(sns:CreateTopic { Name = "failures" }).TopicArn
  self.inbox = assert(self.sqs:CreateQueue { QueueName = "inbox" }).QueueUrl
  assert(sns:Subscribe {
    TopicArn = self.topic, Protocol = "sqs", Endpoint = "arn:aws:sqs:us-east-1:123456789012:inbox",
  })
end

--- The texts of the notifications since the last call.
---@return string[]
function Stack:notifications()
  local texts = {}
  for _, message in ipairs(assert(self.sqs:ReceiveMessage {
    QueueUrl = self.inbox, MaxNumberOfMessages = 10, VisibilityTimeout = 3600,
  }).Messages or {}) do
    texts[#texts + 1] = cjson.decode(message.Body).Message
  end
  return texts
end

--- From now on, EventBridge reports tasks to watchers.
function Stack:listen()
  self.events = assert(self.sqs:CreateQueue { QueueName = "events" }).QueueUrl
  self.server:knobs { event_queue = self.events }
end

--- Starts a watcher.
---@param option string? "--drain"
---@param instead table<string, string>? variables that define the work, instead of the policy file
---@param keys table<string, string>? further variables, besides the policy file
---@return table process
function Stack:watch(option, instead, keys)
  local arguments, variables = { "run" }, environment(self)
  if option then table.insert(arguments, option) end
  if not instead then table.insert(arguments, "policy.lua") end
  for name, value in pairs(instead or keys or {}) do variables[name] = value end
  return workshop.start(self.folder, arguments, variables)
end

--- Waits for the end of a watcher.
---@return watchbot.Exit exit
---@return table<string, table[]> said by the ids of the messages, "" for none
---@return string log
function Stack:finish(watcher)
  local exit = watcher:wait(workshop.PATIENCE)
  if not exit then watcher:kill "KILL" end
  local log, problem = watcher:output()
  assert(exit, "the watcher did not end:\n" .. log:sub(-4000) .. problem)
  return exit, ecs_stack.said(log), log .. problem
end

--- Runs a watcher until the queue is empty.
---@return table<string, table[]> said
---@return string log
function Stack:drain()
  local exit, said, log = self:finish(self:watch "--drain")
  assert(exit.code == 0, log:sub(-4000))
  return said, log
end

--- The watcher's own lines in a log.
---@param log string
---@return table<string, table[]> by the ids of the messages, "" for none
function ecs_stack.said(log)
  local said = setmetatable({}, { __index = function() return {} end })
  for id, json in log:gmatch "%[watcher%] ?%[?([^{%]\n]*)%]? (%b{})\n" do
    said[id] = rawget(said, id) or {}
    table.insert(said[id], cjson.decode(json))
  end
  return said
end

--- The outcomes of a message.
function ecs_stack.outcomes(lines)
  local outcomes = {}
  for _, line in ipairs(lines) do outcomes[#outcomes + 1] = line.outcome end
  return outcomes
end

--- How often each line is in the file `done`.
---@return table<string, integer>
function Stack:done()
  local counts = {}
  for _, line in ipairs(self.folder:lines "done") do counts[line] = (counts[line] or 0) + 1 end
  return counts
end

--- How many messages the queue has, seen or unseen.
function Stack:left()
  local attributes =
    assert(self.sqs:GetQueueAttributes { QueueUrl = self.queue,
    AttributeNames = { "All" } }).Attributes
  return attributes.ApproximateNumberOfMessages
    + attributes.ApproximateNumberOfMessagesNotVisible | 0
end

--- The tasks that have not been stopped.
function Stack:tasks()
  return assert(self.ecs:ListTasks { cluster = ecs_stack.CLUSTER }).taskArns
end

return ecs_stack
