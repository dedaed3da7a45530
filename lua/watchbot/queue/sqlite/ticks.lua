--- queue.sqlite.ticks: which ticks of schedules have been sent. A tick and its message are one
-- transaction, so that among any number of watchers each sends a tick's message or finds it sent.

local store = require "watchbot.queue.sqlite.store"

local ticks = {}

-- Seconds after a tick in which it is sent whatever `missed` says: a busy watcher is late.
local LATE = 60

-- Seconds that the last tick may be ahead of the clock: more, and the clock was wrong then.
local AHEAD = 86400

--- The migration of a queue file. Times are seconds since the epoch, as ticks are.
ticks.sql = [[
CREATE TABLE schedules (
  name  TEXT PRIMARY KEY,
  rule  TEXT NOT NULL,       -- what the ticks follow from
  last  INTEGER NOT NULL     -- the tick that was sent or skipped last
) WITHOUT ROWID;
]]

local PUT = "INSERT OR REPLACE INTO schedules (name, rule, last) VALUES (?, ?, ?)"

-- When the ticks that are not looked at yet begin.
local function last_of(transaction, schedule, now)
  local row = transaction:first("SELECT rule, last FROM schedules WHERE name = ?", schedule.name)
  if row and row.rule == schedule.rule and row.last <= now + AHEAD then return row.last end
  transaction:run(PUT, schedule.name, schedule.rule, now)
  return now
end

-- The ticks to send now, the oldest first; and the last that is done with.
local function due(schedule, last, now)
  local wanted, done = {}, last
  local missed = schedule:latest(last, now - LATE - 1)
  if missed then
    done = missed
    if schedule.missed == "once" then wanted[1] = missed end
  end
  local at = schedule:next(done)
  while at and at <= now do
    wanted[#wanted + 1], done = at, at
    at = schedule:next(at)
  end
  return wanted, done, missed ~= nil and schedule.missed == "skip"
end

---@class watchbot.Ticked
---@field sent { id: string, at: integer }[]
---@field skipped boolean ticks passed while no watcher ran, and had no message
---@field next integer? seconds since the epoch

--- Sends the messages of the ticks of a schedule that are due, within a transaction.
---@param transaction watchbot.Transaction
---@param milliseconds integer now
---@param schedule watchbot.Schedule
---@return watchbot.Ticked
function ticks.send(transaction, milliseconds, schedule)
  local now = milliseconds // 1000
  local last = last_of(transaction, schedule, now)
  local wanted, done, skipped = due(schedule, last, now)
  local sent = {}
  for index, at in ipairs(wanted) do
    sent[index] = { id = store.send(transaction, milliseconds, schedule:message_at(at)), at = at }
  end
  if done ~= last then transaction:run(PUT, schedule.name, schedule.rule, done) end
  return { sent = sent, skipped = skipped, next = schedule:next(math.max(done, now)) }
end

--- When a tick of a schedule was sent or skipped last, as far as the file knows.
---@param database watchbot.Database
---@return { name: string, rule: string, last: integer }[]?
---@return string? err
---@return string? code
function ticks.list(database)
  return database:all "SELECT name, rule, last FROM schedules ORDER BY name"
end

return ticks
