--- policy: what a watcher does, as a table of fields and hooks. The hooks here are the defaults; an
-- override handles its own case and calls `watchbot.policy.verdict(self, job, exit)`.
--
--     local policy = watchbot.policy { queue = "sqlite:jobs.db", command = "./resize" }
--     function policy:backoff(job) return 60 end
--
-- A policy is a proxy in front of its values: each assignment is checked at the line that makes it.

local complete = require "watchbot.policy.complete"
local fields = require "watchbot.policy.fields"
local inherit = require "watchbot.policy.inherit"
local limits = require "watchbot.lib.limits"
local sorted = require "watchbot.lib.sorted"
local text = require "watchbot.notify.text"
local queue = require "watchbot.queue"
local resident = require "watchbot.policy.resident"
local refusal = require "watchbot.lib.refusal"
local suggest = require "watchbot.lib.suggest"
local trace_variables = require("watchbot.trace").variables

-- Seconds of a long poll, and for which a message stays out of sight: the most that SQS allows.
local LONG_POLL, LONGEST_BACKOFF = limits.sqs.wait, limits.sqs.visibility

local exits = { [0] = "complete", [3] = "reject", [4] = "release" }

local outcomes = { complete = true, reject = true, release = true, retry = true, bury = true }

---@class watchbot.Exit how a task ended
---@field code integer? exit code
---@field signal string? "KILL": the signal that ended it
---@field shell_signal string? "KILL" for a shell's code 137: the signal that ended its command
---@field reason string? additional information, if there is any
---@field duration number? seconds
---@field outcome string? the task's own choice (a handler that returned "reject")
---@field timed_out boolean? the task was stopped by `timeout`
---@field cpu number? seconds of CPU of a process and of the children it waited for
---@field max_rss integer? bytes of memory of the largest of these; nil if unknown
---@field survivors string? processes of the task that could not be killed, a line each
---@field oom boolean? it was killed because memory ran out, as far as that is known
---@field stopped boolean? it was stopped because the watcher ends
---@field left boolean? it still runs elsewhere, for the next watcher
---@field not_started boolean? it could not be started
---@field error string? the code of that failure: "ENOENT", "AccessDeniedException"; for a failed
--- Lambda function the type of its error, "ValidationError"
---@field request string? of a resident program: the id of the invocation
---@field status integer|string|nil exit code or signal of a resident program: decides nothing
---@field result string? of a resident program: its response, up to 64 KiB
---@field too_big boolean? the message does not fit into a task
---@field unplaced boolean? the cluster had no capacity for it; the job is retried
---@field logs string? its newest output
---@field blameless boolean? the job did not cause it: its machine stopped, for example
---@field elsewhere boolean? it ran on another machine: its output is in the log group
---@field cluster string? of an ECS task: its cluster's ARN
---@field task string? of an ECS task: its ARN
---@field instance string? of an ECS task: the ARN of its container instance
---@field stop_code string? of an ECS task: ECS's `stopCode`
---@field pending number? of an ECS task: milliseconds until it ran
---@field cause string? the watcher's: see watcher/blame.lua

--- The default hooks. All may wait.
---@class watchbot.Hooks
local hooks = {}

--- How many messages to ask for, and how many seconds the queue may wait for the first.
---@param state { free: integer, running: integer, lingering: integer }
---@return integer count
---@return number seconds
function hooks:poll(state)
  return state.free, LONG_POLL
end

--- Whether the job may run now.
---@param job watchbot.Job
---@return true|"complete"|"reject"|"release"|"retry"|"bury"|"hold"|"pause" admitted
---@return number? seconds of a hold, or until the message is seen again
function hooks:admit(job)
  return true
end

--- The variables of the task, besides what it inherits.
---@param job watchbot.Job
---@return table<string, string>
function hooks:environment(job)
  local variables = job:variables(self.timestamps)
  for name, value in pairs(self.env) do
    if trace_variables[name] or not variables[name] then variables[name] = value end
  end
  variables.WorkTopic = variables.WorkTopic or self.work_topic
  variables.LogGroup = variables.LogGroup or self.log_group
  variables.QueueUrl = variables.QueueUrl or self:file_for_tasks(self.queue)
  variables.ProgressTable = variables.ProgressTable or self:file_for_tasks(self.progress)
    or self.progress
  if not self.attributes then variables.MessageAttributes = nil end
  return variables
end

