--- stack: the resources of a CloudFormation stack of watchbot or ecs-watchbot: its queues, topics,
-- log group, cluster.
-- https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
-- Outputs are found by the end of their key, which starts with the watcher's prefix. Resources
-- without an output (older stacks have few, those of ecs-watchbot v10 none) are found by type and
-- logical id.

local aws = require "watchbot.aws"
local denied = require "watchbot.aws.denied"
local resources = require "watchbot.stack.resources"
local sorted = require "watchbot.lib.sorted"

-- Ends of output keys. A longer end is not mistaken for a shorter one: DeadLetterQueueUrl is not a
-- QueueUrl.
local ENDS = {
  "DeadLetterQueueUrl", "TaskEventQueueUrl", "QueueUrl", "LogGroup", "NotificationTopic", "Topic",
  "ProgressTable", "MessageOverflow",
  "ClusterArn", "Service", "TaskDefinition", "WebhookEndpoint",
}

---@alias watchbot.StackOutput
--- "QueueUrl"|"DeadLetterQueueUrl"|"TaskEventQueueUrl"|"LogGroup"|"Topic"|"NotificationTopic"
---|"ProgressTable"|"MessageOverflow"|"ClusterArn"|"Service"|"TaskDefinition"|"WebhookEndpoint"

---@class watchbot.Stack
---@field name string
---@field prefix string of the watcher, "Watchbot" unless its template sets another
local Stack = {}
Stack.__index = Stack

local stack = {}

---@return string? prefix
---@return string? ending
local function split(key)
  for _, ending in ipairs(ENDS) do
    if #key >= #ending and key:sub(-#ending) == ending then
      return key:sub(1, -#ending - 1), ending
    end
  end
end

-- by ending, then by prefix
local function by_ending(outputs)
  local found = {}
  for _, output in ipairs(type(outputs) == "table" and outputs or {}) do
    local prefix, ending = split(tostring(output.OutputKey))
    if ending then
      found[ending] = found[ending] or {}
      found[ending][prefix] = output.OutputValue
    end
  end
  return found
end

function Stack:explain(operation, err, code)
  if denied.is(code) then
    err, code = denied.message("cloudformation:" .. operation,
      ("stack '%s'"):format(self.name), err)
    return nil, err .. "; or name the queue with --queue", code
  elseif code == "ValidationError" and err:find("does not exist", 1, true) then
    local place = self.client.place
    return nil, ("stack '%s' does not exist in %s: AWS_REGION chooses another region, AWS_PROFILE "
      .. "another account"):format(
      self.name, place and place.region or "this region"), "StackNotFound"
  end
  return nil, err, code
end

function Stack:describe()
  local result, err, code = self.client:DescribeStacks { StackName = self.name }
  if not result then return self:explain("DescribeStacks", err, code) end
  local described = type(result.Stacks) == "table" and result.Stacks[1]
  if not described then
    return nil, ("stack '%s' does not exist"):format(self.name), "StackNotFound"
  end
  self.outputs = by_ending(described.Outputs)
  return true
end

--- The stack's resources, in the form of outputs; requested once, when first needed.
function Stack:resources()
  if self.found then return self.found end
  local err, code
  self.found, err, code = resources.list(self.client, self.name)
  if not self.found then return self:explain("ListStackResources", err, code) end
  return self.found
end

local function names_of(map)
  return sorted.keys(map or {})
end

-- Each dead-letter queue belongs to a watcher: the user's own outputs may end in QueueUrl, too.
local function prefixes_of(found)
  local names = names_of(found.DeadLetterQueueUrl)
  return #names > 0 and names or names_of(found.QueueUrl)
end

function Stack:watchers()
  local names = prefixes_of(self.outputs)
  if #names > 0 then return names end
  local found, err, code = self:resources()
  if not found then return nil, err, code end
  return prefixes_of(found)
end

local function listed(names)
  for index, name in ipairs(names) do names[index] = name == "" and "'' (none)" or name end
  return table.concat(names, ", ")
end

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  return set
end

function Stack:choose(wanted)
  local names, err, code = self:watchers()
  if not names then return nil, err, code end
  self.prefixes = set_of(names)
  if #names == 0 then
    return nil, ("stack '%s' has no queue of watchbot's: no output ends in QueueUrl, and no SQS "
      .. "queue is among its resources")
      :format(self.name), "NoWatcher"
  end
  if wanted and self.prefixes[wanted] then
    self.prefix = wanted
    return true
  elseif wanted then
    return nil, ("stack '%s' has no watcher '%s'; it has %s"):format(self.name, wanted,
      listed(names)), "Usage"
  elseif #names > 1 then
    return nil, ("stack '%s' has %d watchers: choose one with --prefix: %s"):format(self.name,
      #names, listed(names)), "Usage"
  end
  self.prefix = names[1]
  return true
end

---@class watchbot.StackOptions
---@field prefix string? which watcher, if the stack has several
---@field client table? a client of cloudformation, instead of a new one

--- Looks up a stack. Waits in a task.
---@param name string name or ARN
---@param options watchbot.StackOptions?
---@return watchbot.Stack?
---@return string? err
---@return string? code "StackNotFound", "NotAllowed", "NoWatcher", "Usage"
function stack.open(name, options)
  options = options or {}
  local client, err, code = options.client, nil, nil
  if not client then
    client, err, code = aws("cloudformation", { place = name:match "^arn:" and name or nil })
  end
  if not client then return nil, err, code end
  local self = setmetatable({ name = name, client = client }, Stack)
  local ok
  ok, err, code = self:describe()
  if ok then ok, err, code = self:choose(options.prefix) end
  if not ok then return nil, err, code end
  return self
end

-- A resource that several watchers share (a cluster), or the only one in the stack that no other
-- watcher has, needs no prefix.
function Stack:pick(by_prefix)
  if not by_prefix then return nil end
  local value = by_prefix[self.prefix] or by_prefix[""]
  if value then return value end
  local names = names_of(by_prefix)
  return #names == 1 and not self.prefixes[names[1]] and by_prefix[names[1]] or nil
end

--- The value of the output whose key ends with this text; without such an output, that of the
--- matching resource. Waits in a task.
---@param ending watchbot.StackOutput
---@return string? value the value of the output: a LogGroup, a ClusterArn and a Service may be
--- names or ARNs
---@return string? err
---@return string? code "NoOutput" if the stack has no such resource
function Stack:output(ending)
  local value = self:pick(self.outputs[ending])
  if value then return value end
  local found, err, code = self:resources()
  if not found then return nil, err, code end
  value = self:pick(found[ending])
  if value then return value end
  return nil, ("stack '%s' has no output %s%s, and no resource that would be it"):format(self.name,
    self.prefix, ending),
    "NoOutput"
end

return stack
