--- cli.target: finds the watcher that a command works on: from `--stack NAME`, `--queue URL`, or
-- the environment.
-- A command asks for a queue, log group or cluster by the name of a stack's output; without a
-- stack, it comes from options and the watcher's environment variables.

local target = {}

--- Options shared by commands; an option for one resource ("log-group") is declared by its command.
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

-- Where a value comes from without a stack: an option of the command, then the environment that
-- templates set.
local SOURCES = {
  QueueUrl = { "queue", "QueueUrl" },
  DeadLetterQueueUrl = { "dead-letter-queue" },
  LogGroup = { "log-group", "LogGroup" },
  ClusterArn = { "cluster", "Cluster" },
  Service = { "service", "Service" },
  Topic = { "topic", "WorkTopic" },
  NotificationTopic = { "notification-topic", "NotificationTopic" },
  SchedulerRole = { "scheduler-role", "SchedulerRole" },
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

-- An option overrides the environment, and a queue overrides a stack, because it is more specific.
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
    return nil, ("%s: --prefix selects a watcher of a stack: add --stack NAME"):format(command),
      "Usage"
  end
  local self = setmetatable({ command = command, arguments = arguments }, Target)
  if not name then return self end
  local err, code
  -- AWS modules are loaded only when they are needed.
  self.stack, err, code = require "watchbot.stack".open(name, { prefix = arguments.prefix })
  if not self.stack then return nil, err, code end
  return self
end

--- The stack's output of this name; nil without an error if nothing names one. Waits in a task.
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

--- The same, for a value that the command requires.
---@param ending string
---@param what string for the error: "queue"
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
  return nil, ("%s: no %s: give %s%s"):format(self.command, what, table.concat(ways, ", "),
    source[2] and (", or set $%s"):format(source[2]) or ""), "Usage"
end

--- The URL of the queue.
---@return string? url
---@return string? err
---@return string? code
function Target:queue_url()
  return self:need("QueueUrl", "queue")
end

return target
