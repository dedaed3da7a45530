--- console.sqs.hour: the last hour of an SQS queue, minute by minute, from its CloudWatch metrics,
-- which are some minutes late. SQS does not count what it moves to a dead-letter queue: by how much
-- that has grown is what failed.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
-- sqs-available-cloudwatch-metrics.html

local aws = require "watchbot.aws"
local date = require "watchbot.lib.date"
local denied = require "watchbot.aws.denied"
local minutes = require "watchbot.console.minutes"

local MINUTE = 60000

local hour = {}

local function query(id, url, metric, stat)
  return {
    Id = id, ReturnData = true,
    MetricStat = {
      Metric = {
        Namespace = "AWS/SQS", MetricName = metric,
        Dimensions = { { Name = "QueueName", Value = url:match "([^/]+)/?$" } },
      },
      Period = 60, Stat = stat,
    },
  }
end

-- Seconds, or a date => minutes since the epoch
local function minute_of(timestamp)
  local seconds = tonumber(timestamp) or date.iso(timestamp)
  return seconds and seconds // 60 | 0
end

local function by_minute(result)
  local values = {}
  for index, timestamp in ipairs(result.Timestamps or {}) do
    local minute = minute_of(timestamp)
    if minute then values[minute] = tonumber(result.Values[index]) end
  end
  return values
end

-- How much more there were than in the minute before.
local function growth_of(values, now)
  local grown, before = {}, nil
  for minute = now // MINUTE - minutes.KEPT, now // MINUTE do
    local value = values[minute]
    if value and before then grown[minute] = math.max(0, value - before) end
    before = value or before
  end
  return grown
end

--- Reads the hour with one call. Waits in a task.
---@param kept table watchbot.console.minutes
---@param url string
---@param dead_url string? of its dead-letter queue
---@param now integer milliseconds
---@return { oldest: number? }? found
---@return string? err
function hour.read(kept, url, dead_url, now)
  local client, err, code = aws("cloudwatch", { place = url })
  if not client then return nil, err, code end
  local queries = {
    query("oldest", url, "ApproximateAgeOfOldestMessage", "Maximum"),
    query("sent", url, "NumberOfMessagesSent", "Sum"),
    query("done", url, "NumberOfMessagesDeleted", "Sum"),
    dead_url and query("dead", dead_url, "ApproximateNumberOfMessagesVisible", "Maximum") or nil,
  }
  local result
  result, err, code = client:GetMetricData {
    StartTime = now // 1000 - (minutes.KEPT + 1) * 60, EndTime = now // 1000,
    ScanBy = "TimestampDescending", MetricDataQueries = queries,
  }
  if not result then
    return nil, (denied.explain("cloudwatch:GetMetricData", nil, err, code))
  end
  local found = {}
  for _, one in ipairs(result.MetricDataResults or {}) do
    if one.Id == "oldest" then
      found.oldest = tonumber((one.Values or {})[1])
    elseif one.Id == "dead" then
      kept:replace("failed", growth_of(by_minute(one), now), now)
    else
      kept:replace(one.Id, by_minute(one), now)
    end
  end
  return found
end

return hour
