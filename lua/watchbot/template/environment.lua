--- template.environment: the variables that watchbot reads in a container of the template
-- (fields.lua), and the variables of tasks. The user's value for a name takes precedence.

local cf = require "watchbot.template.cf"
local metrics = require "watchbot.template.metrics"
local names = require "watchbot.template.names"
local pieces = require "watchbot.template.pieces"
local mounts = require "watchbot.template.mounts"
local placement = require "watchbot.template.placement"
local sorted = require "watchbot.lib.sorted"

local environment = {}

local function text_of(value)
  return cf.is(value) and value or tostring(value)
end

-- In the form of a container definition: sorted, without names that `secrets` sets.
local function listed(variables, options)
  local list = {}
  for name, value in pairs(variables) do
    if options.secrets[name] == nil then
      list[#list + 1] = { Name = name, Value = text_of(value) }
    end
  end
  table.sort(list, function(a, b) return a.Name < b.Name end)
  return list
end

local function add(variables, more)
  for name, value in pairs(more) do
    if variables[name] == nil then variables[name] = value end
  end
  return variables
end

-- Variables for the tasks themselves.
local function of_tasks(options, refs)
  local variables = add({}, options.env)
  return add(variables, {
    WorkTopic = refs.topic, LogGroup = refs.logGroup, ProgressTable = refs.progressTable,
    MessageOverflow = refs.messageFolder, SchedulerRole = refs.schedulerRole,
  })
end

-- The first failure that sends a notification. The last failure, after which a message goes to the
-- dead-letter queue, always sends one.
local function quiet_retries(options)
  if options.notifyAfterRetries > 0 then return options.notifyAfterRetries end
  return options.alarmOnEachFailure and 0 or options.deadletterThreshold
end

-- The variables of each watcher, in both modes.
local function of_watchers(options, refs)
  local emf, traced = options.metrics == "emf", options.traces == "xray"
  return {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = traced
      and cf.sub "https://xray.${AWS::Region}.${AWS::URLSuffix}/v1/traces" or nil,
    OTEL_SERVICE_NAME = traced and options.service or nil,
    Metrics = emf and "emf" or nil, MetricsNamespace = emf and options.metricsNamespace or nil,
    MetricsService = emf and cf.sub(metrics.service_name(refs)) or nil,
    MessageOverflow = refs.messageFolder, OnceTable = refs.onceTable,
    Schedules = next(options.schedules) and table.concat(sorted.keys(options.schedules), ",")
      or nil,
    QueueUrl = refs.queueUrl, StackName = cf.ref "AWS::StackName",
    NotificationTopic = refs.notificationTopic,
    LogGroup = refs.logGroup, NotifyAfterRetries = quiet_retries(options),
    maxJobDuration = options.maxJobDuration,
    structuredLogging = options.structuredLogging,
  }
end

--- The environment of a task that does the work, in mode "task".
---@param options watchbot.template.Options
---@param refs watchbot.template.Refs
---@return table[]
function environment.worker(options, refs)
  return listed(of_tasks(options, refs), options)
end

--- The environment of a watcher that starts tasks.
---@param options watchbot.template.Options
---@param refs watchbot.template.Refs
---@return table[]
function environment.watcher(options, refs)
  local variables = of_watchers(options, refs)
  variables.Cluster, variables.TaskDefinition = options.cluster, cf.ref(refs.id "Worker")
  variables.ContainerName = names.container(options)
  variables.Concurrency = options.workers
  variables.TaskEventQueueUrl = cf.ref(refs.id "TaskEventQueue")
  variables.TaskOptions = placement.of_tasks(options)
  return listed(variables, { secrets = {} })
end

--- The environment of watchbot next to a Lambda function's container.
---@param options watchbot.template.Options
---@param refs watchbot.template.Refs
---@param stop integer seconds from TERM to KILL
---@return table[]
function environment.beside_lambda(options, refs, stop)
  local variables = of_watchers(options, refs)
  variables.stopTimeout = stop
  return listed(variables, { secrets = {} })
end

--- The environment of a Lambda function's container. Its image says what LAMBDA_TASK_ROOT is.
-- https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
---@param options watchbot.template.Options
---@param refs watchbot.template.Refs
---@param port integer of the Runtime API
---@return table[]
function environment.lambda(options, refs, port)
  local variables = add(of_tasks(options, refs), {
    TZ = ":UTC", AWS_REGION = cf.ref "AWS::Region", AWS_DEFAULT_REGION = cf.ref "AWS::Region",
    AWS_LAMBDA_FUNCTION_NAME = options.service, AWS_LAMBDA_FUNCTION_VERSION = "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE = options.reservation.memory or 512,
    AWS_LAMBDA_LOG_GROUP_NAME = refs.logGroup, AWS_LAMBDA_LOG_STREAM_NAME = options.service,
    AWS_LAMBDA_INITIALIZATION_TYPE = "on-demand",
    AWS_LAMBDA_RUNTIME_API = "127.0.0.1:" .. port, _HANDLER = options.lambda.handler,
  })
  return listed(variables, options)
end

--- The environment of a container that watches the queue and does the work itself, in mode
--- "process".
---@param options watchbot.template.Options
---@param refs watchbot.template.Refs
---@return table[]
function environment.process(options, refs)
  local variables = add(of_tasks(options, refs), of_watchers(options, refs))
  local scratch = mounts.of(options).scratch
  local more = {
    writableFilesystem = options.writableFilesystem, stopTimeout = options.stopTimeout,
  }
  -- Jobs that run at the same time share the folders, so nothing can be emptied: each job has its
  -- own TMPDIR instead.
  if options.workers ~= 1 then
    more.PrivateTmp = true
  elseif #scratch > 0 then
    more.Volumes = pieces.list(",", scratch)
  end
  if options.policy then more.Concurrency = options.workers end
  return listed(add(variables, more), options)
end

return environment
