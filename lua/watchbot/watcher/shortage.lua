--- watcher.shortage: logs that jobs are held for lack of room (processes, memory, capacity), once
-- for each reason, and again every ten minutes while it lasts: a watcher may hold a thousand jobs,
-- each of which is tried again every minute.

local recent = require "watchbot.lib.recent"
local scheduler = require "watchbot.scheduler"

-- Seconds until the same reason is logged again, and how many reasons to remember.
local AGAIN, REMEMBERED = 600, 50

---@class watchbot.Shortage
local Shortage = {}
Shortage.__index = Shortage

local shortage = {}

---@param now (fun(): number)? default: scheduler.now
---@return watchbot.Shortage
function shortage.new(now)
  return setmetatable({ said = recent.new(REMEMBERED), now = now or scheduler.now }, Shortage)
end

-- Reasons that differ in an ID or a number are the same.
local function kind_of(reason)
  return (tostring(reason):sub(1, 1024):gsub("[%w-]*%d[%w-]*", "#"))
end

-- Whether a reason was not logged lately.
local function is_news(self, reason)
  local kind, now = kind_of(reason), self.now()
  local at = self.said:get(kind)
  if at and now - at < AGAIN then return false end
  self.said:set(kind, now)
  return true
end

--- A job is held. The lines of ecs-watchbot are written for each: metric filters count them.
---@param journal watchbot.Journal
---@param entry watchbot.JobEntry
---@param exit watchbot.Exit
function Shortage:log(journal, entry, exit)
  if not journal.logs_each_held and not is_news(self, exit.reason) then return end
  journal:held(entry.job, exit, entry.seconds)
end

return shortage
