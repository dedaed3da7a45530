--- policy.complete: checks that a policy has everything that a watcher needs, and no fields that
-- exclude each other.

local address = require "watchbot.lib.address"
local queues = require "watchbot.policy.queues"
local resident = require "watchbot.policy.resident"

local schedule = require "watchbot.schedule"

local complete = {}

local function no_single_task(policy)
  local set = {}
  for _, name in ipairs(queues.KINDS) do set[#set + 1] = policy:is_set(name) and name or nil end
  if #set == 0 and not policy.task then
    return "no command: set the policy's 'command', 'handler' or 'task', or run: watchbot "
      .. "run -- COMMAND"
  elseif #set > 1 then
    return ("both '%s' and '%s' are set: a task is either a program, a function or an ECS "
      .. "task"):format(set[1], set[2])
  end
end

local function misfit(policy, kind)
  if policy.on_stop == "leave" and kind ~= "ecs" then
    return "'on_stop' can be 'leave' for ECS tasks only: others end with the watcher"
  elseif policy.volumes and policy.jobs ~= 1 and policy.workers > 1 then
    return ("'volumes' are emptied after each job, but %d 'workers' share them: set workers "
      .. "= 1"):format(policy.workers)
  end
end

-- The console shows messages: unlike /metrics it is for this machine only, unless the policy says
-- by which name, and for which token, others may have it.
local function console_misfit(policy)
  if not policy.console then return nil end
  if not policy.listen then return "'console' needs 'listen': the address of the page" end
  local token = os.getenv "ConsoleToken" or ""
  local options = address.parse(policy.listen)
  if address.is_local(options) or (policy.console_hosts and token ~= "") then return nil end
  return ("'console': other machines can reach '%s' ('listen'): set 'console_hosts' and "
    .. "$ConsoleToken, or listen on 127.0.0.1"):format(policy.listen)
end

-- Keys that are nowhere cannot be found by another watcher.
local function once_misfit(policy)
  if not policy.once or policy.queue:match "^sqlite:" then return nil end
  if not policy.once_table then
    return "'once' on an SQS queue needs 'once_table', the ARN of a DynamoDB table, or $OnceTable: "
      .. "the template's option 'once' makes one"
  elseif not policy.once_table:match "^arn:[^:]+:dynamodb:[^:]+:[^:]*:table/[%w_.-]+$" then
    return ("'once_table': expected arn:aws:dynamodb:REGION:ACCOUNT:table/NAME, got '%s'"):format(
      policy.once_table)
  end
end

--- Why a watcher cannot run the policy; nil if it can.
---@param policy watchbot.Policy
---@param kind "lua"|"process"|"resident"|"ecs"
---@return string? err
function complete.problem(policy, kind)
  if not policy.queue then
    return "no queue: set the policy's 'queue' (\"sqlite:jobs.db\"), --queue, or the "
      .. "environment variable QueueUrl"
  end
  return no_single_task(policy) or (resident.kind(policy) and resident.misfit(policy))
    or resident.without_handler(policy) or misfit(policy, kind)
    or console_misfit(policy) or once_misfit(policy)
    or schedule.unsent(policy.schedules, policy.queue, os.getenv "Schedules")
end

--- What excludes each other in the policy of several queues.
---@param policy watchbot.Policy
---@return string? err
function complete.several(policy)
  if policy:is_set "queue" then
    return "both 'queue' and 'queues' are set: 'queues' has all of them"
  end
  if policy:is_set "schedules" then
    return "'schedules' are of one queue: set them in its entry of 'queues'"
  end
  for _, entry in ipairs(policy.strict and queues.entries(policy.queues) or {}) do
    if entry.weight ~= 1 then
      return ("queue '%s': 'weight' has no effect with 'strict': queues that come first go first")
        :format(entry.queue)
    end
  end
  return console_misfit(policy)
end

return complete
