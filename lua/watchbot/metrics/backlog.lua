--- metrics.backlog: how many messages wait in the queue, as the queue itself counts them. It is
-- asked at most every ten seconds, however often metrics are read, and with a short timeout: a
-- reader gets the last response, or nothing if that is old.

local open_queue = require("watchbot.queue").open
local own = require "watchbot.lib.own"
local redrive = require "watchbot.queue.sqs.redrive"
local scheduler = require "watchbot.scheduler"

-- Seconds between two questions, that a reader waits for an answer, and after which it is no news.
local APART, PATIENCE, OLD = 10, 1, 60

---@class watchbot.BacklogCounts
---@field visible integer
---@field delayed integer
---@field in_flight integer
---@field dead integer? in the dead-letter queue; nil: there is none, or it may not be asked
---@field oldest number? age of the oldest message in seconds; nil: there is none, or the queue
--- does not say

---@class watchbot.Backlog
---@field answered number? boottime at which the queue has answered last
local Backlog = {}
Backlog.__index = Backlog

local backlog = {}

---@param queue table the queue seam
---@return watchbot.Backlog
function backlog.new(queue)
  return own({ queue = queue, done = scheduler.event(), asked = -math.huge }, Backlog)
end

local function of_file(queue)
  local counts, err, code = queue:counts()
  if not counts or not queue.traffic then return counts, err, code end
  local traffic
  traffic, err, code = queue:traffic()
  if not traffic then return nil, err, code end
  counts.oldest = traffic.oldest and math.max(0, scheduler.time() - traffic.oldest) / 1000
  return counts
end

-- The role may be without the permission for the dead-letter queue.
function Backlog:dead_of(arn)
  local url = arn and redrive.url(arn, self.queue.name)
  if not url then return nil end
  if not self.dead or self.dead.name ~= url then self.dead = open_queue(url) end
  local counts = self.dead and self.dead:counts()
  return counts and counts.visible + counts.delayed + counts.in_flight
end

function Backlog:of_sqs()
  local queue = self.queue
  local counts, err, code, attributes = queue:counts()
  if not counts then return nil, err, code end
  counts.dead = self:dead_of(redrive.read(attributes or {}))
  return counts
end

function Backlog:ask()
  local ok, counts
  if self.queue.embedded then
    ok, counts = pcall(of_file, self.queue)
  else
    ok, counts = pcall(self.of_sqs, self)
  end
  if ok and counts then self.counts, self.answered = counts, scheduler.boottime() end
  self.asking = nil
  self.done:set()
end

--- The newest counts. Waits in a task, a second at most.
---@return watchbot.BacklogCounts? counts nil: the queue does not answer
function Backlog:read()
  local now = scheduler.now()
  if not self.asking and now - self.asked >= APART then
    self.asked = now
    self.done:clear()
    self.asking = scheduler.spawn(self.ask, self)
  end
  if self.asking then self.done:wait(PATIENCE) end
  local answered = self.answered
  return answered and scheduler.boottime() - answered < OLD and self.counts or nil
end

--- Ends a question under way.
function Backlog:close()
  if self.asking then self.asking:cancel "the watcher ends" end
end

return backlog
