--- queue.sqs.pauses: a pause of an SQS queue, which SQS itself does not have: a tag of the queue
-- that each watcher reads once a minute. Its value is when the pause ends, in ISO 8601, or
-- "resume". https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html

local date = require "watchbot.lib.date"
local scheduler = require "watchbot.scheduler"

local TAG, UNTIL_RESUMED = "watchbot-paused", "resume"

local pauses = {}

local function refuse(queue, group)
  if not group then return true end
  return nil, ("queue %s: SQS hands out the messages of all groups, and cannot leave out one: only "
    .. "an embedded queue pauses a group"):format(queue.name), "Usage"
end

--- Pauses the queue for all watchers that may read its tags.
---@param queue watchbot.queue.Sqs
---@param seconds number? nil: until it is resumed
---@param group string? is refused
---@return true? ok
---@return string? err
---@return string? code "NotAllowed", "Usage"
function pauses.pause(queue, seconds, group)
  local ok, err, code = refuse(queue, group)
  if not ok then return nil, err, code end
  local value = UNTIL_RESUMED
  if seconds then value = scheduler.iso_date(scheduler.time() + math.ceil(seconds * 1000)) end
  ok, err, code = queue:call("TagQueue", { Tags = { [TAG] = value } })
  return ok and true, err, code
end

--- Ends the pause.
---@param queue watchbot.queue.Sqs
---@param group string? is refused
---@return boolean? changed false: it was not paused
---@return string? err
---@return string? code "NotAllowed", "Usage"
function pauses.resume(queue, group)
  local ok, err, code = refuse(queue, group)
  if not ok then return nil, err, code end
  -- Returns whether it was paused if the tags may be read.
  local before = pauses.list(queue)
  ok, err, code = queue:call("UntagQueue", { TagKeys = { TAG } })
  if not ok then return nil, err, code end
  return before == nil or #before > 0
end

--- The pause, if there is one that is not over.
---@param queue watchbot.queue.Sqs
---@return { ends: integer? }[]? ends: milliseconds since the epoch; nil: when it is resumed
---@return string? err
---@return string? code "NotAllowed"
function pauses.list(queue)
  local found, err, code = queue:call("ListQueueTags", {})
  if not found then return nil, err, code end
  local value = type(found.Tags) == "table" and found.Tags[TAG]
  if type(value) ~= "string" then return {} end
  local ends = date.iso(value)
  -- A value that cannot be read was still meant as a pause.
  if not ends then return { {} } end
  ends = math.floor(ends * 1000)
  return ends > scheduler.time() and { { ends = ends } } or {}
end

return pauses
