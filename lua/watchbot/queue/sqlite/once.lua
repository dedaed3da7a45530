--- queue.sqlite.once: the keys of messages that are to run once, in the queue's file. A key in
-- progress belongs to a message, and lasts as long as that message's lease: there is no second
-- lease to extend. It is marked as done in the transaction that deletes the message.

local sqlite = require "watchbot.sqlite"

local once = {}

-- One transaction removes at most this many keys.
local SWEEP = 200

--- The migration of a queue file. `left`: the message's task may run on without a watcher, so that
--- the key stays with the message until that is received again.
once.sql = [[
CREATE TABLE once_keys (
  key      TEXT PRIMARY KEY,
  seq      INTEGER,            -- NULL: done
  lease    INTEGER,
  lasting  INTEGER NOT NULL DEFAULT 0,
  expires  INTEGER             -- of one that is done, in milliseconds since the epoch
) WITHOUT ROWID;
CREATE INDEX once_keys_by_time ON once_keys (expires) WHERE expires IS NOT NULL;
]]

local parse = sqlite.receipt

local HOLDER = [[
  SELECT visible_at, lease = ?2 AND visible_at > ?3 AND returned < lease AS active
  FROM messages WHERE seq = ?1]]

-- Whether another message keeps a key that is in progress.
-- => "busy"|"waits"|nil, seconds
local function kept(transaction, now, row, seq)
  if row.seq == seq then return nil end
  local holder = transaction:first(HOLDER, row.seq, row.lease, now)
  if not holder then return nil end
  if holder.active == 1 then return "busy", (holder.visible_at - now) / 1000 end
  -- Its task may run on, and the next watcher that receives it finds that task.
  if row.lasting == 1 then return "waits" end
end

-- Whether an earlier run may have ended without a mark: its watcher was killed. A task that
-- outlives its watcher is found by the next receive of its message.
local function in_doubt(row, seq, lease)
  if not row or row.expires then return false end
  if row.seq == seq then return row.lease ~= lease and row.lasting == 0 end
  return true
end

local PUT = "INSERT OR REPLACE INTO once_keys (key, seq, lease, lasting) VALUES (?, ?, ?, ?)"

--- Claims a key for a message in flight.
---@param transaction watchbot.Transaction
---@param now integer
---@param claim watchbot.Claim
---@return "claimed"|"done"|"busy"|"waits"|"lost" state
---@return any detail claimed: whether an earlier run is in doubt; busy: seconds until its lease
--- ends
function once.claim(transaction, now, claim)
  local seq, lease = parse(claim.receipt)
  if not transaction:first("SELECT 1 FROM messages WHERE seq = ? AND lease = ?", seq, lease) then
    return "lost"
  end
  local row = transaction:first("SELECT seq, lease, lasting, expires FROM once_keys WHERE key = ?",
    claim.key)
  if row and row.expires and row.expires > now then return "done" end
  if row and not row.expires then
    local state, seconds = kept(transaction, now, row, seq)
    if state then return state, seconds end
  end
  transaction:run(PUT, claim.key, seq, lease, claim.lasting and 1 or 0)
  return "claimed", in_doubt(row, seq, lease)
end

local MARK = "INSERT OR REPLACE INTO once_keys (key, expires) VALUES (?, ?)"
local FREE = "DELETE FROM once_keys WHERE key = ? AND seq = ? AND lease = ?"

--- Marks a key as done, or frees it; one that was `left` stays in progress.
---@param transaction watchbot.Transaction
---@param now integer
---@param claim watchbot.Claim
---@return true
function once.settle(transaction, now, claim)
  if claim.state == "done" then
    transaction:run(MARK, claim.key, now + math.floor(claim.keeps * 1000))
  elseif claim.state ~= "left" then
    local seq, lease = parse(claim.receipt)
    transaction:run(FREE, claim.key, seq, lease)
  end
  return true
end

--- The same work on a message, and then on its key.
---@param work fun(transaction: watchbot.Transaction, now: integer, item: any): any
---@param claim watchbot.Claim
---@return fun(transaction: watchbot.Transaction, now: integer, item: any): any
function once.with(work, claim)
  return function(transaction, now, item)
    local answer = work(transaction, now, item)
    if answer == true then once.settle(transaction, now, claim) end
    return answer
  end
end

-- More keys are "at least" this many.
once.COUNTED = 20000

local DONE = [[
  SELECT count(*) AS count, min(expires) AS first
  FROM (SELECT expires FROM once_keys WHERE expires IS NOT NULL AND expires > ?1
    ORDER BY expires LIMIT ?2)]]

--- How many keys are done, and when the first of them expires: for people.
---@param database watchbot.Database
---@param now integer
---@return { count: integer, first: integer? }?
---@return string? err
---@return string? code
function once.done(database, now)
  return database:first(DONE, now, once.COUNTED)
end

local TIDY = [[
  DELETE FROM once_keys WHERE key IN (
    SELECT key FROM once_keys WHERE expires IS NOT NULL AND expires <= ? LIMIT ?)]]

--- Called in quiet moments: forgets keys whose time is over.
---@param transaction watchbot.Transaction
---@param now integer
function once.tidy(transaction, now)
  transaction:run(TIDY, now, SWEEP)
end

return once
