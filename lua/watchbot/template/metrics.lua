--- template.metrics: the names of the metrics for a stack's alarms, dashboard and scaling, in one
-- place: those that filters.lua extracts from the log, and those of SQS and ECS. An extracted
-- metric has no dimensions (a filter with dimensions cannot have a default value), so its name
-- contains prefix and stack.

local cf = require "watchbot.template.cf"

local metrics = {}

---@class watchbot.template.Metric
---@field Namespace string
---@field MetricName any
---@field Dimensions table[]?

--- The value of the dimension `Service` of the metrics that watchers write themselves.
---@param refs table
---@return string with a name of CloudFormation, for cf.sub
function metrics.service_name(refs)
  return refs.id "" .. "-${AWS::StackName}"
end

--- A metric that is extracted from the log, or that watchers write there: "WorkerErrors".
---@param options table
---@param refs table
---@param name string
---@return watchbot.template.Metric
function metrics.logged(options, refs, name)
  if options.metrics == "emf" then
    return {
      Namespace = options.metricsNamespace, MetricName = name,
      Dimensions = { { Name = "Service", Value = cf.sub(metrics.service_name(refs)) } },
    }
  end
  return {
    Namespace = options.metricsNamespace,
    MetricName = cf.sub(refs.id(name) .. "-${AWS::StackName}"),
  }
end

--- A metric of SQS about a queue of the template: "Queue", "DeadLetterQueue".
---@param refs table
---@param queue string
---@param name string
---@return watchbot.template.Metric
function metrics.queue(refs, queue, name)
  return {
    Namespace = "AWS/SQS", MetricName = name,
    Dimensions = { {
      Name = "QueueName",
      Value = queue == "Queue" and refs.queueName or refs.deadLetterQueueName,
    } },
  }
end

--- The name of a cluster, from its ARN or name.
---@param cluster any
---@return any
function metrics.cluster_name(cluster)
  if cf.is(cluster) then
    -- In an ARN the name follows the slash; for a name, Fn::Join adds the slash first.
    return cf.select(1, cf.split("/", cf.join("/", { cluster, cluster })))
  end
  return cluster:match "([^/]+)$"
end

--- A metric of ECS about the template's service.
---@param options table
---@param refs table
---@param name "CPUUtilization"|"MemoryUtilization"
---@return watchbot.template.Metric
function metrics.service(options, refs, name)
  return {
    Namespace = "AWS/ECS", MetricName = name,
    Dimensions = {
      { Name = "ClusterName", Value = metrics.cluster_name(options.cluster) },
      { Name = "ServiceName", Value = cf.getatt(refs.id "Service", "Name") },
    },
  }
end

--- A metric as a query of metric math.
---@param id string lower case, as metric math has it
---@param metric watchbot.template.Metric
---@param stat string
---@param period integer? seconds; nil for a target of Application Auto Scaling
---@return table
function metrics.query(id, metric, stat, period)
  return {
    Id = id, ReturnData = false, MetricStat = { Metric = metric, Stat = stat, Period = period },
  }
end

--- The query that returns the result.
---@param expression string
---@param label string
---@return table
function metrics.expression(expression, label)
  return { Id = "result", Expression = expression, Label = label, ReturnData = true }
end

return metrics
