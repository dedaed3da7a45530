--- watcher.schedules: sends the messages of a policy's schedules to an embedded queue when they are
-- due. All watchers of a file do so; the file decides who sends a tick's message.

local schedule = require "watchbot.schedule"
local scheduler = require "watchbot.scheduler"

-- Seconds between two looks at the clock, which may be set while a watcher sleeps.
local LONGEST_SLEEP = 5

-- Seconds before a failed look is repeated.
local RETRY = 5

-- Seconds that a watcher which starts waits for the first look: one that ends with its queue must
-- not find it empty before.
local FIRST_LOOK = 10

---@class watchbot.Scheduling
---@field looked watchbot.Event set after the first look
---@field failing boolean the last look failed, and has been logged
local Scheduling = {}
Scheduling.__index = Scheduling

local schedules = {}

-- Logs a failure once, until it is over.
function Scheduling:complain(err, code)
  if self.failing then return end
  self.failing = true
  self.journal:error(nil, "error", "no message of a schedule can be sent: " .. err, "code", code,
    "where", "schedules")
end

function Scheduling:tell(one, ticked)
  for _, sent in ipairs(ticked.sent) do
    self.journal:info(sent.id, "event", "scheduled", "schedule", one.name, "time",
      one:text(sent.at))
  end
  if ticked.skipped then
    self.journal:info(nil, "event", "schedule missed", "schedule", one.name, "next",
      ticked.next and one:text(ticked.next))
  end
end

-- Follows a policy that was reloaded.
function Scheduling:current()
  local wanted = self.hooks.policy.schedules or {}
  if self.wanted ~= wanted then self.wanted, self.all = wanted, schedule.all(wanted) end
  return self.all
end

--- Sends what is due now. Waits in a task.
---@return number? seconds until the next look; nil: the queue is closed
function Scheduling:look()
  local soonest = math.huge
  for _, one in ipairs(self:current()) do
    local ticked, err, code = self.queue:tick(one)
    if code == "Closed" then return nil end
    if not ticked then
      self:complain(err, code)
      return RETRY
    end
    self.failing = false
    self:tell(one, ticked)
    soonest = math.min(soonest, ticked.next or math.huge)
  end
  return math.max(0.01, math.min(soonest - scheduler.time() / 1000, LONGEST_SLEEP))
end

-- Sends the messages of schedules until the watcher begins to stop. Waits in a task.
function Scheduling:run()
  repeat
    local seconds = self:look()
    self.looked:set()
  until not seconds or self.ended:wait(seconds)
end

--- Has a watcher send the messages of its policy's schedules.
---@param watcher watchbot.Watcher
---@param wait boolean? return after the first look: waits in a task
---@return watchbot.Scheduling? scheduling nil: there are none, or another service sends them
function schedules.attend(watcher, wait)
  if not watcher.queue.tick or not watcher.hooks.policy.schedules then return nil end
  local self = setmetatable({
    queue = watcher.queue, journal = watcher.journal, hooks = watcher.hooks,
    ended = watcher.phase.draining, looked = scheduler.event(), failing = false,
  }, Scheduling)
  watcher:supervise("schedules", self.run, self)
  if wait then self.looked:wait(FIRST_LOOK) end
  return self
end

return schedules
