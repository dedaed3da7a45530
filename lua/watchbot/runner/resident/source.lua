--- runner.resident.source: where the messages of a resident program come from, as Lambda's events
-- say it: the ARN of the queue, its region, account and partition.

local endpoint = require "watchbot.aws.endpoint"
local place = require "watchbot.aws.place"

local source = {}

-- A pseudo location of an embedded queue, for functions that parse its ARN.
local NO_ACCOUNT, DEFAULT_REGION = "000000000000", "us-east-1"

---@class watchbot.Source
---@field arn string
---@field region string
---@field account string
---@field partition string "aws", "aws-cn"

--- The source of the messages of a queue.
---@param queue string? its URL, or its ARN
---@return watchbot.Source
function source.of(queue)
  queue = queue or ""
  local partition, region, account = queue:match "^arn:([^:]*):sqs:([^:]+):(%d+):"
  if region then
    return { arn = queue, region = region, account = account, partition = partition }
  end
  region = place.region_of(queue) or os.getenv "AWS_REGION" or os.getenv "AWS_DEFAULT_REGION"
    or DEFAULT_REGION
  partition = endpoint.partition(region).name
  account = queue:match "^https?://[^/]+/(%d+)/" or NO_ACCOUNT
  local name = queue:match "([^/:]+)/*$" or "queue"
  return {
    arn = ("arn:%s:sqs:%s:%s:%s"):format(partition, region, account, name), region = region,
    account = account, partition = partition,
  }
end

return source