--- What becomes of the message.
---@param job watchbot.Job
---@param exit watchbot.Exit
---@return "complete"|"reject"|"release"|"retry"|"bury"|"pause" outcome
---@return number? seconds until the message is seen again; nil: `backoff` decides
function hooks:verdict(job, exit)
  -- No notification is needed, until it has lasted so long that the message is given up.
  if exit.blameless then return job.last and "retry" or "release" end
  if exit.timed_out or exit.not_started then return "retry" end
  if exit.outcome then return exit.outcome end
  local own = self.exits
  local outcome = own[exit.code] or own[exit.signal or exit.shell_signal] or exits[exit.code]
    or own[exit.error]
  return outcomes[outcome] and outcome or "retry" -- the policy may have changed its table
end

--- Seconds that a message stays out of sight after its task has failed: twice as long each time.
---@param job watchbot.Job
---@return number
function hooks:backoff(job)
  return math.min(2 ^ job.receives, LONGEST_BACKOFF)
end

--- Sends a notification that a task has failed, to the topic if there is one. The outcome is logged
--- in any case.
---@param job watchbot.Job
---@param outcome "reject"|"retry"|"bury"
---@param exit watchbot.Exit
---@return true? ok
---@return string? err
---@return string? code
function hooks:notify(job, outcome, exit)
  local notifier, err, code = self:notifier()
  if not notifier then return not err or nil, err, code end
  return notifier:send(function() return self:notification(job, outcome, exit) end,
    text.line(job, outcome, exit))
end

--- The text of a notification.
---@param job watchbot.Job
---@param outcome "reject"|"retry"|"bury"
---@param exit watchbot.Exit
---@return string subject
---@return string body
function hooks:notification(job, outcome, exit)
  local logs = exit.logs
  if not logs and exit.elsewhere and self.log_group then
    logs = require "watchbot.notify.recent_logs".read(self.log_group, job.id)
  end
  return text.subject(self.stack, job),
    text.body(self.stack, job, outcome, exit, logs)
end

--- Called before the first message is received.
function hooks:start()
end

--- Called after the last job has ended.
function hooks:stop()
end

--- Called with an error that a hook has raised, after it is logged.
---@param err string with a traceback
---@param where string the hook's name
function hooks:failed(err, where)
end

-- the policy as an object

local methods = setmetatable({}, { __index = hooks })
local policies = {}

local hook_names = sorted.keys(hooks)

