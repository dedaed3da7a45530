--- queue.sqs.redrive: the dead-letter queue in a queue's RedrivePolicy. The policy has its ARN.
-- Both queues are in the same account and region, so their URLs differ only in the name, whatever
-- the endpoint.
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

--- The dead-letter queue of a queue.
---@param attributes table<string, string> of GetQueueAttributes
---@return string? arn
---@return integer? max_receives
function redrive.read(attributes)
  local policy = attributes.RedrivePolicy or ""
  return policy:match '"deadLetterTargetArn"%s*:%s*"([^"]+)"',
    math.tointeger(tonumber(policy:match '"maxReceiveCount"%s*:%s*"?(%d+)'))
end

return redrive
