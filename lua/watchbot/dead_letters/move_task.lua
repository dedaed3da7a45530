--- dead_letters.move_task: lets SQS move a queue's dead letters back to their source queues.
-- https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
-- API_StartMessageMoveTask.html
-- A queue has one such task at a time, and SQS lists its handle only while it runs: so the task
-- that was started here is the newest of the list, once that has changed. A task that another
-- caller has started does the same work, and is watched in the same way.

local limits = require "watchbot.lib.limits"
local scheduler = require "watchbot.scheduler"

-- Seconds between two looks: the first, and the longest.
local FIRST_LOOK, LONGEST_LOOK = 0.5, 5

-- Seconds after which a task that was started must be in the list.
local LISTED = 60

local move_task = {}

local Task = {}
Task.__index = Task

-- These operations take an ARN instead of a QueueUrl.
function Task:call(operation, parameters)
  local client = self.queue.client
  local result, err, code = client[operation](client, parameters)
  if result then return result end
  return nil, self.queue:explain(operation, err, code)
end

function Task:look()
  local result, err, code = self:call("ListMessageMoveTasks", {
    SourceArn = self.arn, MaxResults = 1,
  })
  if not result then return nil, err, code end
  return result.Results and result.Results[1] or {}
end

local function under_way(found)
  return found ~= nil and (found.Status == "RUNNING" or found.Status == "CANCELLING")
end

local function whole(rate)
  return rate and math.max(1, math.min(limits.sqs.moved, math.floor(rate)))
end

-- The response to a start may have been lost, or another caller was faster: either way there is a
-- task.
function Task:start(options)
  local before = self:look()
  if under_way(before) then return true end
  self.before = before and before.StartedTimestamp
  local started, err, code = self:call("StartMessageMoveTask", {
    SourceArn = self.arn, DestinationArn = options.destination,
    MaxNumberOfMessagesPerSecond = whole(options.rate),
  })
  if started then
    self.handle = started.TaskHandle
    return true
  end
  if under_way(self:look()) then return true end
  return nil, err, code
end

function Task:has_ended(found)
  return found.StartedTimestamp ~= nil and found.StartedTimestamp ~= self.before
    and not under_way(found)
end

local function progress_of(found)
  local moved, all = found.ApproximateNumberOfMessagesMoved
    or 0, found.ApproximateNumberOfMessagesToMove
  return all and ("SQS has moved %d of about %d"):format(moved, all)
    or ("SQS has moved %d"):format(moved)
end

function Task:watch(tell)
  local pause, limit = FIRST_LOOK, scheduler.now() + LISTED
  while true do
    local found, err, code = self:look()
    if not found then
      return nil, ("SQS is moving the messages, but its progress is unknown: %s"):format(err), code
    end
    if self:has_ended(found) then return found end
    if under_way(found) then
      tell(progress_of(found))
    elseif scheduler.now() > limit then
      return nil, "SQS accepted the move, but does not list it as a task", "NotListed"
    end
    scheduler.sleep(pause)
    pause = math.min(pause * 1.5, LONGEST_LOOK)
  end
end

-- On an interrupt, stop the task that was started here.
function Task:__close()
  if self.handle then self:call("CancelMessageMoveTask", { TaskHandle = self.handle }) end
end

---@class watchbot.MoveTaskOptions
---@field destination string? ARN; nil: each message goes to the queue that it came from
---@field rate number? messages a second
---@field tell fun(words: string)

--- Moves all messages, and waits for the end in a task.
---@param queue watchbot.queue.Sqs the dead-letter queue
---@param arn string its ARN
---@param options watchbot.MoveTaskOptions
---@return integer? count
---@return string? err
---@return string? code "Refused": SQS refused to start a task; "Failed": it ended before it was
--- done
function move_task.run(queue, arn, options)
  local task <close> = setmetatable({ queue = queue, arn = arn }, Task)
  local ok, err = task:start(options)
  if not ok then return nil, err, "Refused" end
  local found, problem, code = task:watch(options.tell)
  task.handle = nil
  if not found then return nil, problem, code end
  local moved = found.ApproximateNumberOfMessagesMoved or 0
  if found.Status == "COMPLETED" then return moved end
  return nil, ("SQS moved %d messages, then ended the task (%s)"):format(moved,
    found.FailureReason or found.Status), "Failed"
end

return move_task
