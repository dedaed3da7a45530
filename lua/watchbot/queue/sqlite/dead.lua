--- queue.sqlite.dead: the dead letters of a queue file: reads, replays and deletes them within one
-- transaction. queue.sqlite.store moves messages there.

local store = require "watchbot.queue.sqlite.store"

local dead = {}

-- One transaction moves at most this many, so that it does not block the loop.
local SWEEP = 200

-- The rows as letters: with their attributes, and times that are integers.
local function letters_of(rows)
  for _, row in ipairs(rows) do
    local readable, attributes = pcall(store.attributes, row.attributes)
    row.attributes = readable and attributes or {}
    row.group, row.fifo_group = row.fifo_group, nil
    row.receives = math.tointeger(row.receives) or 0
    row.priority = row.priority ~= 0 and math.tointeger(row.priority) or nil
    for _, name in ipairs { "sent", "first_received", "died" } do
      row[name] = math.tointeger(row[name])
    end
  end
  return rows
end

--- Dead letters, oldest first.
---@param database watchbot.Database
---@param limit integer
---@param after integer `seq` of the one before
function dead.page(database, limit, after)
  local rows, err, code =
    database:all("SELECT * FROM dead WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
  if not rows then return nil, err, code end
  return letters_of(rows)
end

-- With how the last attempt ended, where there is a history.
local NEWEST = [[
  SELECT dead.*, (
    SELECT coalesce('signal ' || signal, 'exit code ' || nullif(code, 0), reason) FROM attempts
      WHERE attempts.id = dead.id AND outcome <> 'complete' ORDER BY seq DESC LIMIT 1) AS ending
  FROM dead WHERE seq < ? ORDER BY seq DESC LIMIT ?]]

--- Dead letters, newest first.
---@param database watchbot.Database
---@param limit integer
---@param before integer? `seq` of the one that came last
function dead.newest(database, limit, before)
  local rows, err, code = database:all(NEWEST, before or math.maxinteger, limit)
  if not rows then return nil, err, code end
  return letters_of(rows)
end

--- When dead letters have died, newest first: `{ seq, died }`.
---@param database watchbot.Database
---@param after integer `seq` of one that is known; 0
---@param limit integer
function dead.times(database, after, limit)
  return database:all("SELECT seq, died FROM dead WHERE seq > ? ORDER BY seq DESC LIMIT ?", after,
    limit)
end

-- The selected dead letters: those with one id, or the next few of all.
local function chosen(transaction, id, last)
  if id then
    return transaction:all("SELECT seq, fifo_group, priority FROM dead WHERE id = ? ORDER BY seq",
      id)
  end
  return transaction:all(
    "SELECT seq, fifo_group, priority FROM dead WHERE seq <= ? ORDER BY seq LIMIT ?", last, SWEEP)
end

--- `seq` of the newest dead letter, 0 if there is none.
---@param connection watchbot.Database|watchbot.Transaction
---@return integer? seq
---@return string? err
---@return string? code
function dead.last(connection)
  local row, err, code = connection:first "SELECT coalesce(max(seq), 0) AS seq FROM dead"
  if not row then return nil, err, code end
  return row.seq
end

-- A letter without content goes back without it: a task must not run on an empty message that was
-- never sent. The next receive buries it again.
local CONTENT = ([[
  INSERT INTO contents (seq, id, subject, attributes, deduplication, body)
  SELECT ?2, id, subject, attributes, deduplication, body
  FROM dead WHERE seq = ?1 AND id NOT GLOB '%s*']]):format(store.NO_CONTENT)

--- Moves dead letters back to the queue: those with this id, or, without one, some of the oldest up
--- to `last`. They count as sent now, and keep their ids.
---@param id string?
---@param last integer?
---@return integer count
function dead.replay(transaction, now, id, last)
  local rows = chosen(transaction, id, last)
  for _, row in ipairs(rows) do
    local seq = store.place(transaction, now, now, row.fifo_group, row.priority)
    transaction:run(CONTENT, row.seq, seq)
    transaction:run("DELETE FROM dead WHERE seq = ?", row.seq)
  end
  return #rows
end

--- Deletes dead letters: those with this id, or, without one, some of the oldest up to `last`.
---@param id string?
---@param last integer?
---@return integer count
function dead.purge(transaction, _, id, last)
  local rows = chosen(transaction, id, last)
  for _, row in ipairs(rows) do transaction:run("DELETE FROM dead WHERE seq = ?", row.seq) end
  return #rows
end

return dead
