--- template.filters: the metric filters: which lines of a watcher's log count, and the numbers they carry. The conditions
-- follow the journal's forms: journal/task.lua in mode "task", journal/listen.lua in mode "process", journal.lua where a policy
-- file runs there. In a log of text they are those of JSON too, since CloudWatch finds the object at the end of a line (AWS
-- does not say so; ecs-watchbot's filters of such lines have always counted on it); only what stands before that object needs
-- terms. A task may print objects of its own: a log of JSON tells by `name` whose a line is, in one of text most conditions ask
-- for more than one member.
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html

local metrics = require "watchbot.template.metrics"

---@class watchbot.template.LogLines
---@field [1] string? condition on the object, in both forms of the log
---@field text string? pattern for lines of text, where that is another
---@field json string? condition for lines of JSON, where that is another
---@field unit string? where it is not the metric's

---@class watchbot.template.LoggedMetric
---@field name string
---@field value string? the member that is measured; nil: lines are counted
---@field unit "Count"|"Milliseconds"|"Seconds"
---@field listen watchbot.template.LogLines?
---@field task watchbot.template.LogLines?
---@field policy watchbot.template.LogLines?

local received = { "$.receives = * && $.message = *" }
local errors = { text = "{ $.error = * && $.where = * }", json = "$.error = *" }

-- With `watchbot listen` a job that was stopped with the watcher is no failure, and has no tag; with a policy it is a retry.
local listened = { "$.duration = * && $.response_duration = *" }
local concluded = { "$.outcome = * && $.duration = *" }
local FAILED = '($.outcome = "retry" || $.outcome = "reject") && ($.reason NOT EXISTS || $.reason != "stopped: *")'

---@type watchbot.template.LoggedMetric[]
local declared = {
  { name = "WorkerErrors", unit = "Count",
    listen = { text = '"GMT] [watcher] [" "] [failure] "', json = '$.worker_event = "failure"' },
    task = { '$.outcome = "failed, *"' },
    policy = { FAILED } },
  { name = "RejectedMessages", unit = "Count",
    listen = { text = "{ $.code = 3 && $.response_duration = * && $.reason NOT EXISTS }",
      json = '$.worker_event = "failure" && $.code = 3' },
    task = { '$.outcome = "failed, removed from queue"' },
    policy = { '$.outcome = "reject"' } },
  { name = "WorkersStarted", unit = "Count", listen = received, task = received, policy = received },
  { name = "WorkersFinished", unit = "Count",
    listen = listened,
    task = { '$.outcome = "success" || $.outcome = "no-op, *" || $.outcome = "failed, *"' },
    policy = concluded },
  { name = "WorkerDuration", unit = "Milliseconds", value = "$.duration",
    listen = listened,
    task = { "$.outcome = * && $.duration = *", unit = "Seconds" },
    policy = concluded },
  { name = "ResponseDuration", unit = "Milliseconds", value = "$.response_duration",
    listen = listened,
    policy = { "$.outcome = * && $.response_duration = *" } },
  { name = "MessageReceives", unit = "Count", value = "$.receives", listen = received, task = received, policy = received },
  { name = "WorkerPending", unit = "Seconds", value = "$.pending", task = { "$.outcome = * && $.pending = *" } },
  { name = "FailedWorkerPlacement", unit = "Count", task = { '$.failedPlacement = "true"' } },
  { name = "WatcherConcurrency", unit = "Count", value = "$.concurrency", task = { "$.max = * && $.concurrency = *" } },
  { name = "WatcherErrors", unit = "Count",
    listen = { text = '"GMT] [watcher] " "[error] ["', json = '$.worker_event = "error" || $.sqs_event = "error"' },
    task = errors, policy = errors },
}

-- How the watchers of a template write their lines.
local function form_of(options)
  return (options.mode == "task" and "task") or (options.policy and "policy") or "listen"
end

local function in_parentheses(condition)
  return condition:find("||", 1, true) and "(" .. condition .. ")" or condition
end

local function pattern_of(lines, structured)
  local condition = structured and lines.json or lines[1]
  if not structured then return lines.text or "{ " .. condition .. " }" end
  return '{ $.name = "watcher" && ' .. in_parentheses(condition) .. " }"
end

local function transformation(refs, metric, lines)
  local named = metrics.logged(refs, metric.name)
  return {
    MetricNamespace = named.Namespace, MetricName = named.MetricName, MetricValue = metric.value or "1",
    -- Of a minute with lines of which none is meant; a minute without lines has no value all the same.
    DefaultValue = not metric.value and 0 or nil,
    Unit = lines.unit or metric.unit,
  }
end

---@type watchbot.template.Part
return function(options, refs)
  local resources, form = {}, form_of(options)
  for _, metric in ipairs(declared) do
    local lines = metric[form]
    if lines then
      resources[refs.id(metric.name .. "Metric")] = {
        Type = "AWS::Logs::MetricFilter",
        Properties = {
          LogGroupName = refs.logGroup, FilterPattern = pattern_of(lines, options.structuredLogging),
          MetricTransformations = { transformation(refs, metric, lines) },
        },
      }
    end
  end
  return { Resources = resources }
end
