-- What CloudWatch says when one of the queries has failed: the call itself succeeds, and the figure
-- looked as if there were none. The rest is in spec/cli/status_spec.lua, on moto.

local aws = require "watchbot.aws"
local scheduler = require "watchbot.scheduler"
local sqs = require "watchbot.status.sqs"
local status = require "watchbot.status"

local URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"

local function show(metrics)
  aws.stand_in = function(_, operation)
    if operation == "GetMetricData" then return { MetricDataResults = metrics } end
    return { Attributes = { ApproximateNumberOfMessages = "3" } }
  end
  local restore <close> = setmetatable({}, { __close = function() aws.stand_in = nil end })
  assert.is_table(restore)
  local builder = status.new(URL)
  scheduler.run(function() assert(sqs.add(builder, URL)) end)
  return builder.status
end

describe("the status of an SQS queue", function()
  it("has what CloudWatch has", function()
    local shown = show { { Id = "oldest", StatusCode = "Complete", Values = { 7 } },
      { Id = "sent", StatusCode = "PartialData", Values = { 1, 3 } },
        { Id = "done", StatusCode = "Complete" } }
    assert.are.same({ 3, 7, 2 }, { shown.visible, shown.oldest, shown.sent })
    assert.is_nil(shown.done)
    assert.are.same({}, shown.problems)
  end)

  it("says why a metric cannot be read", function()
    local shown = show { { Id = "oldest", StatusCode = "Forbidden",
      Messages = { { Code = "Forbidden", Value = "You are not authorized" } } } }
    assert.are.equal("cloudwatch:GetMetricData: the metric 'oldest' cannot be read: You are not "
      .. "authorized",
      shown.problems.oldest)
    assert.are.equal("cloudwatch:GetMetricData: the metric 'sent' cannot be read: InternalError",
      show { { Id = "sent", StatusCode = "InternalError" } }.problems.sent)
  end)
end)
