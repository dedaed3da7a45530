--- queue.sqlite.pauses: which messages are not received for now: all of the queue, or those of a
-- group. In the file, so that every watcher sees it at its next look, also after a restart.
-- The first message of a paused group is parked when a receive comes upon it: `since` has the time
-- at which it was visible, and it is visible again when the pause is over.

local pauses = {}

--- The migration of a queue file. In `fifo_group`, '' is the whole queue.
pauses.sql = [[
CREATE TABLE pauses (
  fifo_group  TEXT PRIMARY KEY,
  ends        INTEGER               -- NULL: when it is resumed
) WITHOUT ROWID;
ALTER TABLE state ADD COLUMN pauses INTEGER NOT NULL DEFAULT 0;    -- rows
ALTER TABLE messages ADD COLUMN lane TEXT;       -- where it waits, or which it takes part in
ALTER TABLE messages ADD COLUMN since INTEGER;   -- visible_at before it was parked
]]

--- The lane of messages that wait for the end of a pause.
pauses.LANE = ""

local PARK = "UPDATE messages SET since = coalesce(since, visible_at), lane = '', visible_at = ?2, "
  .. "returned = lease WHERE seq = ?1"

local UNPARK = [[
  UPDATE messages SET visible_at = since, since = NULL, lane = NULL
  WHERE fifo_group = ?1 AND lane = '' AND since IS NOT NULL]]

-- An end in the form of a date's milliseconds, whatever was written there: at most that of the year
-- 9999.
local ENDS = "CAST(min(ends, 253402300799999) AS INTEGER) AS ends"

local CURRENT = ("SELECT fifo_group, %s FROM pauses"):format(ENDS)
local COUNT = "UPDATE state SET pauses = (SELECT count(*) FROM pauses)"

---@class watchbot.Paused
---@field all boolean the whole queue
---@field groups table<string, integer|false> when each group's pause ends; false: never

--- The pauses at this time; nil if there are none. Those that are over are removed.
---@param transaction watchbot.Transaction
---@param now integer
---@return watchbot.Paused?
function pauses.current(transaction, now)
  if transaction:run("DELETE FROM pauses WHERE ends <= ?", now) > 0 then transaction:run(COUNT) end
  local found = { all = false, groups = {} }
  for _, row in ipairs(transaction:all(CURRENT)) do
    if row.fifo_group == "" then found.all = true end
    found.groups[row.fifo_group] = row.ends or false
  end
  return next(found.groups) ~= nil and found or nil
end

--- Lets a message wait until the pause of its group is over.
function pauses.park(transaction, seq, ends)
  transaction:run(PARK, seq, ends or nil)
end

--- Pauses a queue, or a group of it.
---@param wanted { group: string?, seconds: number? } without seconds: until it is resumed
---@return true
function pauses.pause(transaction, now, wanted)
  local ends = wanted.seconds and now + math.ceil(wanted.seconds * 1000) or nil
  transaction:run("INSERT OR REPLACE INTO pauses (fifo_group, ends) VALUES (?, ?)",
    wanted.group or "", ends)
  transaction:run(COUNT)
  -- A message that waits already waits for the new end.
  if wanted.group then transaction:run(UNPARK, wanted.group) end
  return true
end

--- Ends a pause.
---@param wanted { group: string? } without a group: that of the whole queue
---@return boolean changed
function pauses.resume(transaction, _, wanted)
  local changed = transaction:run("DELETE FROM pauses WHERE fifo_group = ?", wanted.group or "")
  transaction:run(COUNT)
  if wanted.group then transaction:run(UNPARK, wanted.group) end
  return changed > 0
end

-- looking

--- The pauses that are not over, the whole queue's first.
---@param database watchbot.Database
---@param now integer
---@return { group: string?, ends: integer? }[]?
---@return string? err
---@return string? code
function pauses.list(database, now)
  local rows, err, code = database:all([[
    SELECT nullif(fifo_group, '') AS "group", ]] .. ENDS .. [[ FROM pauses
    WHERE pauses.ends > ? OR pauses.ends IS NULL ORDER BY fifo_group]], now)
  return rows, err, code
end

--- Whether all that is left waits for the end of a pause that has none.
---@param database watchbot.Database
---@return { stuck: integer }?
---@return string? err
---@return string? code
function pauses.stuck(database)
  return database:first [[
    SELECT EXISTS (SELECT 1 FROM pauses WHERE fifo_group = '' AND ends IS NULL)
      OR (SELECT messages FROM state) = (SELECT count(*) FROM messages WHERE fifo_group IN
        (SELECT fifo_group FROM pauses WHERE ends IS NULL)) AS stuck]]
end

return pauses
