--- queue.sqlite.limits: how much of a tenant is in flight at the same time, and is started in a
-- time, over all watchers of the file. Which limits a message is under, only the watcher knows (a
-- function of its policy): a receive that comes upon a message over a limit parks it in the lane of
-- that limit and key, in the same transaction and without a receive, so that each is looked at
-- once. The first of a lane is visible when there may be room for it, the others when it has gone.
-- A watcher without the limit empties the lanes in the same way.

local limits = {}

-- What the rank of a priority is in the order of a lane; as in queue.sqlite.ranking.
local POINT = 60000

local FIRST = ([[
  (SELECT seq FROM messages WHERE since IS NOT NULL AND lane = %%s
    ORDER BY since - priority * %d, seq LIMIT 1)]]):format(POINT)

local LEAVES = [[
CREATE TRIGGER message_leaves AFTER DELETE ON messages
WHEN old.fifo_group IS NOT NULL OR old.lane IS NOT NULL BEGIN
  UPDATE%OR messages SET visible_at = due
    WHERE old.fifo_group IS NOT NULL AND visible_at IS NULL
      AND seq = (SELECT min(seq) FROM messages WHERE fifo_group = old.fifo_group);
  DELETE FROM holds WHERE old.lane IS NOT NULL AND seq = old.seq;
  UPDATE%OR messages SET visible_at = since
    WHERE old.since IS NOT NULL AND old.lane <> '' AND seq = %FIRST_OF_OLD;
END;
]]

local function substituted(sql, conflict)
  sql = sql:gsub("%%LEAVES", function() return LEAVES end):gsub("%%OR", conflict)
  return (sql:gsub("%%POINT", tostring(POINT)):gsub("%%FIRST_OF_OLD", function()
    return FIRST:format "old.lane"
  end))
end

--- The migration of a queue file.
limits.sql = substituted([[
CREATE TABLE holds (                -- messages in flight by the lanes that they are in
  lane  TEXT NOT NULL,
  seq   INTEGER NOT NULL,
  PRIMARY KEY (lane, seq)
) WITHOUT ROWID;
CREATE INDEX holds_by_seq ON holds (seq);

CREATE TABLE starts (               -- those that count for a rate, and until when
  lane  TEXT NOT NULL,
  ends  INTEGER NOT NULL,
  seq   INTEGER NOT NULL,
  PRIMARY KEY (lane, ends, seq)
) WITHOUT ROWID;
CREATE INDEX starts_by_time ON starts (ends);

CREATE INDEX messages_by_lane
  ON messages (lane, since - priority * %POINT, seq, visible_at, receives)
  WHERE since IS NOT NULL;

CREATE TRIGGER hold_ends AFTER DELETE ON holds BEGIN
  UPDATE messages SET visible_at = since WHERE seq = %FIRST_OF_OLD;
END;
DROP TRIGGER group_moves_up;
%LEAVES-- A message that goes back without having run has not been started.
CREATE TRIGGER message_returns AFTER UPDATE OF returned ON messages
WHEN new.lane IS NOT NULL AND new.returned = new.lease BEGIN
  DELETE FROM starts WHERE new.receives < old.receives AND seq = new.seq
    AND lane IN (SELECT lane FROM holds WHERE seq = new.seq);
  DELETE FROM holds WHERE seq = new.seq;
  UPDATE messages SET lane = NULL WHERE seq = new.seq AND since IS NULL;
END;
]], "")

--- A later one, for deletes of half the cost: SQLite copies each page before a statement that may
--- fail halfway changes it, and one that rolls back the transaction does not.
limits.light_sql = substituted("DROP TRIGGER message_leaves;\n%LEAVES", " OR ROLLBACK")

---@class watchbot.LaneOfMessage
---@field lane string the limit and the key
---@field concurrency integer?
---@field count integer? starts in `period` seconds
---@field period number?

local IS_OCCUPIED = "SELECT 1 FROM messages WHERE since IS NOT NULL AND lane = ?1 AND seq <> ?2 "
  .. "LIMIT 1"

