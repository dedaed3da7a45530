--- aws.counts: how many requests this process has made of AWS, by service and operation, whichever
-- client has made them. Read by metrics; nothing decides by them.

local counts = {}

---@class watchbot.aws.Counts
---@field requests integer HTTP requests, repeated ones included
---@field retries integer those of them that repeat an earlier one
---@field throttles integer those that AWS has answered with "too fast"
---@field failures integer those without a good answer

local by_service = {}

--- The counts of one operation, to be added to.
---@param service string "sqs"
---@param operation string "ReceiveMessage"
---@return watchbot.aws.Counts
function counts.of(service, operation)
  local operations = by_service[service]
  if not operations then
    operations = {}
    by_service[service] = operations
  end
  local found = operations[operation]
  if not found then
    found = { requests = 0, retries = 0, throttles = 0, failures = 0 }
    operations[operation] = found
  end
  return found
end

--- One of the counts, by service and operation.
---@param name "requests"|"retries"|"throttles"|"failures"
---@return table<string, table<string, integer>>
function counts.all(name)
  local all = {}
  for service, operations in pairs(by_service) do
    all[service] = {}
    for operation, found in pairs(operations) do all[service][operation] = found[name] end
  end
  return all
end

return counts
