--- queue.sqlite.ranking: which of the visible messages are received first: of one priority those
-- that have been visible longest. Between priorities, each point is worth a minute of waiting, so
-- that a message of the lowest priority precedes those of the highest that came 200 minutes later:
-- none waits forever.

local ranking = {}

--- Priorities are whole numbers from -LIMIT to LIMIT.
ranking.LIMIT = 100

-- Milliseconds that a point is worth.
local POINT = 60000

-- As they are once the message has been received. `lapsed`: since when the last watcher had it that
-- has not settled it; nil after one that has returned it.
local COLUMNS = [[
  SELECT seq, sent, first_received, receives + 1 AS receives, lease + 1 AS deliveries,
    fifo_group AS "group", id, subject, attributes, deduplication, body, lane,
    CASE WHEN lease > returned AND taken > 0 THEN taken END AS lapsed,
    seq || '.' || (lease + 1) AS receipt%s
  FROM messages LEFT JOIN contents USING (seq) ]]

-- The usual case: one statement.
local ORDINARY = COLUMNS .. "WHERE visible_at <= ? AND priority = 0 ORDER BY visible_at LIMIT ?"

local ONE = COLUMNS:gsub("%%s\n", ", priority%%s\n") .. "WHERE seq = ?"

local AGE, VISIBLE = ", born, due", ", visible_at AS visible"

-- With what an expiry needs, and what a history does; most queues have neither.
local function variants(sql)
  return {
    [0] = sql:format "", sql:format(AGE), sql:format(VISIBLE), sql:format(AGE .. VISIBLE),
  }
end

ORDINARY, ONE = variants(ORDINARY), variants(ONE)

-- Steps from one priority to the next by the index, however many messages have it.
local PRIORITIES = [[
  WITH RECURSIVE steps (priority) AS (
    SELECT (SELECT min(priority) FROM messages WHERE visible_at IS NOT NULL AND priority <> 0)
    UNION ALL
    SELECT (SELECT min(priority) FROM messages
      WHERE visible_at IS NOT NULL AND priority <> 0 AND priority > steps.priority)
    FROM steps WHERE steps.priority IS NOT NULL)
  SELECT priority FROM steps WHERE priority IS NOT NULL]]

local ORDINARY_HEADS = [[SELECT seq, visible_at FROM messages
  WHERE visible_at <= ?2 AND priority = 0 AND ?1 = 0 ORDER BY visible_at LIMIT ?3]]

-- `priority <> 0` is for SQLite: only then does it use the index of these.
local HEADS = [[SELECT seq, visible_at FROM messages
  WHERE visible_at <= ?2 AND priority = ?1 AND priority <> 0 ORDER BY visible_at LIMIT ?3]]

local function before(a, b)
  if a.rank ~= b.rank then return a.rank < b.rank end
  return a.seq < b.seq
end

-- The first `count` of each priority, in the order in which all are received.
local function heads(transaction, now, count)
  local all, priorities = {}, transaction:all(PRIORITIES)
  priorities[#priorities + 1] = { priority = 0 }
  for _, one in ipairs(priorities) do
    local sql = one.priority == 0 and ORDINARY_HEADS or HEADS
    local rows = transaction:all(sql, one.priority, now, count)
    for _, row in ipairs(rows) do
      row.rank = row.visible_at - one.priority * POINT
      all[#all + 1] = row
    end
  end
  table.sort(all, before)
  return all
end

--- The visible messages that are received next, with all their data.
---@param transaction watchbot.Transaction after clock.now
---@param now integer
---@param count integer
---@param wanted watchbot.Taking with `retention`, they have `born` and `due`; with `noted`,
--- `visible`
---@return table[] rows at most `count`
function ranking.page(transaction, now, count, wanted)
  local variant = (wanted.retention and 1 or 0) + (wanted.noted and 2 or 0)
  if not transaction.prioritized then return transaction:all(ORDINARY[variant], now, count) end
  local rows, ranked = {}, heads(transaction, now, count)
  for index = 1, math.min(count, #ranked) do
    rows[index] = transaction:first(ONE[variant], ranked[index].seq)
  end
  return rows
end

return ranking
