--- template.dashboard: the metrics that an operator looks at first, as widgets in two columns. The
-- body is text for Fn::Sub; it has ${Queue}, ${DeadLetterQueue}, ${Service} and ${Cluster} for
-- names that only the stack knows.
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
-- CloudWatch-Dashboard-Body-Structure.html

local cf = require "watchbot.template.cf"
local metrics = require "watchbot.template.metrics"
local stable = require "watchbot.template.stable"

local WIDTH, HEIGHT = 12, 6

---@class watchbot.template.Widget
---@field title string
---@field lines table[] metrics as a dashboard has them: namespace, name, dimensions..., { options }
---@field stat string?
---@field modes "task"|"process"|nil
---@field is_of_standard_queue boolean? a FIFO queue has no such metrics

local function queue(name, options, id)
  return { "AWS/SQS", name, "QueueName", id or "${Queue}", options }
end

local function service(namespace, name)
  return { namespace, name, "ClusterName", "${Cluster}", "ServiceName", "${Service}" }
end

-- The namespace is the template's, see `metrics.logged`.
local function logged(refs, name, options)
  if refs.writes_metrics() then
    return { "${Namespace}", name, "Service", metrics.service_name(refs), options }
  end
  return { "${Namespace}", refs.id(name) .. "-${AWS::StackName}", options }
end

-- One metric by several statistics.
local function spread(refs, name)
  local lines = {}
  for index, stat in ipairs { "Maximum", "p99", "Average", "p50" } do
    lines[index] = logged(refs, name, { stat = stat, label = stat })
  end
  return lines
end

local function of_queue()
  return {
    { title = "Messages in the queue", stat = "Maximum", lines = {
      queue("ApproximateNumberOfMessagesVisible", { label = "visible" }),
      queue("ApproximateNumberOfMessagesNotVisible", { label = "in flight" }),
      queue("ApproximateNumberOfMessagesDelayed", { label = "delayed" }),
    } },
    {
      title = "Age of the oldest message (s)", stat = "Maximum", lines = {
        queue "ApproximateAgeOfOldestMessage",
      },
    },
    -- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
    -- sqs-fair-queues.html
    { title = "Tenants (message groups)", stat = "Maximum", is_of_standard_queue = true, lines = {
      queue("ApproximateNumberOfNoisyGroups", { label = "noisy tenants" }),
      queue("ApproximateNumberOfMessagesVisibleInQuietGroups", { label = "visible of the others" }),
    } },
    { title = "Messages per minute", stat = "Sum", lines = {
      queue("NumberOfMessagesSent", { label = "sent" }),
      queue("NumberOfMessagesReceived", { label = "received" }),
      queue("NumberOfMessagesDeleted", { label = "deleted" }),
    } },
    { title = "Dead-letter queue", stat = "Maximum", lines = {
      queue("ApproximateNumberOfMessagesVisible", { label = "visible" }, "${DeadLetterQueue}"),
    } },
  }
end

local function of_workers(refs, unit)
  return {
    { title = "Workers and failures per minute", stat = "Sum", lines = {
      logged(refs, "WorkersFinished", { label = "finished" }),
      logged(refs, "WorkerErrors", { label = "failed" }),
      logged(refs, "RejectedMessages", { label = "rejected" }),
      logged(refs, "WatcherErrors", { label = "errors of the watcher" }),
    } },
    { title = "Worker duration (" .. unit .. ")", lines = spread(refs, "WorkerDuration") },
    {
      title = "Response duration (ms)", modes = "process", lines = spread(refs, "ResponseDuration"),
    },
  }
end

local function of_service(refs)
  local insights = "ECS/ContainerInsights"
  return {
    { title = "Concurrency", modes = "process", stat = "Average", lines = {
      -- Container Insights has these metrics if the cluster has it switched on.
      queue("ApproximateNumberOfMessagesNotVisible", { label = "messages in flight" }),
      service(insights, "RunningTaskCount"), service(insights, "DesiredTaskCount"),
    } },
    { title = "Concurrency", modes = "task", lines = {
      logged(refs, "WatcherConcurrency", { stat = "Maximum", label = "workers of one watcher" }),
      logged(refs, "FailedWorkerPlacement", {
        stat = "Sum", label = "failed placements per minute",
      }),
    } },
    { title = "Pending (s)", modes = "task", lines = spread(refs, "WorkerPending") },
    { title = "CPU and memory of the service (%)", stat = "Average", lines = {
      service("AWS/ECS", "CPUUtilization"), service("AWS/ECS", "MemoryUtilization"),
    } },
  }
end

---@return watchbot.template.Widget[]
local function widgets_of(refs, unit)
  local widgets = of_queue()
  for _, more in ipairs { of_workers(refs, unit), of_service(refs) } do
    table.move(more, 1, #more, #widgets + 1, widgets)
  end
  return widgets
end

local function drawn(widget, place)
  return {
    type = "metric", x = (place - 1) % 2 * WIDTH, y = (place - 1) // 2 * HEIGHT, width = WIDTH,
    height = HEIGHT,
    properties = {
      title = widget.title, metrics = widget.lines, stat = widget.stat, period = 60,
      region = "${AWS::Region}",
      view = "timeSeries", stacked = false, yAxis = { left = { min = 0 } },
    },
  }
end

-- Of a job's duration: the lines of ECS tasks have seconds.
local function unit_of(options)
  return options.mode == "task" and options.metrics ~= "emf" and "s" or "ms"
end

local function body(options, refs)
  local widgets = {}
  for _, widget in ipairs(widgets_of(refs, unit_of(options))) do
    local is_there = not (widget.is_of_standard_queue and options.fifo)
    if is_there and (not widget.modes or widget.modes == options.mode) then
      widgets[#widgets + 1] = drawn(widget, #widgets + 1)
    end
  end
  return stable { widgets = widgets }
end

---@type watchbot.template.Part
return function(options, refs)
  if not options.dashboard then return {} end
  return {
    Resources = {
      [refs.id "Dashboard"] = {
        Type = "AWS::CloudWatch::Dashboard",
        Properties = {
          DashboardName = cf.sub("${AWS::StackName}-" .. refs.id "" .. "-${AWS::Region}"),
          DashboardBody = cf.sub(body(options, refs), {
            Namespace = options.metricsNamespace, Queue = refs.queueName,
            DeadLetterQueue = refs.deadLetterQueueName,
            Service = cf.getatt(refs.id "Service", "Name"),
            Cluster = metrics.cluster_name(options.cluster),
          }),
        },
      },
    },
  }
end
