--- queue.sqs.redrive: where SQS moves what was received too often: a queue's RedrivePolicy.
-- The policy names the dead-letter queue by ARN. Both are of one account and region, so its URL
-- differs from the queue's own in the name alone, whatever endpoint that has.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
-- sqs-dead-letter-queues.html

local redrive = {}

--- The URL of the queue with this ARN, at the endpoint of another queue's URL.
---@param arn string "arn:aws:sqs:eu-west-1:123456789012:jobs-dead"
---@param like string URL
---@return string? url
function redrive.url(arn, like)
  local account, name = arn:match "^arn:[^:]*:sqs:[^:]*:(%d+):([%w_.-]+)$"
  return account and (like:gsub("[^/]+/[^/]+/?$", ("%s/%s"):format(account, name)))
end

--- Where messages go that were received too often.
---@param attributes table<string, string> of GetQueueAttributes
---@return string? arn
---@return integer? max_receives
function redrive.read(attributes)
  local policy = attributes.RedrivePolicy or ""
  return policy:match '"deadLetterTargetArn"%s*:%s*"([^"]+)"',
    math.tointeger(tonumber(policy:match '"maxReceiveCount"%s*:%s*"?(%d+)'))
end

return redrive
