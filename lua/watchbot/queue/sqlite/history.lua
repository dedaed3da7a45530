--- queue.sqlite.history: what is known of attempts that have ended. A row is written in the
-- transaction that settles its message, and is kept for as long as the policy says. `seq` grows
-- with the time, so that one tree orders the rows, finds those of an hour, and the oldest. Sits on
-- the tables of queue.sqlite.schema; queue.sqlite.jobs reads it.

local history = {}

-- Milliseconds are multiplied by this in `seq`.
local GRAIN = 1 << 10

-- Rows that one step removes, and that a connection adds between two steps.
local STEP, PACE = 100, 32

-- `taken` and `returned` say whether a hidden message is being processed, or in backoff: it is
-- returned where its lease is the one that it was returned after. `pruned` is where pruning has
-- come to: older attempts are those of dead letters, which keep them, and are not counted.
history.sql = [[
ALTER TABLE messages ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN returned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN cancels INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN history INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN history_rows INTEGER NOT NULL DEFAULT 0;

CREATE TABLE attempts (
  seq         INTEGER PRIMARY KEY,  -- 1024 times `ended`, or one more than the last
  id          TEXT NOT NULL,        -- of the message
  subject     TEXT,
  fifo_group  TEXT,
  receives    INTEGER NOT NULL,
  sent        INTEGER,
  started     INTEGER,
  ended       INTEGER NOT NULL,
  outcome     TEXT NOT NULL,
  code        INTEGER,
  signal      TEXT,
  reason      TEXT,
  wait        INTEGER,              -- milliseconds from when it was visible to the start
  duration    INTEGER,              -- milliseconds
  max_rss     INTEGER,              -- bytes
  cpu         INTEGER,              -- milliseconds
  trace       TEXT,
  output      TEXT                  -- the newest
);
CREATE INDEX attempts_by_id ON attempts (id) WHERE outcome <> 'complete';
CREATE INDEX attempts_failed ON attempts (seq) WHERE outcome <> 'complete';
CREATE TRIGGER dead_letter_attempts AFTER DELETE ON dead WHEN EXISTS (SELECT 1 FROM attempts) BEGIN
  DELETE FROM attempts WHERE id = old.id AND outcome <> 'complete'
    AND seq <= (SELECT pruned FROM state);
END;

CREATE TABLE cancels (              -- messages whose tasks are to be stopped
  seq    INTEGER PRIMARY KEY,
  asked  INTEGER NOT NULL
);
CREATE TRIGGER cancel_added AFTER INSERT ON cancels BEGIN
  UPDATE state SET cancels = cancels + 1;
END;
CREATE TRIGGER cancel_gone AFTER DELETE ON cancels BEGIN
  UPDATE state SET cancels = cancels - 1;
END;

CREATE TABLE watchers (             -- those that are alive
  id       TEXT PRIMARY KEY,
  host     TEXT NOT NULL,
  pid      INTEGER NOT NULL,
  version  TEXT NOT NULL,
  started  INTEGER NOT NULL,
  seen     INTEGER NOT NULL,
  workers  INTEGER NOT NULL,
  running  INTEGER NOT NULL
) WITHOUT ROWID;
]]

---@class watchbot.Attempt one attempt at a message that has ended
---@field id string of the message
---@field subject string?
---@field group string?
---@field receives integer the receive count, which numbers the attempts
---@field sent integer? milliseconds since the epoch; so for `started` and `ended`
---@field started integer? nil: its task was not started
---@field ended integer
---@field outcome "complete"|"reject"|"release"|"retry"|"bury"|"cancelled"|"interrupted"
---@field code integer?
---@field signal string? "KILL"
---@field reason string?
---@field wait integer? milliseconds from when the message was visible to the start
---@field duration integer? milliseconds
---@field max_rss integer? peak memory of the process, in bytes
---@field cpu integer? milliseconds of CPU of the process
---@field trace string? the trace id
---@field output string? the newest 4 KiB of its output, any bytes

local ADD = [[
  INSERT INTO attempts (seq, id, subject, fifo_group, receives, sent, started, ended, outcome, code,
    signal, reason, wait, duration, max_rss, cpu, trace, output)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]]

--- The first `seq` that an attempt that has ended at this time, or later, can have.
---@param milliseconds integer since the epoch
---@return integer
function history.seq_at(milliseconds)
  return math.max(0, milliseconds) * GRAIN
end

--- Notes for how long rows are kept: for programs that know no policy.
---@param transaction watchbot.Transaction
---@param keep { seconds: number, rows: integer }
function history.set(transaction, keep)
  local milliseconds = math.tointeger(keep.seconds * 1000 // 1)
  transaction:run("UPDATE state SET history = ?1, history_rows = ?2 "
    .. "WHERE history <> ?1 OR history_rows <> ?2", milliseconds, keep.rows)
end

--- Adds attempts, and removes some that are too old or too many.
---@param transaction watchbot.Transaction
---@param now integer
---@param attempts watchbot.Attempt[]
---@param keep { seconds: number, rows: integer }? for how long, if that may have changed
function history.add(transaction, now, attempts, keep)
  local database = transaction.database
  if keep and database.keep ~= keep then
    history.set(transaction, keep)
    database.keep = keep
  end
  local last = transaction:first("SELECT max(seq) AS seq FROM attempts").seq or 0
  for _, one in ipairs(attempts) do
    last = math.max(last + 1, history.seq_at(now))
    transaction:run(ADD, last, one.id, one.subject, one.group, one.receives, one.sent, one.started,
      now, one.outcome, one.code, one.signal, one.reason, one.wait, one.duration, one.max_rss,
      one.cpu, one.trace, one.output)
  end
  transaction:run("UPDATE state SET attempts = attempts + ?", #attempts)
  database.added = (database.added or PACE) + #attempts
  if database.added < PACE then return end
  database.added = 0
  history.prune(transaction, now)
end

-- How many of the oldest rows are too old, or too many.
local function surplus(rows, state, now)
  local over, oldest, count = state.attempts - state.history_rows, now - state.history, 0
  for index, row in ipairs(rows) do
    if index > over and row.ended >= oldest then break end
    count = index
  end
  return count
end

local OLDEST = "SELECT seq, ended FROM attempts WHERE seq > ? ORDER BY seq LIMIT ?"

local REMOVE = [[
  DELETE FROM attempts WHERE seq > ?1 AND seq <= ?2
    AND NOT EXISTS (SELECT 1 FROM dead WHERE dead.id = attempts.id)]]

--- Removes some rows that are too old or too many; a dead letter keeps its attempts.
---@param transaction watchbot.Transaction
---@param now integer
---@return integer count that were too old or too many
function history.prune(transaction, now)
  local state = transaction:first "SELECT attempts, pruned, history, history_rows FROM state"
  if state.attempts == 0 or state.history == 0 then return 0 end
  local rows = transaction:all(OLDEST, state.pruned, STEP)
  local count = surplus(rows, state, now)
  if count == 0 then return 0 end
  transaction:run(REMOVE, state.pruned, rows[count].seq)
  transaction:run("UPDATE state SET pruned = ?, attempts = attempts - ?", rows[count].seq, count)
  return count
end

return history
