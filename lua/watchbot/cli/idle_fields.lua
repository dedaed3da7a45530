--- cli.idle_fields: fields that a policy sets and that have no effect next to its other fields,
-- each with the reason. Those that exclude each other are errors already: see policy/complete.lua.

local policy = require "watchbot.policy"
local resident = require "watchbot.policy.resident"

local function is_of_handler(kind, one)
  return kind == "lua" or resident.kind(one) == "handler"
end

local function is_on_sqs(one) return (one.queue or ""):find "^https?://" ~= nil end

-- A program that is started elsewhere: an HTTP worker at a URL, a runtime of another container.
local function is_started_elsewhere(kind, one)
  if kind ~= "resident" or is_of_handler(kind, one) then return false end
  return not resident.of(one).command
end

---@class watchbot.IdleRule
---@field [integer] string fields
---@field when fun(kind: string, one: watchbot.Policy): boolean? whether they have no effect
---@field because string

---@type watchbot.IdleRule[]
local rules = {
  {
    "deliver", "inherit", "cwd", "kill_grace", "memory", "cpu_seconds", "files", "nice", "umask",
    "user", "private_tmp", when = is_of_handler,
    because = "a handler runs in the watcher, without a child process",
  },
  {
    "env", "timestamps", "attributes", "work_topic",
    when = function(kind, one)
      return is_of_handler(kind, one) and not one:is_set "environment"
    end,
    because = "a handler has the message in `job` and the watcher's environment",
  },
  {
    "deliver", "inherit", "cwd", "kill_grace", "memory", "cpu_seconds", "files", "nice", "umask",
    "user", "private_tmp", when = function(kind) return kind == "ecs" end,
    because = "the task definition of an ECS task decides that, not the watcher",
  },
  {
    "inherit", "cwd", "env", "memory", "cpu_seconds", "files", "nice", "umask", "user",
    "private_tmp", when = is_started_elsewhere,
    because = "the watcher does not start this program: its table has no 'command'",
  },
  {
    "timestamps", "attributes",
    when = function(kind, one) return kind == "resident" and not is_of_handler(kind, one) end,
    because = "a resident program gets messages by its protocol, not in its environment",
  },
  {
    "task_events", "pending_timeout", "lost_after", "handover", "status", "placements",
    when = function(kind) return kind ~= "ecs" end, because = "it is for ECS tasks",
  },
  {
    "handover", when = function(kind, one) return kind == "ecs" and one:stopping() ~= "leave" end,
    because = "tasks are left running only where 'on_stop' is 'leave'",
  },
  {
    "drain", when = function(_, one) return one.on_stop == "stop" end,
    because = "'on_stop' is 'stop': tasks are stopped at once",
  },
  {
    "max_receives", "retention", when = function(_, one) return is_on_sqs(one) end,
    because = "an SQS queue has its own: its redrive policy and its retention period",
  },
  {
    "history", "history_rows", "history_output", when = function(_, one) return is_on_sqs(one) end,
    because = "an SQS queue has no table for it",
  },
  {
    "history_rows", "history_output",
    when = function(_, one) return not one.history and not is_on_sqs(one) end,
    because = "'history' is not set",
  },
  {
    "window", when = function(_, one) return one.batch == 1 end,
    because = "'batch' is 1: nothing waits to become full",
  },
  {
    "volumes", when = function(_, one) return one.jobs == 1 end,
    because = "'jobs' is 1: the watcher exits instead of emptying them",
  },
  {
    "notify_limit", when = function(_, one) return not one.topic end,
    because = "no 'topic' is set: no notification is sent",
  },
  {
    "notify_after",
    when = function(_, one) return not one.topic and not one:is_set "notify" end,
    because = "no 'topic' is set: no notification is sent",
  },
  {
    "protect_for", when = function(_, one) return not one.protect end,
    because = "'protect' is false",
  },
  {
    "console_hosts", when = function(_, one) return not one.console end,
    because = "'console' is not set",
  },
  {
    "metrics_namespace", "metrics_service", when = function(_, one) return not one.metrics end,
    because = "'metrics' is not set",
  },
  {
    "strict", when = function(_, one) return not one.queues end,
    because = "there is one queue: it is for 'queues'",
  },
}

-- => reasons by the name of the field
local function reasons_of(one)
  local reasons, kind = {}, policy.kind(one)
  for _, rule in ipairs(rules) do
    for _, name in ipairs(rule) do
      if not reasons[name] and one:is_set(name) and rule.when(kind, one) then
        reasons[name] = rule.because
      end
    end
  end
  return reasons
end

-- A field that the queues share is idle if it is so with each of them.
local function of_all(all)
  local shared, count = {}, {}
  for _, one in ipairs(all) do
    for name, reason in pairs(reasons_of(one.policy)) do
      shared[name], count[name] = reason, (count[name] or 0) + 1
    end
  end
  for name in pairs(shared) do
    if count[name] < #all then shared[name] = nil end
  end
  shared.strict = nil
  return shared
end

--- The fields without effect.
---@param loaded watchbot.Policy
---@return string[] sentences in a stable order
return function(loaded)
  local all = policy.of_queues(loaded)
  local reasons, found = all and of_all(all) or reasons_of(loaded), {}
  for name, reason in pairs(reasons) do
    found[#found + 1] = ("field '%s' has no effect: %s"):format(name, reason)
  end
  table.sort(found)
  return found
end
