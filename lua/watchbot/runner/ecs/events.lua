--- runner.ecs.events: the queue into which EventBridge puts "ECS Task State Change" events, shared by all watchers of a stack.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
-- An event of somebody else's task goes back for others to see; the ends of such tasks are remembered for a while, since their
-- watcher may die and leave us the message.

local hands = require "watchbot.lib.hands"
local json = require "watchbot.lib.json"
local limits = require "watchbot.lib.limits"
local recent = require "watchbot.lib.recent"
local scheduler = require "watchbot.scheduler"
local ending = require "watchbot.runner.ecs.exit"

-- Seconds that an event of another watcher's task stays out of our sight, and its age at which it is nobody's.
local RETURN, STALE = 5, 600

-- Ends that are remembered.
local REMEMBERED = 5000

---@class watchbot.ecs.Events
local Events = {}
Events.__index = Events

local events = {}

---@param queue table the event queue, open
---@param follower watchbot.ecs.Follower
---@param failed fun(message: string, code: string)
---@return watchbot.ecs.Events
function events.new(queue, follower, failed)
  return setmetatable({ queue = queue, follower = follower, failed = failed, ends = recent.new(REMEMBERED) }, Events)
end

local function created(task)
  return ending.time(task.createdAt) or 0
end

-- A message may have had several tasks, whose events come again and again; the newest task counts.
function Events:remember(task)
  if task.lastStatus ~= "STOPPED" or type(task.startedBy) ~= "string" then return end
  local known = self.ends:get(task.startedBy)
  if known and created(known) > created(task) then return end
  self.ends:set(task.startedBy, task)
end

--- The end of a task that was not ours when it came.
---@param started_by string
---@return table? task
function Events:ended(started_by)
  return self.ends:get(started_by)
end

local function task_of(message)
  local event = json.decode(message.body, true)
  local task = type(event) == "table" and event.detail
  if type(task) == "table" and type(task.taskArn) == "string" then return task, event end
end

--- Handles one event; returns whether its message is done with.
function Events:handle(message)
  local task, event = task_of(message)
  if not task then return true end
  if self.follower:heard(task.taskArn, task) then return true end
  self:remember(task)
  local sent = ending.time(event.time) or (message.sent or 0) / 1000
  return scheduler.time() / 1000 - sent > STALE
end

function Events:poll()
  local messages, message, code = self.queue:receive(limits.sqs.batch, limits.sqs.wait, 30)
  if not messages then return nil, message, code end
  local done = {}
  for index, received in ipairs(messages) do done[index] = self:handle(received) end
  hands(messages, #messages, function(received, index)
    if done[index] then return self.queue:delete(received.receipt) end
    return self.queue:delay(received.receipt, RETURN)
  end)
  return true
end

--- Reads events until the task is cancelled. Correctness does not depend on it: what fails is tried again.
function Events:run()
  local pause = 1
  while true do
    local ok, message, code = self:poll()
    if ok then
      pause = 1
    else
      self.failed(message, code)
      scheduler.sleep(pause)
      pause = math.min(pause * 2, 60)
    end
  end
end

return events
