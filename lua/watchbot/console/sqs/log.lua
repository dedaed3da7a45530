--- console.sqs.log: one message of an SQS queue, as the stack's log and its ECS tasks know it. Each
-- look is a few calls, so it is only done when a person opens the page of a message.

local logged = require "watchbot.stack.logged"
local logs = require "watchbot.stack.logs"
local scheduler = require "watchbot.scheduler"
local work = require "watchbot.status.work"

-- Hours of the log that are read unless the page says, and those to choose from.
local HOURS = 6

-- Those of the SQS source.
local methods = { hours = { 6, 24, 168 } }

local function events_of(self, id, since)
  local group, err = logs.open(self.place.log_group)
  if not group then return nil, err end
  local events = {}
  local ok, problem = group:of_message({ id = id, since = since }, function(event)
    events[#events + 1] = event
  end)
  if not ok then return nil, problem end
  return events
end

-- The attempt that has not ended is shown as the one that runs.
local function with_current(one)
  local last = one.attempts[#one.attempts]
  if last and not last.ended then
    one.current, one.attempts[#one.attempts] = last, nil
  end
  return one
end

--- Whether the log of this queue is known.
---@return boolean
function methods:has_log() return self.place.log_group ~= nil end

--- What the log and the tasks say of a message; false: nothing. Waits in a task.
---@param id string
---@param hours integer? of the log
---@return watchbot.JobDetails|false|nil
---@return string? err
function methods:job(id, hours)
  if not self:has_log() then return false end
  local events, err = events_of(self, id, scheduler.time() - (hours or HOURS) * 3600000)
  if not events then return nil, err end
  local task
  task, err = work.find({
    cluster = self.place.cluster, definition = self.place.definition, near = self.url,
  }, id)
  local one = logged.job(id, events)
  if not one and task then
    one = { id = id, state = "running", key = "task", receives = 1, attempts = {} }
  end
  if not one then return false end
  one.task = task and ("%s, %s"):format(task.taskArn, task.lastStatus) or nil
  -- Without the permission, the log still says what it says.
  one.task_problem = task == nil and err or nil
  return with_current(one)
end

return methods
