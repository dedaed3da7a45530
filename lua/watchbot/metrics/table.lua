--- metrics.table: every metric, declared once: name, kind, unit, labels, help, and where its value
-- is read. Names and units are those of Prometheus (https://prometheus.io/docs/practices/naming/):
-- seconds and bytes, `_total` behind a counter. Prometheus text, OTLP, CloudWatch's lines and
-- doc/metrics.md follow from here.
--
-- `read` gets the parts of metrics.new, and returns a number or a watchbot.Histogram; with one
-- label a table of them by its value, with two a table of such tables; nil: not there now. What is
-- `of_queue` has one more label in a watcher of several queues, `queue`, and gets the parts of one.

local counts = require "watchbot.aws.counts"
local stages = require "watchbot.metrics.stages"

---@class watchbot.Metric
---@field name string
---@field kind "counter"|"gauge"|"histogram"
---@field unit "seconds"|"bytes"|"" as the name has it
---@field labels string[]
---@field help string a sentence
---@field of_queue boolean
---@field together (fun(a: number, b: number): number)? of the values of several queues; nil: a sum
---@field read fun(parts: watchbot.MetricsParts): any

---@type watchbot.Metric[]
local declared = {}

-- Set for the metrics that follow, except these.
local of_queue = false
local OF_WATCHER = { slots_free = true, draining = true }

-- Where one value stands for all queues, these are not sums.
local TOGETHER = {
  ready = math.min, queue_last_answer_timestamp_seconds = math.min, paused = math.max,
  queue_oldest_message_age_seconds = math.max, breaker_open = math.max,
}

local function declare(kind, unit)
  return function(name, help, read, labels)
    declared[#declared + 1] = {
      name = "watchbot_" .. name, kind = kind, unit = unit, help = help, read = read,
      labels = labels or {}, of_queue = of_queue and not OF_WATCHER[name],
      together = TOGETHER[name],
    }
  end
end

local gauge, counter, histogram = declare("gauge", ""), declare("counter", ""),
  declare("histogram", "seconds")
local seconds, bytes = declare("gauge", "seconds"), declare("counter", "bytes")

-- A member of one of the parts.
local function of(part, name)
  return function(parts) return parts[part][name] end
end

local function flag(value) return value and 1 or 0 end

-- the queue

of_queue = true

local function of_backlog(name)
  return function(parts) return parts.counts and parts.counts[name] end
end

gauge("queue_messages_waiting", "Messages in the queue that can be received now.",
  of_backlog "visible")
gauge("queue_messages_delayed", "Messages in the queue that were sent with a delay.",
  of_backlog "delayed")
gauge("queue_messages_in_flight",
  "Messages that some watcher has received, those that back off included.",
  of_backlog "in_flight")
gauge("dead_letters", "Messages in the dead-letter queue, where there is one that may be asked.",
  of_backlog "dead")
seconds("queue_oldest_message_age_seconds",
  "Age of the oldest message in an embedded queue; for SQS see ApproximateAgeOfOldestMessage.",
  of_backlog "oldest")
gauge("ready", "Whether the queue answers: 1, or 0.", function(parts)
  return flag(parts.readiness:is_ready())
end)
seconds("queue_last_answer_timestamp_seconds",
  "When the queue has answered anything last, in seconds since the epoch.", function(parts)
    local answered = parts.readiness:answered()
    return answered and parts.time - (parts.boottime - answered)
  end)

-- jobs

counter("messages_received_total", "Messages that were received and became jobs.",
  of("totals", "received"))
counter("messages_duplicate_total",
  "Receives of messages that this watcher had in its hands already.", of("tally", "duplicate"))
counter("messages_not_run_total",
  "Messages that were deleted without a run, since their key was done: see doc/once.md.",
  of("tally", "once_done"))
counter("keys_in_doubt_total",
  "Keys that may have completed without having been marked as done: see doc/once.md.",
  of("tally", "once_doubt"))
counter("messages_returned_total", "Messages that went back without having been tried.",
  of("tally", "returned"))
gauge("jobs_in_stage", "Jobs in each stage of their life, see doc/architecture.md.",
  function(parts) return parts.jobs:by_stage() end, { "stage" })
gauge("slots_used", "Slots for jobs that are taken.", of("jobs", "slots"))
gauge("slots_free", "Slots for jobs that are free.", function(parts)
  return math.max(0, parts.slots() - parts.jobs.slots)
end)
counter("jobs_started_total", "Tasks that ran.", of("totals", "started"))
counter("jobs_total", "Jobs that are over, by what has become of the message.",
  function(parts) return stages.outcomes(parts.stages) end, { "outcome" })
counter("job_ends_total",
  "Jobs that are over, by the cause of the end: see doc/architecture.md, who is to blame.",
  function(parts) return stages.causes(parts.stages) end, { "cause" })
counter("job_attempts_total",
  "Jobs that are over, by whether the receive counts against the message.",
  function(parts)
    local over, counted = 0, parts.totals.counted
    for _, count in pairs(stages.outcomes(parts.stages)) do over = over + count end
    return { ["true"] = counted, ["false"] = over - counted }
  end, { "counted" })
histogram("job_wait_seconds", "From a message's receive until its job has a slot.",
  of("stages", "wait"))
histogram("job_start_seconds", "From the slot until the task runs: hooks, and the start itself.",
  of("stages", "start"))
histogram("job_run_seconds", "How long tasks run.", of("stages", "run"))
histogram("job_settle_seconds",
  "From the outcome until the queue has confirmed it, the notification included.",
  of("stages", "settle"))
gauge("breaker_open", "Whether no task can be started, so that one message at a time is tried.",
  function(parts) return flag(parts.breaker.open) end)
gauge("paused", "Whether the queue is paused, so that nothing is received: 1, or 0.",
  function(parts) return flag(parts.pauses:is_paused()) end)
gauge("draining", "Whether the watcher is ending and has stopped receiving: 1, or 0.",
  function(parts) return flag(not parts.phase:watching()) end)

-- leases

counter("heartbeats_total", "Extensions of visibility timeouts that the queue has confirmed.",
  function(parts) return parts.leases.counts.extended end)
counter("heartbeats_failed_total", "Extensions that the queue has refused, or not answered.",
  function(parts) return parts.leases.counts.refused end)
counter("heartbeats_late_total",
  "Heartbeats that came more than a second late: the process or its machine stood still.",
  function(parts) return parts.leases.counts.late end)
counter("leases_lapsed_total",
  "Visibility timeouts that ran out while the job was still here: it may run twice.",
  function(parts) return parts.leases.counts.lapsed end)

-- resident programs

local function of_runtimes(name)
  return function(parts)
    local runner = parts.runner
    return runner.runtimes and runner:runtimes()[name]
  end
end

gauge("runtimes", "Running resident programs (lambda, serve, resident).",
  of_runtimes "alive")
counter("runtimes_started_total", "Starts of these programs.", of_runtimes "starts")
counter("runtimes_failed_total", "Starts of these programs that failed.", of_runtimes "failures")

-- AWS

of_queue = false

local function of_aws(name)
  return function() return counts.all(name) end
end

local CALL = { "service", "operation" }
counter("aws_requests_total", "Requests to AWS, repeated ones included.", of_aws "requests", CALL)
counter("aws_retries_total", "Requests that repeat one that failed.", of_aws "retries", CALL)
counter("aws_throttles_total", "Requests that AWS has refused as too many.", of_aws "throttles",
  CALL)
counter("aws_failures_total", "Requests without a good answer.", of_aws "failures", CALL)

-- the log and notifications

local function of_log(index)
  return function(parts)
    return parts.sink.taken and (select(index, parts.sink:taken()))
  end
end

counter("log_lines_total", "Lines of the log, those of tasks included.", of_log(1))
bytes("log_bytes_total", "Bytes of the log.", of_log(2))
counter("log_lines_dropped_total",
  "Lines of the log that were dropped: the disk was full, or nothing read them.",
  function(parts) return parts.sink.dropped and parts.sink:dropped() end)

of_queue = true
counter("notifications_total",
  "Notifications: sent, held back for the summary of a minute, or failed.",
  function(parts) return parts.notices.counts end, { "result" })
of_queue = false

-- the process

histogram("loop_lag_seconds", "By how much the loop is late, looked at twice a second.",
  function(parts) return parts.lag end)
seconds("start_time_seconds", "When the watcher has started, in seconds since the epoch.",
  function(parts) return parts.started / 1000 end)
gauge("info", "Always 1; the version of watchbot is its label.", function(parts)
  return { [parts.version] = 1 }
end, { "version" })
gauge("policy_info", "Always 1; the version of the policy is its label: `version` and a digest.",
  function(parts)
    local version = parts.journal and parts.journal.identity
    return version and { [version] = 1 }
  end, { "policy" })

return declared
