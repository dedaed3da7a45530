--- fields: the fields of a policy, declared once: type, default, the environment variable that is
-- read if the policy does not set the field, and a help sentence. Validation, `watchbot check
-- --fields` and the tables in doc/ come from here.

local bounds = require "watchbot.policy.bounds"
local json = require "watchbot.lib.json"
local limits = require "watchbot.lib.limits"
local refusal = require "watchbot.lib.refusal"
local task_problem = require("watchbot.policy.task").problem
local types = require "watchbot.policy.types"

-- Seconds of a container's stop timeout that are reserved for stopping unfinished tasks and
-- returning their messages.
local LAST_SECONDS = 10

---@class watchbot.Field
---@field name string
---@field type string a key of the types above
---@field default any
---@field environment string? the variable that is read if the policy does not set the field
---@field fallback string? the variable that is read if that one is not set
---@field read (fun(text: string): any)? converts the variable's text, if the type does not; nil:
--- the default
---@field silent (fun(): any)? the value if the policy does not set the field, if it comes from more
--- than one variable
---@field help string

local function split(text)
  local parts = {}
  for part in text:gmatch "[^,]+" do parts[#parts + 1] = part:match "%S.*%f[%s\0]" end
  return #parts > 0 and parts or nil
end

-- Further parameters of RunTask, in JSON, under AWS's names.
local function add_options(task, text)
  if text == "" then return nil end
  local options = json.decode(text)
  if type(options) ~= "table" then return ("expected a JSON object, got '%s'"):format(text) end
  for name, value in pairs(options) do task[name] = value end
  return task_problem(task)
end

-- In a container that the template has defined.
local function task_of_template()
  local cluster, definition = os.getenv "Cluster", os.getenv "TaskDefinition"
  if not cluster or not definition then return nil end
  local task = { cluster = cluster, definition = definition, container = os.getenv "ContainerName" }
  local problem = add_options(task, os.getenv "TaskOptions" or "")
  if problem then return nil, ("environment variable 'TaskOptions': %s"):format(problem) end
  return task
end

---@type watchbot.Field[]
local declared = {
  {
    name = "queue", type = "text", environment = "QueueUrl",
    help = "`sqlite:FILE`, or the URL of an SQS queue",
  },
  { name = "queues", type = "queues",
    help = "instead of `queue`: several queues, `{ { \"https://...\", weight = 3 }, "
      .. "\"sqlite:fast.db\" }`; an entry may replace fields of the policy; see `doc/queues.md`" },
  { name = "strict", type = "flag", default = false,
    help = "of several `queues`, those that come first go first: later ones may starve" },
  { name = "command", type = "command",
    help = "the program that each task is: text runs in `sh`, a list is an argv; or a function of "
      .. "the job" },
  {
    name = "handler", type = "handler",
    help = "instead of `command`: a Lua function in the watcher, `handler(job)`",
  },
  {
    name = "batch", type = "count", default = 1,
    help = "messages that `handler` takes at once, as a list: `handler(jobs)`; it returns what is "
      .. "not done, `{ [job.id] = \"why\" }` or an outcome; 1: `handler(job)`",
  },
  {
    name = "window", type = "seconds", default = 0,
    help = "seconds that a batch for `handler` waits to become full",
  },
  { name = "lambda", type = "lambda",
    help = "instead of `command`: a resident Lambda function, `{ command =, handler =, batch = "
      .. "}`; see `doc/lambda.md`" },
  { name = "serve", type = "serve",
    help = "instead of `command`: an HTTP worker that each message is posted to, `{ url =, command "
      .. "= }`; see `doc/resident.md`" },
  { name = "resident", type = "resident",
    help = "instead of `command`: a resident program that takes a line of JSON for each message, "
      .. "`{ command = }`; see `doc/resident.md`" },
  { name = "task", type = "task", silent = task_of_template,
    help = "instead of `command`: an ECS task, `{ cluster =, definition =, container = }`, or a "
      .. "function of the job "
      .. "(`$Cluster`, `$TaskDefinition`, `$ContainerName`); see `doc/ecs.md`" },
  { name = "task_events", type = "text", environment = "TaskEventQueueUrl",
    help = "the URL of an SQS queue of EventBridge's \"ECS Task State Change\" events" },
  { name = "pending_timeout", type = "seconds", default = 600,
    help = "seconds after which an ECS task that does not run yet is stopped and its message "
      .. "returned" },
  { name = "lost_after", type = "seconds", default = 120,
    help = "seconds after which an ECS task unknown to ECS is given up and its "
      .. "message returned" },
  { name = "on_stop", type = "on_stop",
    help = "at SIGTERM: `drain` lets tasks finish, `stop` stops them, `leave` lets ECS tasks run "
      .. "on for the next watcher; "
      .. "default: `leave` for ECS tasks, else `drain`" },
  { name = "handover", type = "seconds", default = 60,
    help = "seconds after which the message of a task that was left running is visible again" },
  { name = "status", type = "interval", default = 60,
    help = "seconds between two log lines about the load of a watcher of ECS tasks" },
  { name = "placements", type = "rate", default = 15, help = "calls of RunTask a second, at most" },
  {
    name = "workers", type = "count", default = 1, environment = "Concurrency",
    help = "tasks at once",
  },
  { name = "limits", type = "limits",
    help = "how many messages of a group or tenant run at the same time, or are started in a "
      .. "time: `{ { by = \"group\", concurrency = 2, rate = \"50/min\" } }`; `by` may be a "
      .. "function of the job; see `doc/limits.md`" },
  { name = "timeout", type = "seconds", default = 0, environment = "maxJobDuration",
    help = "seconds after which a task is stopped and its message retried; 0: never" },
  { name = "jobs", type = "count", environment = "writableFilesystem",
    read = function(text) return text == "true" and 1 or nil end,
    help = "the watcher exits after this many messages; `true` in the variable means 1" },
  { name = "volumes", type = "folders", environment = "Volumes", read = split,
    help = "folders that are emptied after each job, where `workers` is 1 and `jobs` is not" },
  { name = "exits", type = "exits", default = {},
    help = "outcomes of exit codes and signals, where they differ from the defaults: "
      .. "`{ [75] = \"release\", KILL = \"reject\" }`" },
  { name = "visibility", type = "visibility", default = 120,
    help = "visibility timeout between heartbeats, in seconds; messages of a killed watcher come "
      .. "back "
      .. "after it" },
  {
    name = "max_receives", type = "count", default = 10,
    help = "receives before a message goes to the dead-letter queue",
  },
  {
    name = "retention", type = "retention", default = limits.sqs.retention,
    help = "seconds that the queue keeps a message",
  },
  { name = "history", type = "interval",
    help = "seconds that an embedded queue keeps a row about each attempt that has ended, for "
      .. "`watchbot jobs`; default: none; see `doc/history.md`" },
  { name = "history_rows", type = "count", default = 100000,
    help = "rows of the history, at most" },
  { name = "history_output", type = "history_output", default = "failed",
    help = "`all`: the history has the newest 4 KiB of the output of each attempt, not only of "
      .. "those that failed" },
  { name = "drain", type = "seconds", default = 20, environment = "stopTimeout",
    read = function(text) return tonumber(text) and math.max(0, tonumber(text) - LAST_SECONDS) end,
    help = "seconds that running tasks have to finish after SIGTERM" },
  {
    name = "kill_grace", type = "seconds", default = 5,
    help = "seconds between TERM and KILL when a task is stopped",
  },
  { name = "deliver", type = "deliver", default = "environment",
    help = "`stdin` gives each task its message on standard input too" },
  { name = "timestamps", type = "timestamps", default = "iso",
    help = "format of the timestamps in the environment: `iso` (ISO 8601) or `epoch` "
      .. "(milliseconds)" },
  {
    name = "attributes", type = "flag", default = true,
    help = "`MessageAttributes` in the environment of tasks",
  },
  { name = "overflow", type = "folder_in_s3", environment = "MessageOverflow",
    help = "`s3://BUCKET/FOLDER`: where messages that are too big for an ECS task are stored for "
      .. "it, and where pointers of AWS's extended client libraries may point to; see "
      .. "`doc/big-messages.md`" },
  {
    name = "env", type = "variables", default = {},
    help = "variables that each task gets in addition to the message",
  },
  { name = "envelope", type = "envelope",
    help = "events in message bodies: `s3`, `eventbridge`, `cloudevents` or `auto` (all of them): "
      .. "tasks get `Bucket`, `Key`, `VersionId`, `EventName`, `Source`, `DetailType`, hooks and "
      .. "handlers `job.event`; see `doc/events.md`" },
  { name = "inherit", type = "inherit",
    help = "which of the watcher's variables tasks inherit; by default all but AWS keys "
      .. "(`AWS_ACCESS_KEY_ID`, "
      .. "`AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`) and what changes how programs are loaded "
      .. "(`LD_PRELOAD`, "
      .. "`LD_LIBRARY_PATH`); "
      .. "true: all, false: `PATH`, `HOME`, `LANG` and the like, or a list of names, as in `{ "
      .. "\"PATH\", \"AWS_*\" }`" },
  { name = "cwd", type = "text", help = "the folder that tasks run in; default: the watcher's" },
  { name = "log", type = "log", default = "text", environment = "structuredLogging",
    read = function(text) return text == "true" and "json" or "text" end,
    help = "`text` or `json` lines" },
  { name = "version", type = "text", environment = "PolicyVersion",
    help = "the policy's version, `\"2.1.0\"`: with a digest of its files it is in the log, in the "
      .. "metrics and in what systemd shows; see `doc/deploying.md`" },
  { name = "log_messages", type = "logged", default = 2048,
    help = "bytes of each message and its subject to log; false: none" },
  {
    name = "health", type = "text",
    help = "a file that is written every second, for `watchbot health`",
  },
  {
    name = "listen", type = "listen",
    help = "address and port, `\"127.0.0.1:9464\"`, or the path of a Unix socket, of a server for "
      .. "`/metrics` (Prometheus), `/healthz` and `/readyz`; see `doc/metrics.md`",
  },
  { name = "console", type = "console",
    help = "the console at `listen`, `/console/`: true to look, `\"write\"` to replay, delete and "
      .. "cancel as well; see `doc/console.md`" },
  { name = "console_hosts", type = "names",
    help = "further names by which browsers reach the console: needed where `listen` is an address "
      .. "that other machines reach, and then with a token in `$ConsoleToken`" },
  { name = "metrics", type = "metrics", environment = "Metrics",
    help = "`emf`: the metrics are also written to the log, once a minute, in CloudWatch's "
      .. "embedded metric format; see `doc/metrics.md`" },
  { name = "metrics_namespace", type = "text", default = "Watchbot",
    environment = "MetricsNamespace", help = "their namespace in CloudWatch" },
  { name = "metrics_service", type = "text", environment = "MetricsService",
    help = "the value of their dimension `Service`; default: the stack's name, or the queue's" },
  { name = "once", type = "once",
    help = "messages with one key run once: a function of the job that returns its key, or `id`, "
      .. "`body` or `deduplication`; see `doc/once.md`" },
  { name = "once_for", type = "interval", default = 86400,
    help = "seconds that the key of a message is remembered after it has completed" },
  { name = "once_table", type = "text", environment = "OnceTable",
    help = "the ARN of the DynamoDB table of these keys; not needed on an embedded queue, whose "
      .. "file serves" },
  { name = "schedules", type = "schedules",
    help = "messages that are sent at times, `{ nightly = { cron = \"0 3 * * *\", zone = "
      .. "\"Europe/Berlin\", message = \"report\" } }`; see `doc/schedules.md`" },
  { name = "topic", type = "text", environment = "NotificationTopic",
    help = "the ARN of the SNS topic that notifications are published to" },
  { name = "notify_limit", type = "count", default = 10,
    help = "notifications a minute; the rest are sent as one summary" },
  { name = "protect", type = "flag", default = true,
    help = "inside ECS: set the task's scale-in protection while jobs run in it" },
  { name = "protect_for", type = "seconds", default = 1800,
    help = "seconds that protection is kept while ECS does not answer whether a deployment has "
      .. "replaced the task: then "
      .. "the jobs that run may finish before others start" },
  {
    name = "stack", type = "text", environment = "StackName",
    help = "the name shown in notifications",
  },
  {
    name = "work_topic", type = "text", environment = "WorkTopic",
    help = "`WorkTopic` in the environment of tasks",
  },
  { name = "log_group", type = "text", environment = "LogGroup", fallback = "LogGroupArn",
    help = "`LogGroup` in the environment of tasks; where the recent logs of tasks elsewhere are "
      .. "read" },
  { name = "progress", type = "text", environment = "ProgressTable",
    help = "`ProgressTable` in the environment of tasks, where `watchbot progress` counts the "
      .. "parts of jobs: the ARN of a "
      .. "DynamoDB table, or `sqlite:FILE`; not needed on an embedded queue, whose file serves; "
      .. "see `doc/reduce.md`" },
  -- The first receive is not a retry.
  { name = "notify_after", type = "whole", default = 0, environment = "NotifyAfterRetries",
    read = function(text) return math.tointeger(text) and math.tointeger(text) + 1 end,
    help = "no notification of a retry before the message's receive of this number, unless it was "
      .. "the last" },
  {
    name = "probe", type = "seconds", default = 60,
    help = "seconds between two tries while no task can be started at all",
  },
  { name = "prefetch", type = "whole", default = 10,
    help = "messages that may wait for a slot, if the last would start within a second" },
  {
    name = "gather", type = "seconds",
    help = "seconds that free slots gather before a poll; default: the queue's",
  },
  {
    name = "linger", type = "seconds",
    help = "seconds that a batch of deletes waits to become full; default: the queue's",
  },
}

-- The limits of tasks come after their inputs.
local after = #declared
for index, field in ipairs(declared) do
  if field.name == "cwd" then after = index end
end
table.move(declared, after + 1, #declared, after + 1 + #bounds.declared)
table.move(bounds.declared, 1, #bounds.declared, after + 1, declared)
for name, kind in pairs(bounds.types) do types[name] = kind end

local fields = { declared = declared, by_name = {}, names = {} }
for index, field in ipairs(declared) do
  fields.by_name[field.name] = field
  fields.names[index] = field.name
end

types.queues = require("watchbot.policy.queues").type(fields)

--- Whether a field may have this value.
---@param name string a field that exists
---@param value any
---@return true? ok
---@return string? err
function fields.check(name, value)
  local kind = types[fields.by_name[name].type]
  local ok, detail = kind.check(value)
  if ok then return true end
  if detail then return nil, ("policy field '%s': %s"):format(name, detail) end
  return nil, ("policy field '%s': expected %s, got %s"):format(name, kind.expected,
    refusal.shown(value))
end

-- => name, text of the variable that is set
local function set_variable(field)
  for _, variable in ipairs { field.environment, field.fallback } do
    local text = os.getenv(variable)
    if text and text ~= "" then return variable, text end
  end
end

--- The value of a field that the policy does not set: from its environment variable, otherwise its
--- default.
---@param field watchbot.Field
---@return any value
---@return string? err if the variable's text is not a valid value
function fields.silent(field)
  if field.silent then return field.silent() end
  local variable, text = set_variable(field)
  if not text then return field.default end
  local kind = types[field.type]
  local read = field.read or kind.parse
  local value = text
  if read then value = read(text) end
  if value == nil and field.read then return field.default end
  if value ~= nil and kind.check(value) then return value end
  return nil, ("environment variable '%s': expected %s, got '%s'"):format(variable, kind.expected,
    text)
end

return fields
