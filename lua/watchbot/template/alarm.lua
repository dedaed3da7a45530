--- template.alarm: the alarms that a template can have, and what each asks its recipient to do. The
-- older options (alarmThreshold, errorThreshold...) set one number each; `alarms` takes precedence
-- and sets any number: `alarms = { queueSize = { threshold = 100 }, cpuUtilization = {} }`; false
-- leaves an alarm out.

local metrics = require "watchbot.template.metrics"

-- No job takes longer than 12 hours, the longest visibility timeout that SQS allows; with one retry
-- a message is gone after a day.
local OLDEST = 24 * 3600

-- Seconds; half of the queue's retention period, which leaves time to save the message.
local function oldest(retention)
  return type(retention) == "number" and math.min(OLDEST, retention // 2) or OLDEST
end

-- ECS measures against the soft limit if there is one: above 100 % a task uses memory that the
-- machine happens to have free. A task cannot exceed the hard limit, so an alarm at 100 % would
-- never fire. In mode "task" the service is the watchers.
local function most_memory(options)
  local reservation = options.mode == "task" and options.watcherReservation or options.reservation
  return type(reservation) == "table" and reservation.softMemory and 100 or 90
end

-- A message that finds no capacity is retried once a minute in the end, so a log line in most
-- minutes means that the cluster is full; a minute may have no line.
local function placements(minutes)
  local numbers = { threshold = 0, period = 60, evaluationPeriods = minutes, datapoints = minutes }
  if type(minutes) == "number" then numbers.evaluationPeriods = 2 * minutes - 1 end
  return numbers
end

---@class watchbot.template.Alarm
---@field key string its name in the option `alarms`
---@field name string
---@field metric fun(options: table, refs: table): watchbot.template.Metric
---@field math (fun(options: table, refs: table, period: any): table[])? instead of `metric`
---@field stat string?
---@field defaults fun(options: table): table threshold, period (seconds), evaluationPeriods
---@field wanted (fun(options: table): any)? whether it is on by default
---@field modes "task"? the only mode in which it applies
---@field text string

local alarm = {}

---@type watchbot.template.Alarm[]
alarm.declared = {
  { key = "queueSize", name = "QueueSize", stat = "Average",
    metric = function(_, refs)
      return metrics.queue(refs, "Queue", "ApproximateNumberOfMessagesVisible")
    end,
    defaults = function(options)
      return {
        threshold = options.alarmThreshold, period = 300, evaluationPeriods = options.alarmPeriods,
      }
    end,
    text = "Messages arrive faster than they are processed. Check whether workers run and how "
      .. "long they take; give the service more workers, or send fewer messages." },
  { key = "oldestMessage", name = "OldestMessage", stat = "Maximum",
    metric = function(_, refs)
      return metrics.queue(refs, "Queue", "ApproximateAgeOfOldestMessage")
    end,
    defaults = function(options)
      return { threshold = oldest(options.messageRetention), period = 300, evaluationPeriods = 1 }
    end,
    -- SQS leaves a message of a standard queue out of the metric after three receives; the alarm
    -- on the dead-letter queue covers those. In a FIFO queue it blocks its message group.
    -- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
    -- sqs-available-cloudwatch-metrics.html
    text = "A message has waited longer than any job can take. Check whether the service runs and "
      .. "has enough workers; in a FIFO queue, whether a failing message blocks those after it. "
      .. "SQS deletes messages older than the queue's retention period." },
  { key = "quietGroups", name = "QuietGroups", stat = "Average",
    metric = function(_, refs)
      return metrics.queue(refs, "Queue", "ApproximateNumberOfMessagesVisibleInQuietGroups")
    end,
    defaults = function(options)
      return {
        threshold = options.alarmThreshold, period = 300, evaluationPeriods = options.alarmPeriods,
      }
    end,
    -- For senders that set a message group on a standard queue, which is a tenant there.
    wanted = function() return false end,
    text = "Messages of tenants that send little wait as well: it is not one noisy tenant that "
      .. "the workers cannot keep up with. Give the service more workers." },
  { key = "dlqSize", name = "DeadLetter", stat = "Maximum",
    metric = function(_, refs)
      return metrics.queue(refs, "DeadLetterQueue", "ApproximateNumberOfMessagesVisible")
    end,
    defaults = function() return { threshold = 0, period = 60, evaluationPeriods = 1 } end,
    wanted = function(options) return options.deadletterAlarm end,
    text = "Messages have failed so often that they were moved to the dead-letter queue. Read "
      .. "their logs, fix the cause, then replay or delete them: watchbot dead-letter." },
  { key = "workersErrors", name = "WorkerErrors", stat = "Sum",
    metric = function(options, refs) return metrics.logged(options, refs, "WorkerErrors") end,
    defaults = function(options)
      return { threshold = options.errorThreshold, period = 60, evaluationPeriods = 1 }
    end,
    text = "Workers have failed: an exit code other than 0 and 4, a signal or a timeout. Search "
      .. "the log for the ids of the messages that failed. They are retried, except those that a "
      .. "worker has rejected." },
  { key = "failureShare", name = "FailureShare",
    math = function(options, refs, period)
      return {
        metrics.query("failed", metrics.logged(options, refs, "WorkerErrors"), "Sum", period),
        metrics.query("finished", metrics.logged(options, refs, "WorkersFinished"), "Sum", period),
        metrics.expression("IF(finished > 0, 100 * failed / finished, 0)",
        "Share of workers that failed, %"),
      }
    end,
    defaults = function() return { threshold = 50, period = 300, evaluationPeriods = 3 } end,
    text = "A large percentage of the workers has failed. The most likely cause is something that "
      .. "all of them need, or the newest version. Search the log for the ids of the messages that "
      .. "failed." },
  { key = "failedPlacements", name = "FailedWorkerPlacement", stat = "Sum",
    metric = function(options, refs)
      return metrics.logged(options, refs, "FailedWorkerPlacement")
    end,
    defaults = function(options)
      return placements(options.failedPlacementAlarmPeriods)
    end,
    modes = "task",
    text = "The cluster has no capacity for more workers. Their messages wait and are retried; "
      .. "give the cluster more capacity, or the workers a smaller reservation. The log has the "
      .. "reasons." },
  { key = "noTaskStarts", name = "NoTaskStarts", stat = "Sum",
    metric = function(options, refs) return metrics.logged(options, refs, "NoTaskStarts") end,
    defaults = function() return { threshold = 0, period = 60, evaluationPeriods = 1 } end,
    text = "No task can be started: the image does not exist, access to a secret is denied, or a "
      .. "program is missing. Messages stay in the queue, and the watcher tries one at a time. The "
      .. "log has the reason in lines with 'no task can be started'." },
  { key = "notReady", name = "NotReady", stat = "Maximum",
    metric = function(options, refs) return metrics.logged(options, refs, "NotReady") end,
    defaults = function() return { threshold = 0, period = 60, evaluationPeriods = 5 } end,
    text = "A watcher has had no response from the queue for minutes, and takes no messages. See "
      .. "the log for the error, and check the policies of the queue and the role, and the AWS "
      .. "Health Dashboard." },
  { key = "memoryUtilization", name = "MemoryUtilization", stat = "Average",
    metric = function(options, refs) return metrics.service(options, refs, "MemoryUtilization") end,
    defaults = function(options)
      return { threshold = most_memory(options), period = 60, evaluationPeriods = 10 }
    end,
    text = "The service's tasks are short of memory and may be killed. Check whether their memory "
      .. "use keeps growing; otherwise raise the reservation." },
  { key = "cpuUtilization", name = "CpuUtilization", stat = "Average",
    metric = function(options, refs) return metrics.service(options, refs, "CPUUtilization") end,
    defaults = function() return { threshold = 90, period = 60, evaluationPeriods = 10 } end,
    -- CPU use of 100 % is normal for workers.
    wanted = function() return false end,
    text = "The service's tasks use all the CPU that is reserved for them. Check whether jobs take "
      .. "longer or time out; if they do, raise the reservation." },
}

--- The numbers of an alarm; nil if the template does not have it.
---@param one watchbot.template.Alarm
---@param options watchbot.template.Options
---@return { threshold: any, period: any, evaluationPeriods: any, datapoints: any }?
function alarm.numbers(one, options)
  if one.modes and one.modes ~= options.mode then return nil end
  local given = options.alarms[one.key]
  if given == false or (given == nil and one.wanted and not one.wanted(options)) then
    return nil
  end
  local numbers = one.defaults(options)
  for name, value in pairs(given or {}) do numbers[name] = value end
  if given and given.evaluationPeriods then numbers.datapoints = nil end
  return numbers
end

return alarm
