--- cli.target: which watcher a command is about: that of `--stack NAME`, of `--queue URL`, or of
-- the environment.
-- What a command needs (queue, log group, cluster) is asked for by the name of a stack's output;
-- without a stack, options and the watcher's own environment variables answer.

local target = {}

--- For a command's options; those that name one thing only ("log-group") are the command's own.
---@type watchbot.Option[]
target.options = {
  {
    name = "stack", value = "NAME",
    help = "the CloudFormation stack of the watcher; default: $QueueUrl, else $StackName",
  },
  { name = "prefix", value = "NAME", help = "which watcher, where the stack has several" },
  {
    name = "queue", value = "URL",
    help = "sqlite:FILE, or the URL of an SQS queue, instead of a stack",
  },
}

-- Where a value comes from when there is no stack: an option of the command, then the environment
-- that templates set.
local SOURCES = {
  QueueUrl = { "queue", "QueueUrl" },
  DeadLetterQueueUrl = { "dead-letter-queue" },
  LogGroup = { "log-group", "LogGroup" },
  ClusterArn = { "cluster", "Cluster" },
  Service = { "service", "Service" },
  Topic = { "topic", "WorkTopic" },
  NotificationTopic = { "notification-topic", "NotificationTopic" },
  ProgressTable = { "table", "ProgressTable" },
  TaskDefinition = { "task-definition", "TaskDefinition" },
}

local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

---@class watchbot.Target
---@field stack watchbot.Stack? nil: options and environment only
local Target = {}
Target.__index = Target

-- An option beats the environment, and a queue a stack: it is the nearer name.
local function stack_of(arguments)
  if arguments.stack then return arguments.stack end
  if arguments.queue or environment "QueueUrl" then return nil end
  return environment "StackName"
end

--- Finds out what the arguments name. Waits in a task, where it is a stack.
---@param command string for its messages: "logs"
---@param arguments watchbot.Arguments
---@return watchbot.Target?
---@return string? err
---@return string? code
function target.find(command, arguments)
  if arguments.stack and arguments.queue then
    return nil, ("%s: either --stack or --queue, not both"):format(command), "Usage"
  end
  local name = stack_of(arguments)
  if arguments.prefix and not name then
    return nil, ("%s: --prefix chooses a watcher of a stack: name it with --stack"):format(command),
      "Usage"
  end
  local self = setmetatable({ command = command, arguments = arguments }, Target)
  if not name then return self end
  local err, code
  -- What speaks to AWS is loaded only when it is needed.
  self.stack, err, code = require "watchbot.stack".open(name, { prefix = arguments.prefix })
  if not self.stack then return nil, err, code end
  return self
end

--- What is called so in a stack's outputs; nil without a message where nothing names one. Waits in
--- a task.
---@param ending string as in watchbot.Stack:output
---@return string? value
---@return string? err
---@return string? code
function Target:find(ending)
  local source = SOURCES[ending] or {}
  if source[1] and self.arguments[source[1]] then return self.arguments[source[1]] end
  if not self.stack then return source[2] and environment(source[2]) end
  local value, err, code = self.stack:output(ending)
  if code == "NoOutput" then return nil end
  return value, err, code
end

--- The same, for what the command cannot do without.
---@param ending string
---@param what string for the message: "which queue?"
---@return string? value
---@return string? err
---@return string? code
function Target:need(ending, what)
  local value, err, code = self:find(ending)
  if value or err then return value, err, code end
  if self.stack then return self.stack:output(ending) end
  local source = SOURCES[ending] or {}
  local ways = { "--stack NAME" }
  if source[1] then ways[2] = ("--%s"):format(source[1]) end
  return nil, ("%s: %s %s%s"):format(self.command, what, table.concat(ways, ", "),
    source[2] and (", or set $%s"):format(source[2]) or ""), "Usage"
end

--- The URL of the queue.
---@return string? url
---@return string? err
---@return string? code
function Target:queue_url()
  return self:need("QueueUrl", "which queue?")
end

return target
