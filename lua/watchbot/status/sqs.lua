--- status.sqs: the state of an SQS queue: counts from SQS, age and rates from its CloudWatch
-- metrics, which are some minutes old.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
-- sqs-available-cloudwatch-metrics.html

local aws = require "watchbot.aws"
local denied = require "watchbot.aws.denied"
local open_queue = require("watchbot.queue").open
local pauses = require "watchbot.status.pauses"
local redrive = require "watchbot.queue.sqs.redrive"
local scheduler = require "watchbot.scheduler"

-- Seconds to look back, because the newest minutes may be missing; and seconds of a data point.
local WINDOW, PERIOD = 15 * 60, 60

local sqs = {}

local function query(id, queue, metric, stat)
  return {
    Id = id, ReturnData = true,
    MetricStat = {
      Metric = {
        Namespace = "AWS/SQS", MetricName = metric,
        Dimensions = { { Name = "QueueName", Value = queue.name:match "([^/]+)/?$" } },
      },
      Period = PERIOD, Stat = stat,
    },
  }
end

-- Newest first, as requested.
local function newest(values)
  return values and tonumber(values[1])
end

local function average(values)
  if not values or #values == 0 then return nil end
  local sum = 0
  for _, value in ipairs(values) do sum = sum + value end
  return sum / #values * 60 / PERIOD
end

local function words_of(one)
  local message = type(one.Messages) == "table" and one.Messages[1]
  return message and message.Value or one.StatusCode
end

local function metrics_of(queue)
  local client, err, code = aws("cloudwatch", { place = queue.name })
  if not client then return nil, err, code end
  local now = scheduler.time() // 1000
  local result
  result, err, code = client:GetMetricData {
    StartTime = now - WINDOW, EndTime = now, ScanBy = "TimestampDescending",
    MetricDataQueries = {
      query("oldest", queue, "ApproximateAgeOfOldestMessage", "Maximum"),
      query("sent", queue, "NumberOfMessagesSent", "Sum"),
      query("done", queue, "NumberOfMessagesDeleted", "Sum"),
    },
  }
  if not result then
    return nil, denied.explain("cloudwatch:GetMetricData", nil, err, code)
  end
  local values = {}
  for _, one in ipairs(result.MetricDataResults or {}) do
    -- The call succeeds even if one of its queries has failed.
    if one.StatusCode == "InternalError" or one.StatusCode == "Forbidden" then
      return nil, ("cloudwatch:GetMetricData: the metric '%s' cannot be read: %s"):format(one.Id,
        words_of(one)), one.StatusCode
    end
    values[one.Id] = one.Values
  end
  return {
    oldest = newest(values.oldest), sent = average(values.sent), done = average(values.done),
  }
end

-- => number of dead letters, false without a dead-letter queue | nil err code
local function dead_of(queue, attributes, url)
  local arn = redrive.read(attributes)
  url = url or arn and redrive.url(arn, queue.name)
  if not url then return false end
  local dead, err, code = open_queue(url)
  if not dead then return nil, err, code end
  local counts
  counts, err, code = dead:counts()
  if not counts then return nil, err, code end
  return counts.visible + counts.in_flight + counts.delayed
end

local function count(attributes, name)
  return math.tointeger(tonumber(attributes[name])) or 0
end

--- Adds the figures of a queue. Waits in a task.
---@param builder watchbot.StatusBuilder
---@param url string
---@param dead_url string? of its dead-letter queue; default: the one in its RedrivePolicy
---@return true? ok
---@return string? err if the queue itself is not available
---@return string? code
function sqs.add(builder, url, dead_url)
  local queue, err, code = open_queue(url)
  if not queue then return nil, err, code end
  local attributes
  attributes, err, code = queue:attributes()
  if not attributes then return nil, err, code end
  builder:add({ "visible", "in_flight", "delayed" }, {
    visible = count(attributes, "ApproximateNumberOfMessages"),
    in_flight = count(attributes, "ApproximateNumberOfMessagesNotVisible"),
    delayed = count(attributes, "ApproximateNumberOfMessagesDelayed"),
  })
  pauses.add(builder, queue)
  local dead
  dead, err = dead_of(queue, attributes, dead_url)
  builder:add({ "dead" }, dead ~= nil and { dead = dead or nil } or nil, err)
  builder:add({ "oldest", "sent", "done" }, metrics_of(queue))
  return true
end

return sqs
