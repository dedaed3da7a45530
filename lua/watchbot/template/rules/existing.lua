--- template.rules.existing: rules about what exists already: which options go with it, and which
-- would have no effect on it. Returns the problem, and the name to look at in the file.

-- Options of a resource that is not created.
local OF = {
  queue = { "messageTimeout", "messageRetention" },
  logGroup = { "logGroupName", "logGroupRetentionDays" },
  table = { "readCapacityUnits", "writeCapacityUnits" },
}

local function without_effect(given)
  for _, name in ipairs { "queue", "logGroup", "table" } do
    for _, other in ipairs(OF[name]) do
      if given[name] and given[other] then
        return ("option '%s' has no effect on an existing one ('%s'): set it there"):format(other,
          name), other
      end
    end
  end
end

local function is_fifo(arn)
  return type(arn) == "string" and arn:find "%.fifo$" ~= nil
end

-- SQS refuses a dead-letter queue of the other kind, and SNS a subscription between both kinds.
local function kinds(given)
  for _, name in ipairs { "queue", "deadLetterQueue", "topic" } do
    local arn = given[name]
    if type(arn) == "string" and is_fifo(arn) ~= (given.fifo == true) then
      return ("option '%s': '%s' %s"):format(name, arn, is_fifo(arn)
        and "is FIFO: set 'fifo = true'" or "is not FIFO, and 'fifo' is true"), name
    end
  end
end

-- Region and account of an ARN.
local function place_of(arn) return arn:match "^arn:[^:]+:[^:]+:([^:]*):([^:]*):" end

-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
-- sqs-dead-letter-queues.html
local function dead_letters(given)
  local queue, dead = given.queue, given.deadLetterQueue
  if type(queue) ~= "string" or type(dead) ~= "string" then return nil end
  if queue == dead then
    return "option 'deadLetterQueue' is 'queue': a queue cannot be its own", "deadLetterQueue"
  end
  local region, account = place_of(queue)
  local other_region, other_account = place_of(dead)
  if region ~= other_region or account ~= other_account then
    return ("option 'deadLetterQueue': it has to be in the region and account of 'queue', %s and "
      .. "%s, not in %s and %s"):format(region, account, other_region, other_account),
      "deadLetterQueue"
  end
end

--- The problem, if there is one.
---@param given table<string, any>
---@return string? err
---@return string? name
return function(given)
  if given.queue and not given.deadLetterQueue then
    return "option 'queue': an existing queue needs 'deadLetterQueue', the ARN in its "
      .. "RedrivePolicy", "queue"
  elseif given.fifoThroughput == "group" and not given.fifo then
    return "option 'fifoThroughput' needs 'fifo'", "fifoThroughput"
  elseif given.fifoThroughput and given.queue then
    return "option 'fifoThroughput' has no effect on an existing one ('queue'): set it there",
      "fifoThroughput"
  end
  local err, name = without_effect(given)
  if not err then err, name = kinds(given) end
  if not err then err, name = dead_letters(given) end
  return err, name
end
