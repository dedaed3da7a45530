--- policy: what a watcher does, as a table of fields and hooks. The hooks here are the defaults; an
-- override handles its own case and calls `watchbot.policy.verdict(self, job, exit)`.
--
--     local policy = watchbot.policy { queue = "sqlite:jobs.db", command = "./resize" }
--     function policy:backoff(job) return 60 end
--
-- A policy is a proxy in front of its values: each assignment is checked at the line that makes it.

local compatible = require "watchbot.policy.compatible"
local complete = require "watchbot.policy.complete"
local fields = require "watchbot.policy.fields"
local inherit = require "watchbot.policy.inherit"
local limits = require "watchbot.lib.limits"
local sorted = require "watchbot.lib.sorted"
local text = require "watchbot.notify.text"
local queue = require "watchbot.queue"
local queues = require "watchbot.policy.queues"
local resident = require "watchbot.policy.resident"
local refusal = require "watchbot.lib.refusal"
local suggest = require "watchbot.lib.suggest"
local topic = require "watchbot.policy.topic"
local trace_variables = require("watchbot.trace").variables

-- Seconds of a long poll, and for which a message stays out of sight: the most that SQS allows.
local LONG_POLL, LONGEST_BACKOFF = limits.sqs.wait, limits.sqs.visibility

local exits = { [0] = "complete", [3] = "reject", [4] = "release" }

local outcomes = { complete = true, reject = true, release = true, retry = true, bury = true }

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
  local variables = job:variables(self.timestamps, self.env)
  for name, value in pairs(self.env) do
    if trace_variables[name] or not variables[name] then variables[name] = value end
  end
  variables.WorkTopic = variables.WorkTopic or self.work_topic
  variables.LogGroup = variables.LogGroup or self.log_group
  variables.QueueUrl = variables.QueueUrl or self:queue_for_tasks()
  variables.ProgressTable = variables.ProgressTable or self:file_for_tasks(self.progress)
    or self.progress
  if not self.attributes then variables.MessageAttributes = nil end
  return variables
end

--- Decides the outcome of the message.
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
    text.body(self.stack, job, outcome, exit, logs, self:named_queue())
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
  if name == "queues" then inside.of_queues = nil end
  for _, one in ipairs(inside.of_queues or {}) do
    if not one.inside.own[name] then set(one.inside, name, value) end
  end
end

-- What a policy of one queue does not have alone is set in that of all.
local function assign(inside, name, value)
  set(inside.above and not inside.own[name] and inside.above or inside, name, value)
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
      assign(inside, name, value)
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

--- All values of a policy, as they are now, in one plain table: for what each job reads.
---@type fun(policy: watchbot.Policy): watchbot.Policy
function policies.plain(policy) return (insides[policy] or { plain = policy }).plain end

---@class watchbot.PolicyOfQueue
---@field queue string
---@field weight number
---@field own table<string, true> the names of the fields and hooks that it has alone
---@field policy watchbot.Policy the same as of all queues, except for what the queue has alone

--- The policies of a watcher of several queues, in their order.
---@param policy watchbot.Policy
---@return watchbot.PolicyOfQueue[]? nil: the policy has one `queue`
function policies.of_queues(policy)
  local inside = insides[policy]
  if inside.of_queues or not policy.queues then return inside.of_queues end
  local given, made = {}, {}
  for name in pairs(inside.given) do given[name] = inside.values[name] end
  for index, one in ipairs(queues.declared(given)) do
    local of_queue = make(one.declared)
    local its = insides[of_queue]
    its.above, its.own = inside, one.own
    made[index] = {
      queue = one.queue, weight = one.weight, policy = of_queue, own = one.own, inside = its,
    }
  end
  inside.of_queues = made
  return made
end

--- Whether a value is a policy.
---@param value any
---@return boolean
function policies.is(value)
  return insides[value] ~= nil
end

--- The runner that a policy's tasks need. A policy's fields override the environment of an ECS
--- service.
---@param policy watchbot.Policy
---@return "lua"|"process"|"resident"|"ecs"
function policies.kind(policy)
  local kind = (resident.kind(policy) and "resident") or (policy.handler and "lua")
    or (policy.command and "process")
  if kind or policy.task or not policy.queues then return kind or "ecs" end
  return policies.kind(policies.of_queues(policy)[1].policy)
end

--- Whether a watcher that runs `old` can continue with `new`.
---@param old watchbot.Policy
---@param new_policy watchbot.Policy
---@return true|string same or why not
function policies.compatible(old, new_policy)
  local problem = compatible(old, new_policy, policies.kind)
  if problem then return problem end
  local earlier = policies.of_queues(old) or {}
  for _, one in ipairs(policies.of_queues(new_policy) or {}) do
    for _, before in ipairs(earlier) do
      problem = before.queue == one.queue and compatible(before.policy, one.policy, policies.kind)
      if problem then return ("queue '%s': %s"):format(one.queue, problem) end
    end
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
    assign(insides[self], name, value)
  end
  return true
end

--- Sets the queues that are watched. Of the policy's `queues`, one that stays keeps its fields.
---@param urls string[]
---@return true? ok
---@return string? err
function methods:watch(urls)
  local chosen = queues.select(self.queues, urls)
  local several = #urls > 1 or type(chosen[1]) == "table"
  local ok, err = self:override(several and { queues = chosen } or { queue = urls[1] })
  if ok then self[several and "queue" or "queues"] = nil end
  return ok, err
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

--- The queue of a task's message, where its watcher's environment does not name it.
---@return string? url
function methods:queue_for_tasks()
  local url = self.queue
  if insides[self].above and not url:match "^sqlite:" then return url end
  return self:file_for_tasks(url)
end

topic.add(methods, insides)

--- Whether the policy has everything that a watcher needs.
---@return true? ok
---@return string? err
function methods:complete()
  local several = policies.of_queues(self)
  local err = several and complete.several(self)
  for _, one in ipairs(several or { { policy = self } }) do
    local problem = complete.problem(one.policy, policies.kind(one.policy))
    err = err or problem and (one.queue and ("queue '%s': %s"):format(one.queue, problem)
      or problem)
  end
  return not err or nil, err
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
