--- runner.ecs.stopped: the tasks of a family that have stopped or are about to, by whom they were
-- started. They are read at most once in ten seconds, for all that ask. Whoever asks gets a
-- reading that was begun after the question: an older one may lack the very task that has ended
-- meanwhile, and its message would be run again.
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html

local scheduler = require "watchbot.scheduler"

-- Seconds between two readings, and before the first, which gather what is asked for at the same time.
local INTERVAL, GATHER = 10, 0.2

---@class watchbot.ecs.Stopped
local Stopped = {}
Stopped.__index = Stopped

local stopped = {}

---@param client table an ECS client
---@return watchbot.ecs.Stopped
function stopped.new(client)
  return setmetatable({ client = client, families = {} }, Stopped)
end

-- A message may have had several tasks; the newest one counts.
local function keep(tasks, task)
  local known = task.startedBy and tasks[task.startedBy]
  if task.startedBy and (not known or (known.createdAt or 0) < (task.createdAt or 0)) then tasks[task.startedBy] = task end
end

-- ECS remembers stopped tasks for about an hour.
function Stopped:read(cluster, family)
  local tasks, token = {}, nil
  repeat
    local listed = self.client:ListTasks { cluster = cluster, family = family, desiredStatus = "STOPPED", nextToken = token }
    local arns = listed and listed.taskArns or {}
    local described = #arns > 0 and self.client:DescribeTasks { cluster = cluster, tasks = arns }
    for _, task in ipairs(described and described.tasks or {}) do keep(tasks, task) end
    token = listed and listed.nextToken
  until not token
  return tasks
end

function Stopped:family(cluster, name)
  local key = cluster .. "/" .. name
  self.families[key] = self.families[key] or {
    cluster = cluster, name = name, tasks = {}, begun = -math.huge, read = scheduler.event(),
  }
  return self.families[key]
end

function Stopped:refresh(family)
  family.read:clear()
  family.reading = scheduler.spawn(function()
    scheduler.sleep(math.max(GATHER, family.begun + INTERVAL - scheduler.now()))
    family.begun = scheduler.now()
    family.tasks = self:read(family.cluster, family.name)
    family.told, family.reading = family.begun, nil
    family.read:set()
  end)
end

--- The newest task that has stopped, or is about to. Waits for some seconds.
---@param cluster string
---@param name string the family
---@param started_by string
---@return table? task
function Stopped:find(cluster, name, started_by)
  local family, asked = self:family(cluster, name), scheduler.now()
  while not family.told or family.told < asked do
    if not family.reading then self:refresh(family) end
    family.read:wait()
  end
  return family.tasks[started_by]
end

return stopped
