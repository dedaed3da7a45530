--- template.filters: the metric filters: which lines of a watcher's log are counted, and the
-- numbers in them. The conditions follow the formats of the journal: journal/task.lua in mode
-- "task", journal/listen.lua in mode "process", journal.lua if a policy file runs there. In a JSON
-- log, the member `name` says who wrote a line. In a text log, the filters behind alarms match the
-- fields of a line after the prefix that only the watcher writes: AWS documents that, and a task's
-- output cannot imitate it. How CloudWatch splits an object into fields is not documented, so its
-- first field may be the whole object or end at a space: the conditions work for both. Numbers are
-- inside the object; in text they depend on CloudWatch finding it at the end of the line, as
-- ecs-watchbot's filters did, and only the dashboard uses them.
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/
-- FilterAndPatternSyntaxForMetricFilters.html

local metrics = require "watchbot.template.metrics"

---@class watchbot.template.LogLines
---@field [1] string? condition on the object, in both forms of the log
---@field text string[]? patterns for lines of text, if they differ; a line matches one of them
---@field json string? condition for lines of JSON, if it differs
---@field unit string? if it differs from the metric's

---@class watchbot.template.LoggedMetric
---@field name string
---@field value string? the member to measure; nil: count lines
---@field unit "Count"|"Milliseconds"|"Seconds"
---@field listen watchbot.template.LogLines?
---@field task watchbot.template.LogLines?
---@field policy watchbot.template.LogLines?

-- A line of text about a message. `receives` is in the line that logs the message, whose text may
-- contain anything.
local function of_message(conditions)
  return "[date, who = *watcher*, id, object = " .. conditions .. " && object != *receives*, ...]"
end

-- Tags stand in brackets; an object has a colon in its first field.
local function tagged(before, tag)
  return ('[%s, tag = *%s* && tag != "*:*", ...]'):format(before, tag)
end

local received = { "$.receives = * && $.message = *" }
local errors = { text = { "{ $.error = * && $.where = * }" }, json = "$.error = *" }
local failure = tagged("date, who = *watcher*, id", "failure")

-- With `watchbot listen` a job that was stopped with the watcher is not a failure, and has no tag;
-- with a policy it is a retry.
local listened = { "$.duration = * && $.response_duration = *" }
local concluded = { "$.outcome = * && $.duration = *" }
local FAILED = '($.outcome = "retry" || $.outcome = "reject" || $.outcome = "bury")'
  .. ' && ($.reason NOT EXISTS || $.reason != "stopped: *")'

-- One filter for each outcome, so that AWS documents each condition.
local function failed_in_text()
  local patterns = {}
  for index, outcome in ipairs { "retry", "reject", "bury" } do
    patterns[index] =
      of_message(('*outcome* && object = *%s* && object != "*stopped:*"'):format(outcome))
  end
  return patterns
end

-- An event of several words, in a line that has no id: it is not about a message.
local function event(words)
  return {
    json = ('$.event = "%s*"'):format(words),
    text = { ('[date, who = *watcher*, object = *event* && (object = *%s || object = "*%s*"), ...]')
      :format(words:match "^%S+", words) },
  }
end

local breaker, unready = event "no task can be started", event "not ready"

