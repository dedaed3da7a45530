--- readiness: whether a watcher's queue responds, and when it last did. Responses to a receive, a
-- delete, a return, a heartbeat and a count all prove it. Nothing that keeps a watcher alive
-- depends on this: an outage of the queue must not kill running jobs.

local core = require "watchbot.core".file
local own = require "watchbot.lib.own"
local queue = require "watchbot.queue"
local scheduler = require "watchbot.scheduler"

-- Seconds that polls may run without a response; a long poll takes 20.
local PATIENCE = 60

-- Seconds without readiness until it is logged, and until the next line: each minute has one, for
-- the alarm of a template.
local FIRST, AGAIN = 30, 50

---@class watchbot.Asking
---@field answered number? boottime of the queue's last answer
---@field unanswered number? boottime of the last failure to get one

---@class watchbot.Readiness
---@field sources watchbot.Asking[] what asks the queue
local Readiness = {}
Readiness.__index = Readiness

local readiness = {}

-- The file of an embedded queue may be deleted or replaced while SQLite still has it open.
local function identity(path)
  local status = path and core.status(path)
  return status and ("%d:%d"):format(status.device, status.inode)
end

---@param url string the queue's
---@param intake watchbot.Intake
---@param sources watchbot.Asking[]? what else asks the queue
---@return watchbot.Readiness
function readiness.new(url, intake, sources)
  local file = url:match "^sqlite:" and queue.file(url) or nil
  local self = own({
    intake = intake, file = file, identity = identity(file), sources = { intake },
  }, Readiness)
  for _, source in ipairs(sources or {}) do self:hear(source) end
  return self
end

--- Something else asks the queue, too.
---@param source watchbot.Asking
function Readiness:hear(source)
  self.sources[#self.sources + 1] = source
end

-- The newest of the sources' times of this name.
function Readiness:newest(name)
  local newest
  for _, source in ipairs(self.sources) do
    local at = source[name]
    if at and (not newest or at > newest) then newest = at end
  end
  return newest
end

--- When the queue has answered last.
---@return number? boottime nil: never
function Readiness:answered()
  return self:newest "answered"
end

--- Whether the queue answers: its newest answer was a good one, and what is asked now has not been
--- asked for long. A watcher whose workers are all busy asks nothing, and is ready.
---@return boolean ready
---@return string? why it is not
function Readiness:is_ready()
  local intake, answered = self.intake, self:answered()
  if not answered then return false, "the queue has not answered yet" end
  if intake.pause > 0 then return false, "the last receive has failed" end
  if (self:newest "unanswered" or 0) > answered then return false, "the queue did not answer" end
  local age = scheduler.boottime() - answered
  if intake.polls > 0 and age > PATIENCE then
    return false, ("the queue has not answered for %.0f s"):format(age)
  end
  if identity(self.file) ~= self.identity then
    return false, "the queue's file was deleted or replaced"
  end
  return true
end

--- What is to be logged about it now, if that is called every few seconds: that the watcher is not
--- ready, every minute, and that it is ready again.
---@param now number a time of scheduler.now()
---@return "not ready"|"ready"|nil event
---@return string? why it is not ready
---@return number? seconds for which it was not
function Readiness:remark(now)
  local ready, why = self:is_ready()
  if ready then
    local since = self.remarked and self.since
    self.since, self.remarked = nil, nil
    return since and "ready" or nil, nil, since and now - since
  end
  self.since = self.since or now
  if now < (self.remarked and self.remarked + AGAIN or self.since + FIRST) then return nil end
  self.remarked = now
  return "not ready", why, now - self.since
end

-- of several queues

---@class watchbot.ReadinessOfQueues
---@field all { name: string, readiness: watchbot.Readiness }[]
local All = { remark = Readiness.remark }
All.__index = All

--- Of a watcher of several queues: it is ready if each of them answers.
---@param all { name: string, readiness: watchbot.Readiness }[]
---@return watchbot.ReadinessOfQueues
function readiness.of_queues(all)
  return own({ all = all }, All)
end

--- When the queue that has been silent for longest has answered last.
---@return number? boottime nil: one has never
function All:answered()
  local oldest = math.huge
  for _, one in ipairs(self.all) do
    oldest = math.min(oldest, one.readiness:answered() or -math.huge)
  end
  return oldest > -math.huge and oldest or nil
end

---@return boolean ready
---@return string? why it is not: of the first queue that does not answer
function All:is_ready()
  for _, one in ipairs(self.all) do
    local ready, why = one.readiness:is_ready()
    if not ready then return false, ("%s: %s"):format(one.name, why) end
  end
  return true
end

return readiness
