--- console.embedded: what the console knows of an embedded queue, read from its file. Only actions
-- open the file for writing.

local dead = require "watchbot.queue.sqlite.dead"
local job_list = require "watchbot.console.embedded.job_list"
local jobs = require "watchbot.queue.sqlite.jobs"
local lanes = require "watchbot.queue.sqlite.lanes"
local letters = require "watchbot.console.embedded.letters"
local minutes = require "watchbot.console.minutes"
local once = require "watchbot.queue.sqlite.once"
local open_queue = require("watchbot.queue").open
local pauses = require "watchbot.queue.sqlite.pauses"
local scheduler = require "watchbot.scheduler"
local urls = require "watchbot.lib.urls"

-- Seconds between two readings while someone looks, and otherwise, for the charts.
local OFTEN, SELDOM = 1, 10

-- Letters whose times are read at once, for the chart of an hour.
local MOST_COUNTED = 20000

-- Jobs that the overview names, of those that run, and of those that failed.
local NAMED = 6

local MINUTE = 60000

---@class watchbot.ConsoleSource
---@field number integer in the order of the command line
---@field url string
---@field shown string the URL, for people
---@field name string short
---@field figures { waiting: integer?, running: integer?, delayed: integer?, oldest: number?,
--- dead: integer? }
---@field running watchbot.JobRow[] the first few
---@field failed watchbot.JobRow[] the newest few: attempts, or without a history dead letters
---@field watchers watchbot.LiveWatcher[]
---@field pauses { group: string?, ends: integer? }[]
---@field schedules { name: string, rule: string, last: integer }[]?
---@field once { count: integer, first: integer? }? keys of messages that run once, and are done
---@field lanes watchbot.LaneCounts[]? the limits that hold messages back
---@field problem string? why the figures are old, or missing
---@field hour table watchbot.console.minutes: sent, done, failed
---@field words { failed: string, failures: string } what is counted as failed
---@field embedded boolean
local Source = { embedded = true }
Source.__index = Source
for _, methods in ipairs { letters, job_list } do
  for name, method in pairs(methods) do Source[name] = method end
end

local embedded = {}

local WORDS = {
  [true] = { failures = "Failed attempts", failed = "failed" },
  [false] = { failures = "New dead letters", failed = "died" },
}

---@param url string
---@param number integer
---@return watchbot.ConsoleSource
function embedded.new(url, number)
  return setmetatable({
    url = url, shown = urls.hide(url), number = number,
    name = url:gsub("%?.*$", ""):match "([^/:]+)$" or url,
    figures = {}, running = {}, failed = {}, watchers = {}, pauses = {}, hour = minutes.new(),
    words = WORDS[false],
  }, Source)
end

-- The file may be created, or replaced, while the console runs.
function Source:open()
  if self.queue and not self.queue.reader:has_moved() then return self.queue end
  if self.queue then self.queue:close() end
  local err, code
  self.queue, err, code = open_queue(self.url, { read_only = true, patience = 2 })
  self.before, self.counted, self.followed = nil, nil, nil
  return self.queue, err, code
end

function Source:pause(watched) -- luacheck: ignore 212
  return watched and OFTEN or SELDOM
end

-- the last hour

-- The letters since the last reading, at first those of an hour. => their number
function Source:count_dead(queue, now, keep)
  if not self.counted and keep then self.hour:replace("failed", {}, now) end
  local rows, err, code = queue.reader:patiently(dead.times, self.counted or 0, MOST_COUNTED)
  if not rows then return nil, err, code end
  for _, row in ipairs(keep and rows or {}) do
    local died = math.tointeger(row.died) or 0
    if died > now - minutes.KEPT * MINUTE and died <= now then self.hour:add("failed", 1, died) end
  end
  if keep then self.hour:add("failed", 0, now) end
  self.counted = rows[1] and rows[1].seq or self.counted or 0
  return #rows
end

-- Between two readings: what was sent, and without a history what has left the queue, for the dead
-- letters or done.
function Source:count_traffic(queue, now, keep)
  local traffic, err, code = queue:traffic()
  if not traffic then return nil, err, code end
  local died
  died, err, code = self:count_dead(queue, now, keep)
  if not died then return nil, err, code end
  local before = self.before
  self.before = traffic
  if not before then return true end
  local sent = traffic.sent - before.sent
  local left = sent - (traffic.there - before.there)
  self.hour:add("sent", math.max(0, sent), now)
  if keep then self.hour:add("done", math.max(0, left - died), now) end
  return true
end

local FAILED = { "retry", "reject", "bury", "interrupted" }

-- From the history: at first of an hour, then of the minutes that may have changed.
function Source:follow(queue, now)
  local since = (self.followed or now - (minutes.KEPT - 1) * MINUTE) // MINUTE * MINUTE
  local activity, err, code = jobs.activity(queue, since, MINUTE)
  if not activity then return nil, err, code end
  for _, one in ipairs(activity) do
    local minute = self.hour:at(one.at // MINUTE)
    minute.done, minute.failed = one.outcomes.complete or 0, 0
    for _, outcome in ipairs(FAILED) do
      minute.failed = minute.failed + (one.outcomes[outcome] or 0)
    end
  end
  self.followed = now - MINUTE
  return true
end

-- reading

-- => true | nil err code
local function read_lists(self, queue, now, kept)
  for name, state in pairs { running = "running", failed = kept and "failed" or "dead" } do
    local page, err, code = jobs.list(queue, { states = { state }, limit = NAMED })
    if not page then return nil, err, code end
    self[name] = page.rows
  end
  local reader = queue.reader
  for _, one in ipairs { { "watchers", jobs.watchers(queue) },
    { "pauses", reader:patiently(pauses.list, now) }, { "schedules", queue:ticks() },
    { "lanes", reader:patiently(lanes.list) },
    { "once", reader:patiently(once.done, now) } } do
    if not one[2] then return nil, one[3], one[4] end
    self[one[1]] = one[2]
  end
  return true
end

local function read(self)
  local queue, err, code = self:open()
  if not queue then return nil, err, code end
  local counts, ok
  counts, err, code = jobs.counts(queue)
  if not counts then return nil, err, code end
  local now, kept = scheduler.time(), counts.history > 0
  self.words = WORDS[kept]
  ok, err, code = self:count_traffic(queue, now, not kept)
  if ok and kept then ok, err, code = self:follow(queue, now) end
  if ok then ok, err, code = read_lists(self, queue, now, kept) end
  if not ok then return nil, err, code end
  counts.oldest = counts.oldest and math.max(0, now - counts.oldest) / 1000
  return counts
end

--- Reads the figures again. Waits in a task.
function Source:refresh()
  local figures, err = read(self)
  self.problem = not figures and err or nil
  self.figures = figures or self.figures
end

--- Closes the file.
function Source:close()
  if self.queue then self.queue:close() end
end

return embedded
