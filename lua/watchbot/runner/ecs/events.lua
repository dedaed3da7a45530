--- runner.ecs.events: the queue that receives EventBridge's "ECS Task State Change" events, shared
-- by all watchers of a stack.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
-- An event of another watcher's task is returned for that watcher; ends of such tasks are
-- remembered for a while, because their watcher may die and its message arrive here. Messages that
-- are not events of ECS are never deleted.

local file = require "watchbot.core".file
local hands = require "watchbot.lib.hands"
local json = require "watchbot.lib.json"
local limits = require "watchbot.lib.limits"
local percent = require "watchbot.lib.percent"
local place = require "watchbot.aws.place"
local absolute, queue_file = require("watchbot.queue").absolute, require("watchbot.queue").file
local recent = require "watchbot.lib.recent"
local scheduler = require "watchbot.scheduler"
local ending = require "watchbot.runner.ecs.ending"

-- Seconds that an event of another watcher's task stays hidden, and its age at which no watcher
-- waits for it any more; seconds that a message that is not an event stays hidden.
local RETURN, STALE, FOREIGN = 5, 600, 900

-- The number of ends to remember.
local REMEMBERED = 5000

---@class watchbot.ecs.Events
local Events = {}
Events.__index = Events

local events = {}

-- The account and name of a queue are at the end of its URL; the host has several forms.
local function parts_of(url)
  local path = url:gsub("%s+$", ""):gsub("[?#].*", ""):gsub("/+$", "")
    :match "^%a+://[^/]+/+(.+)$"
  return place.region_of(url), path and percent.decode((path:gsub("//+", "/")))
end

-- Two names of one file, which may be one of an embedded queue.
local function same_file(one, other)
  local path, other_path = queue_file(one), queue_file(other)
  local status, other_status = path and file.status(path), other_path and file.status(other_path)
  return status and other_status and status.device == other_status.device
    and status.inode == other_status.inode
    or absolute(one) ~= nil and absolute(one) == absolute(other)
end

--- Whether the queue of task events differs from the queue of messages, which would be read as
--- events.
---@param task_events string
---@param queue string
---@return true? ok
---@return string? err
---@return "Usage"? code
function events.check(task_events, queue)
  local region, path = parts_of(task_events)
  local other_region, other_path = parts_of(queue)
  local same = path and path == other_path
    and (not region or not other_region or region == other_region)
  if not same and task_events ~= queue and not same_file(task_events, queue) then return true end
  return nil, ("'task_events' (TaskEventQueueUrl) names the queue of the messages, '%s': its "
    .. "messages would be read as task events; give EventBridge a separate queue"):format(queue),
    "Usage"
end

---@param queue table the event queue, open
---@param follower watchbot.ecs.Follower
---@param failed fun(err: string, code: string)
---@return watchbot.ecs.Events
function events.new(queue, follower, failed)
  return setmetatable({
    queue = queue, follower = follower, failed = failed, ends = recent.new(REMEMBERED),
  }, Events)
end

local function created(task)
  return ending.time(task.createdAt) or 0
end

-- A message may have had several tasks, whose events are repeated; the newest task counts.
function Events:remember(task)
  if task.lastStatus ~= "STOPPED" or type(task.startedBy) ~= "string" then return end
  local known = self.ends:get(task.startedBy)
  if known and created(known) > created(task) then return end
  self.ends:set(task.startedBy, ending.essence(task))
end

--- The end of a task that was not followed here when its event came.
---@param started_by string
---@return table? task
function Events:ended(started_by)
  return self.ends:get(started_by)
end

-- Wrappers that EventBridge may add to an event: an SNS envelope, or a list of events (a pipe).
local function opened(body)
  local value = json.decode(body, true)
  if type(value) ~= "table" then return {} end
  if value.Type == "Notification" and type(value.Message) == "string" then
    value = json.decode(value.Message, true)
    if type(value) ~= "table" then return {} end
  end
  return json.is_list(value) and value or { value }
end

-- => the task, when its event was sent | nil, whether it is another event of ECS
local function task_of(event)
  if type(event) ~= "table" then return nil, false end
  -- Other programs may write about tasks, too.
  if event.source ~= nil and event.source ~= "aws.ecs" then return nil, false end
  -- A rule with an input path passes only the task. A job that names a task has no state of it.
  local task = event.detail == nil and event or event.detail
  local is_task = type(task) == "table" and type(task.taskArn) == "string"
    and type(task.lastStatus) == "string"
  if is_task then return task, event.time end
  return nil, event.source == "aws.ecs"
end

-- => whether this watcher is done with the event
function Events:handle_task(task, time, message)
  if self.follower:heard(task.taskArn, task) then return true end
  self:remember(task)
  local sent = ending.time(time) or (message.sent or 0) / 1000
  return scheduler.time() / 1000 - sent > STALE
end

-- A message that is not an event may be another consumer's job: it stays in the queue, and that is
-- logged once.
function Events:foreign(message)
  if not self.complained then
    self.complained = true
    self.failed(("message '%s' in the queue of task events is not an ECS event and was left there; "
      .. "is the queue used for something else, too?"):format(tostring(message.id)), "NoTaskEvent")
  end
  return false, FOREIGN
end

--- Handles a message of the queue; returns whether it is done, otherwise the seconds after which it
--- may become visible again.
---@return boolean done
---@return number? seconds
function Events:handle(message)
  local list, done = opened(message.body), true
  if #list == 0 then return self:foreign(message) end
  for _, event in ipairs(list) do
    local task, more = task_of(event)
    if not task and not more then return self:foreign(message) end
    if task and not self:handle_task(task, more, message) then done = false end
  end
  return done, RETURN
end

-- A message that cannot be handled must not affect the others.
local function handle(self, message)
  local ok, done, seconds = xpcall(self.handle, debug.traceback, self, message)
  if ok then return done, seconds end
  local err = ("message '%s' in the queue of task events: %s"):format(tostring(message.id), done)
  self.failed(err, "Internal")
  return false, FOREIGN
end

-- Deleting is not required for correctness: an event that is not deleted comes again.
local function settle(self, message, done, seconds)
  local ok, err, code
  if done then
    ok, err, code = self.queue:delete(message.receipt)
  else
    ok, err, code = self.queue:delay(message.receipt, seconds)
  end
  if not ok then self.failed(err, code) end
end

function Events:poll()
  local messages, err, code = self.queue:receive(limits.sqs.batch, limits.sqs.wait, 30)
  if not messages then return nil, err, code end
  local answers = {}
  for index, received in ipairs(messages) do answers[index] = { handle(self, received) } end
  hands(messages, #messages, function(received, index)
    settle(self, received, answers[index][1], answers[index][2])
  end)
  return true
end

--- Reads events until the task is cancelled. Not required for correctness: a failure is retried.
function Events:run()
  local pause = 1
  while true do
    local ok, err, code = self:poll()
    if ok then
      pause = 1
    else
      self.failed(err, code)
      scheduler.sleep(pause)
      pause = math.min(pause * 2, 60)
    end
  end
end

return events
