--- runner.ecs.earlier: the tasks that earlier deliveries of messages have started, by `startedBy`.
-- They are read for a whole family at a time, by hundreds, and at most once in some seconds: a
-- watcher that takes over 600 running tasks asks a dozen times, not 1,200 times. A look gets a
-- reading that was begun after the question: an older one may lack the very task that has ended
-- meanwhile, and its message would be run again. A reading that fails answers nothing: the error
-- goes to all that wait for it.
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html

local ending = require "watchbot.runner.ecs.ending"
local recent = require "watchbot.lib.recent"
local scheduler = require "watchbot.scheduler"

-- Seconds between two readings, and before the first, which gather what is asked at the same time.
local INTERVAL, GATHER = 5, 0.2

-- Stopped tasks that need not be described again: what they say does not change any more.
local REMEMBERED = 20000

---@class watchbot.ecs.Earlier
local Earlier = {}
Earlier.__index = Earlier

local earlier = {}

---@param client table an ECS client
---@return watchbot.ecs.Earlier
function earlier.new(client)
  return setmetatable({ client = client, readings = {}, known = recent.new(REMEMBERED) }, Earlier)
end

local function is_over(task)
  return task.lastStatus == "STOPPED"
end

local function created(task)
  return ending.time(task.createdAt) or 0
end

-- Of two tasks of a message: one that goes on counts before one that has stopped ("recently stopped
-- tasks might appear" among the running ones), else the newest.
local function counting(a, b)
  if not (a and b) then return a or b end
  if is_over(a) ~= is_over(b) then return is_over(a) and b or a end
  return created(a) >= created(b) and a or b
end

local function keep(tasks, task)
  if type(task.startedBy) ~= "string" or type(task.taskArn) ~= "string" then return end
  tasks[task.startedBy] = counting(tasks[task.startedBy], task)
end

-- => the tasks that have to be asked for; the others are kept
local function unknown(self, arns, tasks)
  local asked = {}
  for _, arn in ipairs(arns) do
    local task = self.known:get(arn)
    if task then keep(tasks, task) else asked[#asked + 1] = arn end
  end
  return asked
end

function Earlier:describe(cluster, arns, tasks)
  arns = unknown(self, arns, tasks)
  if #arns == 0 then return true end
  local result, err, code = self.client:DescribeTasks { cluster = cluster, tasks = arns }
  if not result then return nil, err, code end
  for _, task in ipairs(result.tasks or {}) do
    if is_over(task) and task.taskArn then
      task = ending.essence(task)
      self.known:set(task.taskArn, task)
    end
    keep(tasks, task)
  end
  return true
end

--- Reads a family. ECS remembers stopped tasks for about an hour.
---@return table<string, table>? tasks by whom they were started
---@return string? err
---@return string? code
function Earlier:read(reading)
  local tasks, token = {}, nil
  repeat
    local listed, err, code = self.client:ListTasks {
      cluster = reading.cluster, family = reading.family, desiredStatus = reading.status,
      nextToken = token,
    }
    if not listed then return nil, err, code end
    local ok
    ok, err, code = self:describe(reading.cluster, listed.taskArns or {}, tasks)
    if not ok then return nil, err, code end
    token = listed.nextToken
  until not token
  return tasks
end

function Earlier:reading(cluster, family, status)
  local key = ("%s/%s/%s"):format(cluster, family, status)
  self.readings[key] = self.readings[key] or {
    cluster = cluster, family = family, status = status, begun = -math.huge,
    done = scheduler.event(),
  }
  return self.readings[key]
end

-- Whatever becomes of a reading, those that wait for it get an answer.
function Earlier:refresh(reading)
  reading.done:clear()
  reading.task = scheduler.spawn(function()
    scheduler.sleep(math.max(GATHER, reading.begun + INTERVAL - scheduler.now()))
    reading.begun = scheduler.now()
    local ok, tasks, err, code = xpcall(self.read, debug.traceback, self, reading)
    if not ok then tasks, err, code = nil, tasks, "Internal" end
    reading.tasks, reading.err, reading.code = tasks, err, code
    reading.told, reading.task = reading.begun, nil
    reading.done:set()
  end)
end

-- => task, or false where there is none | nil err code
function Earlier:ask(cluster, family, status, started_by)
  local reading, asked = self:reading(cluster, family, status), scheduler.now()
  while not reading.told or reading.told < asked do
    if not reading.task then self:refresh(reading) end
    reading.done:wait()
  end
  if not reading.tasks then return nil, reading.err, reading.code end
  return reading.tasks[started_by] or false
end

--- The task that counts of those that a message has had: one that goes on, else the newest that has
--- stopped. Waits for some seconds.
---@param cluster string
---@param family string
---@param started_by string
---@return table|false|nil task false where there is none; nil where that cannot be known
---@return string? err
---@return string? code
function Earlier:find(cluster, family, started_by)
  local running, err, code = self:ask(cluster, family, "RUNNING", started_by)
  if running == nil or (running and not is_over(running)) then return running, err, code end
  local stopped
  stopped, err, code = self:ask(cluster, family, "STOPPED", started_by)
  if stopped == nil then return nil, err, code end
  return counting(running or nil, stopped or nil) or false
end

return earlier