local known_names = table.move(hook_names, 1, #hook_names, 1,
  table.move(fields.names, 1, #fields.names, #hook_names + 1, {}))

local function check(name, value)
  if fields.by_name[name] then
    if value == nil then return true end
    return fields.check(name, value)
  elseif hooks[name] then
    if value == nil or type(value) == "function" then return true end
    return nil, ("policy hook '%s': expected a function, got a %s"):format(name, type(value))
  end
  return nil, ("unknown policy field '%s'%s"):format(tostring(name),
    suggest.hint(name, known_names, "see watchbot check --fields"))
end

local function set(inside, name, value)
  local values = inside.values
  values[name], inside.given[name] = value, value ~= nil or nil
  local field = fields.by_name[name]
  if value == nil and field then values[name] = fields.silent(field) end
  inside.plain[name] = values[name]
end

-- policy -> { values, given, plain }; a weak key, because the values refer to nothing that lives
-- longer. `plain` has all values in one table, including defaults: each job reads it many times.
local insides = setmetatable({}, { __mode = "k" })

local function make(declared)
  local values = setmetatable({}, { __index = methods })
  local plain = {}
  for name, hook in pairs(hooks) do plain[name] = hook end
  for name, method in pairs(methods) do plain[name] = method end
  local inside = { values = values, given = {}, files = {}, plain = plain }
  for _, field in ipairs(fields.declared) do
    local value, err = fields.silent(field)
    if err and declared[field.name] == nil then refusal.raise(err, field.name, 2) end
    values[field.name], plain[field.name] = value, value
  end
  local policy = setmetatable({}, {
    __name = "watchbot.policy",
    __metatable = false,
    __index = plain,
    __newindex = function(_, name, value)
      local ok, err = check(name, value)
      if not ok then refusal.raise(err, name, 1) end
      set(inside, name, value)
    end,
    __pairs = function() return next, values, nil end,
  })
  insides[policy] = inside
  for name, value in pairs(declared) do
    local ok, err = check(name, value)
    if not ok then refusal.raise(err, name, 2) end
    set(inside, name, value)
  end
  return policy
end

--- Creates a policy from fields and hooks. Raises an error about wrong ones, with file, line and
--- the nearest known name.
---@param _ table
---@param declared table<string, any>
---@return watchbot.Policy
local function new(_, declared)
  if type(declared) ~= "table" then
    error(("watchbot.policy: expected a table of fields and hooks, got a %s"):format(type(
      declared)), 2)
  end
  local policy = make(declared) -- no tail call: an error names the line of our caller
  return policy
end

--- The same for fields that do not come from a file: returns an error instead of raising it.
---@param declared table<string, any>
---@return watchbot.Policy? policy
---@return string? err
---@return "Usage"? code
function policies.try(declared)
  local ok, policy = pcall(new, policies, declared)
  if ok then return policy end
  return nil, tostring(policy), "Usage"
end

--- A new policy with the same fields and hooks, except for `changes`.
---@param policy watchbot.Policy
---@param changes table<string, any>
---@return watchbot.Policy
function policies.copy(policy, changes)
  local inside, declared = insides[policy], {}
  for name in pairs(inside.given) do declared[name] = inside.values[name] end
  for name, value in pairs(changes) do declared[name] = value end
  return make(declared)
end

--- Whether a value is a policy.
---@param value any
---@return boolean
function policies.is(value)
  return insides[value] ~= nil
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  return table.concat(a, "\0") == table.concat(b, "\0")
end

--- The runner that a policy's tasks need. A policy's fields override the environment of an ECS
--- service.
---@param policy watchbot.Policy
---@return "lua"|"process"|"resident"|"ecs"
function policies.kind(policy)
  return (resident.kind(policy) and "resident") or (policy.handler and "lua")
    or (policy.command and "process") or "ecs"
end

--- Whether a watcher that runs `old` can continue with `new`.
---@param old watchbot.Policy
---@param new_policy watchbot.Policy
---@return true|string same or why not
function policies.compatible(old, new_policy)
  for _, name in ipairs { "queue", "log", "max_receives", "retention", "volumes", "task_events",
    "metrics" } do
    if not same(old[name], new_policy[name]) then
      return ("'%s' cannot change in a watcher that runs; start it again"):format(name)
    end
  end
  if policies.kind(old) ~= policies.kind(new_policy) then
    return "'command', 'handler', 'task', 'lambda', 'serve' and 'resident' cannot take each "
      .. "other's place in a watcher that runs; start it again"
  end
  local ok, err = new_policy:complete()
  return ok or err
end

---@class watchbot.Policy
---@field queue string and every other field of watchbot.fields

--- Sets fields that do not come from the policy's file but from the command line.
---@param changes table<string, any>
---@return true? ok
---@return string? err
function methods:override(changes)
  for name, value in pairs(changes) do
    local ok, err = check(name, value)
    if not ok then return nil, err end
    set(insides[self], name, value)
  end
  return true
end

--- The file of an embedded queue with an absolute path, so that tasks in any folder can send
--- messages and count the parts of jobs; nil for other queues, and for tasks on other machines.
---@param url string?
---@return string? url
function methods:file_for_tasks(url)
  if not url or not url:match "^sqlite:" or policies.kind(self) == "ecs" then return nil end
  local files = insides[self].files
  files[url] = files[url] or queue.absolute(url)
  return files[url]
end

--- The notifier of the policy's topic, opened when it is first used; nil without a topic, or if it
--- cannot be opened.
---@return watchbot.Notifier?
---@return string? err
---@return string? code
function methods:notifier()
  local inside = insides[self]
  if inside.notifier or not self.topic then return inside.notifier end
  local options = { limit = self.notify_limit, stack = self.stack }
  local err, code
  inside.notifier, err, code = require "watchbot.notify.sns".new(self.topic, options)
  if inside.notifier then inside.notifier.on_failure = inside.on_notification_failure end
  return inside.notifier, err, code
end

--- Called for summaries that could not be published.
---@param handler fun(message: string, code: string)
function methods:on_notification_failure(handler)
  local inside = insides[self]
  inside.on_notification_failure = handler
  if inside.notifier then inside.notifier.on_failure = handler end
end

--- Publishes the notifications that the limit has held back.
---@return true? ok
---@return string? err
---@return string? code
function methods:flush_notifications()
  local notifier = insides[self].notifier
  if not notifier then return true end
  return notifier:flush()
end

--- Whether the policy has everything that a watcher needs.
---@return true? ok
---@return string? err
function methods:complete()
  local err = complete.problem(self, policies.kind(self))
  if err then return nil, err end
  return true
end

--- What happens to running tasks when the watcher ends.
---@return "leave"|"drain"|"stop"
function methods:stopping()
  return self.on_stop or (policies.kind(self) == "ecs" and "leave") or "drain"
end

--- Whether the policy's author (or the command line) has set a field or hook.
---@param name string
---@return boolean
function methods:is_set(name)
  return insides[self].given[name] == true
end

--- Whether a task inherits a variable of the watcher's environment.
---@param name string
---@return boolean
function methods:inherits(name)
  return inherit.allows(self.inherit, name)
end

--- The names of the hooks, sorted.
---@type string[]
policies.hook_names = hook_names

for name, hook in pairs(hooks) do policies[name] = hook end

return setmetatable(policies, { __call = new })