---@type watchbot.template.LoggedMetric[]
local declared = {
  { name = "WorkerErrors", unit = "Count",
    listen = { text = { failure }, json = '$.worker_event = "failure"' },
    task = {
      json = '$.outcome = "failed, *"', text = { of_message "*outcome* && object = *failed*" },
    },
    policy = { json = FAILED, text = failed_in_text() } },
  { name = "RejectedMessages", unit = "Count",
    listen = { text = { "{ $.code = 3 && $.response_duration = * && $.reason NOT EXISTS }" },
      json = '$.worker_event = "failure" && $.code = 3' },
    task = { '$.outcome = "failed, removed from queue"' },
    policy = { '$.outcome = "reject"' } },
  { name = "BuriedMessages", unit = "Count",
    task = { '$.outcome = "failed, moved to the dead-letter queue"' },
    policy = {
      json = '$.outcome = "bury"', text = { of_message "*outcome* && object = *bury*" },
    } },
  { name = "NoTaskStarts", unit = "Count", listen = breaker, task = breaker, policy = breaker },
  { name = "NotReady", unit = "Count", listen = unready, task = unready, policy = unready },
  {
    name = "WorkersStarted", unit = "Count", listen = received, task = received, policy = received,
  },
  { name = "WorkersFinished", unit = "Count",
    listen = { json = listened[1], text = { of_message "*code* && object = *signal*", failure } },
    task = { json = '$.outcome = "success" || $.outcome = "no-op, *" || $.outcome = "failed, *"',
      text = { of_message "*outcome*" } },
    policy = { json = concluded[1], text = { of_message "*outcome*" } } },
  { name = "WorkerDuration", unit = "Milliseconds", value = "$.duration",
    listen = listened,
    task = { "$.outcome = * && $.duration = *", unit = "Seconds" },
    policy = concluded },
  { name = "ResponseDuration", unit = "Milliseconds", value = "$.response_duration",
    listen = listened,
    policy = { "$.outcome = * && $.response_duration = *" } },
  {
    name = "MessageReceives", unit = "Count", value = "$.receives", listen = received,
    task = received, policy = received,
  },
  {
    name = "WorkerPending", unit = "Seconds", value = "$.pending", task = {
      "$.outcome = * && $.pending = *",
    },
  },
  { name = "FailedWorkerPlacement", unit = "Count",
    task = { json = '$.failedPlacement = "true"', text = { of_message "*failedPlacement*" } } },
  {
    name = "WatcherConcurrency", unit = "Count", value = "$.concurrency", task = {
      "$.max = * && $.concurrency = *",
    },
  },
  { name = "WatcherErrors", unit = "Count",
    listen = { json = '$.worker_event = "error" || $.sqs_event = "error"',
      text = {
        tagged("date, who = *watcher*", "error"), tagged("date, who = *watcher*, id", "error"),
      } },
    task = errors, policy = errors },
}

-- The log format of a template's watchers.
local function form_of(options)
  return (options.mode == "task" and "task") or (options.policy and "policy") or "listen"
end

local function in_parentheses(condition)
  return condition:find("||", 1, true) and "(" .. condition .. ")" or condition
end

-- The patterns that count a metric: one filter each, all for the same metric.
local function patterns_of(lines, structured)
  if not structured and lines.text then return lines.text end
  local condition = structured and lines.json or lines[1]
  if not structured then return { "{ " .. condition .. " }" } end
  return { '{ $.name = "watcher" && ' .. in_parentheses(condition) .. " }" }
end

local function transformation(options, refs, metric, lines)
  local named = metrics.logged(options, refs, metric.name)
  return {
    MetricNamespace = named.Namespace, MetricName = named.MetricName,
    MetricValue = metric.value or "1",
    -- The value of a minute with log lines that do not match; a minute without log lines has no
    -- value.
    DefaultValue = not metric.value and 0 or nil,
    Unit = lines.unit or metric.unit,
  }
end

local function filter(options, refs, metric, lines, pattern)
  return {
    Type = "AWS::Logs::MetricFilter",
    Properties = {
      LogGroupName = refs.logGroup, FilterPattern = pattern,
      MetricTransformations = { transformation(options, refs, metric, lines) },
    },
  }
end

---@type watchbot.template.Part
return function(options, refs)
  if options.metrics == "emf" then return {} end
  local resources, form = {}, form_of(options)
  for _, metric in ipairs(declared) do
    local lines = metric[form]
    for index, pattern in ipairs(lines and patterns_of(lines, options.structuredLogging) or {}) do
      local id = refs.id(("%sMetric%s"):format(metric.name, index > 1 and index or ""))
      resources[id] = filter(options, refs, metric, lines, pattern)
    end
  end
  return { Resources = resources }
end
