--- runner.ecs.earlier: finds the tasks that earlier deliveries of messages have started, by
-- `startedBy`. They are read for a whole family at once, by hundreds, and at most once every few
-- seconds: a watcher that takes over 600 running tasks makes a dozen calls instead of 1,200. A
-- lookup only uses a reading that started after it: an older one may miss the very task that has
-- ended meanwhile, and its message would be run again. The error of a failed reading goes to all
-- waiting callers. For tasks that no caller has asked about, only the message is remembered,
-- because a busy family stops ten thousand tasks an hour.
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html

local ending = require "watchbot.runner.ecs.ending"
local recent = require "watchbot.lib.recent"
local scheduler = require "watchbot.scheduler"

-- Seconds between two readings, and before the first one, which collect lookups of the same time.
local INTERVAL, GATHER = 5, 0.2

-- Stopped tasks of which the message is remembered, so that they are described again only for it.
-- ECS lists a stopped task for an hour; a busier family is described again. They take 4 MB.
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

-- Of two tasks of a message, a running one takes precedence over a stopped one ("recently stopped
-- tasks might appear" among running ones), otherwise the newest.
local function counting(a, b)
  if not (a and b) then return a or b end
  if is_over(a) ~= is_over(b) then return is_over(a) and b or a end
  return created(a) >= created(b) and a or b
end

-- Keeps a task that a caller waits for.
local function keep(round, task)
  local message = task.startedBy
  if type(task.taskArn) ~= "string" or not round.wanted[message] then return end
  round.found[message] = counting(round.found[message], task)
end

-- The last part of an ARN is unique, and a third as long.
local function id_of(arn)
  return arn:match "[^/]+$" or arn
end

-- => the tasks that have to be described: those that are new, and those of the messages asked for
local function of_interest(self, arns, round)
  local asked = {}
  for _, arn in ipairs(arns) do
    local message = self.known:get(id_of(arn))
    if message == nil or round.wanted[message] then asked[#asked + 1] = arn end
  end
  return asked
end

-- An answer that cannot be understood is no answer: taken for an empty one, it would say that there
-- is no earlier task, and the message would run twice.
local function is_list_of(values, kind)
  if values == nil then return true end
  if type(values) ~= "table" then return false end
  for _, value in pairs(values) do
    if type(value) ~= kind then return false end
  end
  return true
end

local function bad(operation)
  return nil, ("ecs:%s: the answer makes no sense"):format(operation), "BadAnswer"
end

function Earlier:describe(round, arns)
  arns = of_interest(self, arns, round)
  if #arns == 0 then return true end
  local result, err, code = self.client:DescribeTasks { cluster = round.cluster, tasks = arns }
  if not result then return nil, err, code end
  if not is_list_of(result.tasks, "table") then return bad "DescribeTasks" end
  for _, task in ipairs(result.tasks or {}) do
    if type(task.startedBy) == "string" then keep(round, task) end
    if is_over(task) and type(task.taskArn) == "string" then
      self.known:set(id_of(task.taskArn), type(task.startedBy) == "string" and task.startedBy)
    end
  end
  return true
end

--- Reads a family. ECS remembers stopped tasks for about an hour.
---@return true? ok
---@return string? err
---@return string? code
function Earlier:read(round)
  local token
  repeat
    local listed, err, code = self.client:ListTasks {
      cluster = round.cluster, family = round.family, desiredStatus = round.status,
      nextToken = token,
    }
    if not listed then return nil, err, code end
    if not is_list_of(listed.taskArns, "string") then return bad "ListTasks" end
    local ok
    ok, err, code = self:describe(round, listed.taskArns or {})
    if not ok then return nil, err, code end
    token = listed.nextToken
  until not token
  return true
end

-- Whatever happens in a reading, waiting callers get a result.
function Earlier:answer(round)
  local ok, done, err, code = xpcall(self.read, debug.traceback, self, round)
  if not ok then done, err, code = nil, done, "Internal" end
  if not done then round.found, round.err, round.code = nil, err, code end
  round.done:set()
end

-- Makes one reading after the other while there are questions.
function Earlier:work(reading)
  while reading.next do
    scheduler.sleep(math.max(GATHER, reading.begun + INTERVAL - scheduler.now()))
    local round = reading.next
    reading.next, reading.begun = nil, scheduler.now()
    self:answer(round)
  end
  reading.task = nil
end

-- The reading of a family that has not begun yet.
function Earlier:next_round(cluster, family, status)
  local key = ("%s/%s/%s"):format(cluster, family, status)
  local reading = self.readings[key] or { begun = -math.huge }
  self.readings[key] = reading
  reading.next = reading.next or {
    cluster = cluster, family = family, status = status, wanted = {}, found = {},
    done = scheduler.event(),
  }
  reading.task = reading.task or scheduler.spawn(self.work, self, reading)
  return reading.next
end

-- => task, or false if there is none | nil err code
function Earlier:ask(cluster, family, status, started_by)
  local round = self:next_round(cluster, family, status)
  round.wanted[started_by] = true
  round.done:wait()
  if not round.found then return nil, round.err, round.code end
  return round.found[started_by] or false
end

--- The relevant one of a message's tasks: a running one, otherwise the newest stopped one. Waits
--- for some seconds.
---@param cluster string
---@param family string
---@param started_by string
---@return table|false|nil task false if there is none; nil if that is not known
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