-- CROSS JOIN keeps SQLite from beginning with the messages.
local RUNNING = [[
  SELECT count(*) AS running, min(visible_at) AS ends
  FROM holds CROSS JOIN messages ON messages.seq = holds.seq
  WHERE holds.lane = ?1 AND holds.seq <> ?2 AND visible_at > ?3 AND since IS NULL]]

local NEWEST = "SELECT ends FROM starts WHERE lane = ?1 AND ends > ?2 ORDER BY ends DESC "
  .. "LIMIT 1 OFFSET ?3"

-- When there may be room for a message; nil: now.
local function room_at(transaction, now, seq, one)
  if one.concurrency then
    local found = transaction:first(RUNNING, one.lane, seq, now)
    if found.running >= one.concurrency then return found.ends end
  end
  if one.count then
    local newest = transaction:first(NEWEST, one.lane, now, one.count - 1)
    if newest then return newest.ends end
  end
end

local PARK = "UPDATE messages SET since = coalesce(since, visible_at), lane = ?2, visible_at = ?3 "
  .. "WHERE seq = ?1"

local FORGET = "DELETE FROM holds WHERE seq = ?"

local FIRST_GOES = ("UPDATE messages SET visible_at = since WHERE seq = %s"):format(
  FIRST:format "?1")

--- Lets the next of a lane be looked at, since a message has left it.
---@param lane string? nil or "": of none
function limits.move_up(transaction, lane)
  if lane and lane ~= "" then transaction:run(FIRST_GOES, lane) end
end

-- Parks a message in a lane: the first until a time, others behind it.
local function park(transaction, message, lane, at)
  -- It was in flight, and its lease has lapsed.
  if message.lane then transaction:run(FORGET, message.seq) end
  transaction:run(PARK, message.seq, lane, at)
  if message.lane ~= lane then limits.move_up(transaction, message.lane) end
end

--- Parks a message that is over a limit.
---@param transaction watchbot.Transaction
---@param now integer
---@param message table with `seq`, and `lane` if it was parked before
---@param lanes watchbot.LaneOfMessage[]
---@return boolean parked
function limits.park(transaction, now, message, lanes)
  for _, one in ipairs(lanes) do
    -- One that has had its turn in a lane is not sent behind the others of another: two lanes could
    -- send their messages to each other forever.
    if not message.lane and transaction:first(IS_OCCUPIED, one.lane, message.seq) then
      park(transaction, message, one.lane, nil)
      return true
    end
    local at = room_at(transaction, now, message.seq, one)
    if at then
      park(transaction, message, one.lane, at)
      return true
    end
  end
  return false
end

local START = "INSERT OR REPLACE INTO starts (lane, ends, seq) VALUES (?1, ?2, ?3)"

local function hold(transaction, now, message, lanes)
  for _, one in ipairs(lanes) do
    transaction:run("INSERT OR IGNORE INTO holds (lane, seq) VALUES (?, ?)", one.lane, message.seq)
    if one.count then
      transaction:run(START, one.lane, now + math.ceil(one.period * 1000), message.seq)
    end
  end
end

-- Its lease comes with those of the others; here it counts already.
local TAKE = "UPDATE messages SET since = NULL, lane = ?2, visible_at = ?3 WHERE seq = ?1"

--- A message that was parked, that was in flight before, or that is under limits, is received.
---@param lanes watchbot.LaneOfMessage[]? nil: under none
---@param visible_at integer when the lease ends
function limits.take(transaction, now, message, lanes, visible_at)
  if message.lane then transaction:run(FORGET, message.seq) end
  if lanes then hold(transaction, now, message, lanes) end
  transaction:run(TAKE, message.seq, lanes and lanes[1].lane, visible_at)
  limits.move_up(transaction, message.lane)
end

-- One step removes at most this many.
local SWEEP = 200

--- Called in quiet moments: forgets what no longer counts for a rate.
function limits.tidy(transaction, now)
  transaction:run("DELETE FROM starts WHERE (lane, ends, seq) IN "
    .. "(SELECT lane, ends, seq FROM starts WHERE ends <= ? LIMIT ?)", now, SWEEP)
end

return limits
