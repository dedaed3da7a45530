--- queue.sqlite.schema: the tables of a queue file, and connections to it.
-- Data that each receive changes (`messages`) is separate from data that never changes
-- (`contents`): SQLite writes whole rows, and a lease must not write a megabyte. The rules that
-- connect rows are triggers, so that every way out of the queue (deleted, dead, expired) follows
-- them.

local clock = require "watchbot.queue.sqlite.clock"
local guest = require "watchbot.queue.sqlite.guest"
local history = require "watchbot.queue.sqlite.history"
local limits = require "watchbot.queue.sqlite.limits"
local once = require "watchbot.queue.sqlite.once"
local outbox = require "watchbot.queue.sqlite.outbox"
local pauses = require "watchbot.queue.sqlite.pauses"
local sqlite = require "watchbot.sqlite"
local ticks = require "watchbot.queue.sqlite.ticks"

local schema = {}

-- "wbot", https://www.sqlite.org/pragma.html#pragma_application_id
local APPLICATION = 0x77626f74

-- Times are milliseconds since the epoch. `lease` counts receives and never decreases: together
-- with `seq`, which is never reused, it makes the receipt.
local TABLES = [[
CREATE TABLE state (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  clock     INTEGER NOT NULL,   -- time of a recent transaction: shows that the clock was set back
  latest    INTEGER NOT NULL,   -- the latest that `clock` ever was
  messages  INTEGER NOT NULL,   -- rows, so that counting a million of them takes no time
  dead      INTEGER NOT NULL
);
INSERT INTO state VALUES (1, 0, 0, 0, 0);

CREATE TABLE messages (
  seq             INTEGER PRIMARY KEY AUTOINCREMENT,
  visible_at      INTEGER,            -- NULL: behind another message of its group
  due             INTEGER NOT NULL,
  sent            INTEGER NOT NULL,
  born            INTEGER NOT NULL,   -- `due`, or `latest` if the clock was behind: for retention
  first_received  INTEGER,
  receives        INTEGER NOT NULL DEFAULT 0,
  lease           INTEGER NOT NULL DEFAULT 0,
  fifo_group      TEXT
);
CREATE INDEX messages_by_time ON messages (visible_at, receives) WHERE visible_at IS NOT NULL;
CREATE INDEX messages_by_group ON messages (fifo_group, seq) WHERE fifo_group IS NOT NULL;

CREATE TABLE contents (
  seq            INTEGER PRIMARY KEY,
  id             TEXT NOT NULL,
  subject        TEXT,
  attributes     TEXT,          -- JSON
  deduplication  TEXT,
  body           TEXT NOT NULL
);

CREATE TABLE dead (
  seq             INTEGER PRIMARY KEY AUTOINCREMENT,
  id              TEXT NOT NULL,
  subject         TEXT,
  attributes      TEXT,
  deduplication   TEXT,
  body            TEXT NOT NULL,
  fifo_group      TEXT,
  sent            INTEGER NOT NULL,
  first_received  INTEGER,
  receives        INTEGER NOT NULL,
  died            INTEGER NOT NULL
);
CREATE INDEX dead_by_id ON dead (id);

CREATE TABLE deduplications (
  key      TEXT PRIMARY KEY,
  id       TEXT NOT NULL,
  expires  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX deduplications_by_time ON deduplications (expires);

CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
  UPDATE state SET messages = messages + 1;
END;
CREATE TRIGGER message_gone AFTER DELETE ON messages BEGIN
  DELETE FROM contents WHERE seq = old.seq;
  UPDATE state SET messages = messages - 1;
END;
CREATE TRIGGER group_moves_up AFTER DELETE ON messages WHEN old.fifo_group IS NOT NULL BEGIN
  UPDATE messages SET visible_at = due
    WHERE visible_at IS NULL
      AND seq = (SELECT min(seq) FROM messages WHERE fifo_group = old.fifo_group);
END;
CREATE TRIGGER dead_added AFTER INSERT ON dead BEGIN
  UPDATE state SET dead = dead + 1;
END;
CREATE TRIGGER dead_gone AFTER DELETE ON dead BEGIN
  UPDATE state SET dead = dead - 1;
END;
]]

-- Reduce mode (progress.sqlite): a job is a row; its finished parts are bits, one row for some
-- thousands of them.
local PROGRESS = [[
CREATE TABLE progress (
  job          INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  total        INTEGER,            -- NULL: not known yet
  remaining    INTEGER,
  last         INTEGER,            -- the part that made it complete
  error        TEXT,
  metadata     TEXT,               -- JSON
  reduce_sent  INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE progress_chunks (
  job    INTEGER NOT NULL,
  chunk  INTEGER NOT NULL,
  done   BLOB NOT NULL,            -- a bit a part, the first part in the lowest
  PRIMARY KEY (job, chunk)
) WITHOUT ROWID;
]]

-- Why a message was buried; NULL if it was received too often.
local BURIALS = "ALTER TABLE dead ADD COLUMN reason TEXT"

-- The last time at which the clock was seen to be set back: a message that seems to come from a
-- later time is at least as old as that.
local SET_BACK = "ALTER TABLE state ADD COLUMN set_back INTEGER NOT NULL DEFAULT 0"

-- Urgent messages first (queue.sqlite.ranking). Most messages have the priority 0, and cost nothing
-- more: each of the two indexes has the messages of one kind only, and the others are counted.
local PRIORITIES = [[
ALTER TABLE messages ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
DROP INDEX messages_by_time;
CREATE INDEX messages_by_time ON messages (visible_at, receives)
  WHERE visible_at IS NOT NULL AND priority = 0;
CREATE INDEX messages_by_priority ON messages (priority, visible_at, receives)
  WHERE visible_at IS NOT NULL AND priority <> 0;

ALTER TABLE state ADD COLUMN prioritized INTEGER NOT NULL DEFAULT 0;
DROP TRIGGER message_added;
CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
  UPDATE state SET messages = messages + 1, prioritized = prioritized + (new.priority <> 0);
END;
DROP TRIGGER message_gone;
CREATE TRIGGER message_gone AFTER DELETE ON messages BEGIN
  DELETE FROM contents WHERE seq = old.seq;
  UPDATE state SET messages = messages - 1, prioritized = prioritized - (old.priority <> 0);
END;
]]

-- See limits.light_sql.
local LIGHT_DELETES = limits.light_sql .. [[
DROP TRIGGER message_gone;
CREATE TRIGGER message_gone AFTER DELETE ON messages BEGIN
  DELETE FROM contents WHERE seq = old.seq;
  UPDATE OR ROLLBACK state
    SET messages = messages - 1, prioritized = prioritized - (old.priority <> 0);
END;
]]

-- A fleet in motion: which version of the policy each watcher has.
local POLICIES = "ALTER TABLE watchers ADD COLUMN policy TEXT"

--- migrations[n] converts a file of version n - 1 to version n. Only append to it.
local migrations = {
  TABLES, PROGRESS, BURIALS, SET_BACK, PRIORITIES, outbox.sql, pauses.sql, history.sql, clock.sql,
  ticks.sql, limits.sql, LIGHT_DELETES, POLICIES, once.sql,
}
schema.migrations, schema.APPLICATION = migrations, APPLICATION

-- Pages in the WAL before they are moved into the file, which waits for the disk; and the bytes to
-- which a WAL is truncated after a burst.
local CHECKPOINT, WAL_LIMIT = 4000, 16 << 20

local function version_of(reader)
  local row, err, code = reader:first [[
    SELECT (SELECT user_version FROM pragma_user_version) AS version,
      (SELECT application_id FROM pragma_application_id) AS application,
      EXISTS (SELECT 1 FROM sqlite_master) AS used]]
  if not row then return nil, err, code end
  local ours = row.application == APPLICATION
    or (row.application == 0 and row.version == 0 and row.used == 0)
  if not ours then
    return nil, ("'%s': a database, but not a watchbot queue; for a queue inside it write "
      .. "sqlite:FILE?prefix=watchbot_"):format(reader.path or reader.database.path), "NotAQueue"
  end
  return row.version
end

local function note_version(transaction, version)
  transaction:execute(("PRAGMA user_version = %d; PRAGMA application_id = %d"):format(version,
    APPLICATION))
end

-- Where the version of a file's tables stands, and of those that are another program's guests.
local OWN = { version = version_of, note = note_version }
local GUEST = { version = guest.version, note = guest.note }

local function known_version(database)
  local home = database.prefix and GUEST or OWN
  local version, err, code = database:patiently(home.version, database.prefix)
  if not version then return nil, err, code end
  if version > #migrations then
    return nil, ("'%s': made by a newer watchbot (format %d, this one knows up to %d)"):format(
      database.path, version, #migrations), "NewerFormat"
  end
  return version
end

-- Other processes may be migrating at the same time, so the necessary steps are determined within
-- the transaction.
local function migrate(database)
  local home = database.prefix and GUEST or OWN
  return database:transaction(function(transaction)
    local version, err, code = home.version(transaction, database.prefix)
    if not version then return nil, err, code end
    for next_version = version + 1, #migrations do
      transaction:execute(migrations[next_version])
      home.note(transaction, next_version)
    end
    return true
  end)
end

local function use_wal(database)
  local row, err, code = database:first "PRAGMA journal_mode = WAL"
  if not row then return nil, err, code end
  if row.journal_mode ~= "wal" then
    return nil, ("'%s': this file system cannot share memory, which a queue file needs"):format(
      database.path), "NoWal"
  end
  return true
end

-- Only possible in an empty file: from then on, free pages can be returned bit by bit.
local function found(database)
  return database:patiently(database.execute, "PRAGMA auto_vacuum = INCREMENTAL")
end

-- The settings of a queue's file.
local function set_up(database, version)
  local ok, err, code = true, nil, nil
  if version == 0 then ok, err, code = found(database) end
  if ok then ok, err, code = database:patiently(use_wal) end
  if not ok then return nil, err, code end
  return database:execute(("PRAGMA journal_size_limit = %d; PRAGMA wal_autocheckpoint = %d"):format(
    WAL_LIMIT, CHECKPOINT))
end

local function prepare(database, synchronous)
  local ok, err, code = true, nil, nil
  if database.prefix then ok, err, code = database:patiently(guest.check) end
  local version
  if ok then version, err, code = known_version(database) end
  if not version then return nil, err, code end
  if not database.prefix then ok, err, code = set_up(database, version) end
  -- Of this connection alone. Statements that change many pages make no temporary files.
  if ok then
    ok, err, code = database:execute(("PRAGMA synchronous = %s; PRAGMA temp_store = MEMORY"):format(
      synchronous))
  end
  if ok and version < #migrations then ok, err, code = migrate(database) end
  return ok, err, code
end

-- The header of a WAL without content.
local WAL_HEADER = 32

-- SQLite deletes the WAL of an empty file, with the messages that are only there: a file that was
-- truncated, or deleted alone. The WAL is looked at first: it only gets content after the file.
local function check_whole(path)
  local wal = sqlite.facts(path .. "-wal")
  if not wal or wal.size <= WAL_HEADER then return true end
  local file, _, code = sqlite.facts(path)
  if file and file.size > 0 or not file and code ~= "ENOENT" then return true end
  return nil, ("'%s' is %s, but '%s-wal' has content: save what is left with "
    .. "'watchbot queue salvage %s NEW', or delete the WAL for an empty queue"):format(path,
    file and "empty" or "missing", path, path), "FileEmptied"
end

-- A database that another program owns is never created here.
local function connect(path, options)
  local prefix = options.prefix
  local ok, problem, why = check_whole(path)
  if not ok then return nil, problem, why end
  local database, err, code = sqlite.open(path, {
    create = options.create and not prefix, patience = options.patience,
    read_only = options.read_only, rewrite = prefix and guest.rewriter(prefix),
  })
  if database then database.prefix = prefix end
  return database, err, code
end

-- A file with two names has a WAL for each of them: messages sent through one are not visible
-- through the other.
local function check_names(path)
  local facts, err, code = sqlite.facts(path)
  if not facts then return nil, err, code end
  if facts.is_mount then
    return nil, ("'%s': the file itself is mounted here, its WAL would not be; mount its folder "
      .. "instead"):format(path),
      "TwoNames"
  elseif facts.links > 1 then
    return nil, ("'%s': the file has %d names (hard links), each would have its own WAL; remove "
      .. "the others"):format(
      path, facts.links), "TwoNames"
  end
  return true
end

--- Opens a connection to a queue file, and creates or migrates the file if needed. Waits in a task.
---@param path string
---@param options { create: boolean?, patience: number?, synchronous: "FULL"|"NORMAL", prefix:
--- string? } prefix: of the queue's names in another program's database, which is left as it is
---@return watchbot.Database?
---@return string? err
---@return string? code "NotAQueue", "NotAGuest", "NewerFormat", "NoWal", "FileEmptied", or SQLite's
function schema.open(path, options)
  local database, err, code = connect(path, options)
  if not database then return nil, err, code end
  local ok
  ok, err, code = check_names(path)
  if ok then ok, err, code = prepare(database, options.synchronous) end
  if ok then return database end
  database:close()
  return nil, err, code
end

-- Codes of files and folders that the user may not write.
local unwritable = { SQLITE_READONLY = true, SQLITE_CANTOPEN = true, EACCES = true, EROFS = true }

--- Opens a read-only connection to a file that the user may not be allowed to write. Waits in a
--- task.
---@param path string
---@param options { patience: number?, prefix: string? }
---@return watchbot.Database?
---@return string? err
---@return string? code
function schema.look(path, options)
  local usual, refusal, why = schema.open(path, {
    create = false, patience = options.patience, synchronous = "NORMAL", prefix = options.prefix,
  })
  if usual or not unwritable[why] then return usual, refusal, why end
  local database, err, code = connect(path, {
    patience = options.patience, prefix = options.prefix, read_only = true,
  })
  if not database then return nil, err, code end
  local version
  version, err, code = known_version(database)
  if version == 0 then
    err, code = ("'%s': not a watchbot queue yet: nothing was ever sent to it"):format(path),
      "NotAQueue"
  elseif version then
    return database
  end
  database:close()
  return nil, err, code
end

return schema
