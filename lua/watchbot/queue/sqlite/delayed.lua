--- queue.sqlite.delayed: messages that wait for the end of their delay, and were never received:
-- what `watchbot move` takes with the rest of their delay. They are read without a lease, so that a
-- move that is killed leaves them as they are; a watcher may receive one meanwhile, and then the
-- receipt is no longer valid.

local store = require "watchbot.queue.sqlite.store"

local delayed = {}

-- The first of each group: later ones wait for it.
local PAGE = [[
  SELECT seq || '.' || lease AS receipt, id, subject, attributes, deduplication, body,
    fifo_group AS "group", priority, due
  FROM messages JOIN contents USING (seq)
  WHERE visible_at > ?1 AND visible_at = due AND receives = 0 AND lease = 0 AND seq > ?2
  ORDER BY seq LIMIT ?3]]

--- Delayed messages, the oldest first.
---@param database watchbot.Database
---@param now integer
---@param after integer the last receipt's number of the page before, 0
---@param limit integer
---@return table[]? messages with `delay`, seconds
---@return string? err
---@return string? code
function delayed.page(database, now, after, limit)
  local rows, err, code = database:all(PAGE, now, after, limit)
  if not rows then return nil, err, code end
  for _, row in ipairs(rows) do
    row.attributes = store.attributes(row.attributes)
    row.delay, row.due = (row.due - now) / 1000, nil
  end
  return rows
end

return delayed
