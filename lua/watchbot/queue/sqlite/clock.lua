--- queue.sqlite.clock: the time of a transaction, and steps of the machine's clock. Times in a
-- queue file are those of the wall clock, which may be wrong: set back, it must not hide messages
-- until the old time is reached again; ahead, it must not expire what is not old. The file has the
-- time of its last transaction, whichever process that was.

local scheduler = require "watchbot.scheduler"

local clock = {}

-- The clock is recorded at most this often, and a smaller step back goes unnoticed, in
-- milliseconds.
local GRAIN = 1000

-- A process that has seen an earlier transaction compares the wall clock with one that only
-- advances: more than these milliseconds between them are a step ahead.
local DRIFT = 5000

-- The first transaction of a process has nothing to compare with: after a pause of this length the
-- time is in doubt.
local PAUSE = 600 * 1000

-- Milliseconds for which the time is in doubt after a step ahead: a machine that asks a time server
-- knows better by then.
local DOUBT = 3600 * 1000

--- The last step ahead.
clock.sql = "ALTER TABLE state ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0"

-- Everything in the future moves with the clock.
local shifts = {
  "UPDATE messages SET visible_at = visible_at - ?1 WHERE visible_at > ?2",
  "UPDATE messages SET due = due - ?1 WHERE visible_at IS NULL AND due > ?2",
  "UPDATE deduplications SET expires = expires - ?1 WHERE expires > ?2",
  "UPDATE messages SET since = since - ?1 WHERE since > ?2",
  "UPDATE starts SET ends = ends - ?1 WHERE ends > ?2",
  "UPDATE pauses SET ends = ends - ?1 WHERE ends > ?2",
}

local function set_back(transaction, now, state)
  -- What seemed too old while the time was in doubt.
  transaction:run("UPDATE messages SET visible_at = ? WHERE visible_at = ?", now,
    state.ahead + DOUBT)
  for _, shift in ipairs(shifts) do transaction:run(shift, state.clock - now, now) end
  transaction:run("UPDATE state SET set_back = ?", now)
end

-- Whether the clock was set ahead since the last transaction, as far as this process can know.
local function is_ahead(database, now, before)
  local boot, seen = scheduler.boottime() * 1000, database.clock_seen
  database.clock_seen = { time = now, boot = boot }
  if seen then return now - seen.time > boot - seen.boot + DRIFT end
  return before > 0 and now - before > PAUSE
end

--- Milliseconds since the epoch; notes in `transaction.prioritized` whether some messages have a
--- priority, in `paused` whether the queue or a group of it may be paused, in `cancels` whether
--- some messages were cancelled, and in `doubt` until when no message may expire.
---@param transaction watchbot.Transaction
---@return integer
function clock.now(transaction)
  local now = scheduler.time()
  local state = transaction:first "SELECT clock, ahead, prioritized, pauses, cancels FROM state"
  local before, ahead = state.clock, state.ahead
  transaction.prioritized, transaction.paused = state.prioritized > 0, state.pauses > 0
  transaction.cancels = state.cancels > 0
  if is_ahead(transaction.database, now, before) then
    ahead = now
    transaction:run("UPDATE state SET ahead = ?", now)
  end
  transaction.doubt = ahead <= now and now < ahead + DOUBT and ahead + DOUBT or nil
  if now <= before - GRAIN then
    set_back(transaction, now, state)
  elseif now < before + GRAIN then
    return now
  end
  transaction:run("UPDATE state SET clock = ?1, latest = max(latest, ?1)", now)
  return now
end

return clock
