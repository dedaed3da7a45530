--- queue.sqlite.lapses: attempts that were never settled: their watcher was killed, or has lost its
-- lease. The next receive comes upon them, and notes them for the history. Which they are, a row
-- says that was taken after it was returned last (`lapsed` in queue.sqlite.ranking).

local text = require "watchbot.lib.text"

local lapses = {}

-- Bytes of a subject, or of a group.
local SHORT = 256

local REASON = "the watcher was gone, or lost its lease"

local function cut(words)
  return type(words) == "string" and text.cut(words, SHORT) or nil
end

--- The attempt whose watcher was interrupted; queue.sqlite.committer adds it to the history.
---@param transaction watchbot.Transaction
---@param row table of queue.sqlite.ranking: `receives` counts the receive that comes upon it
---@param wanted watchbot.Taking
function lapses.note(transaction, row, wanted)
  if not row.lapsed or not wanted.noted or not row.id then return end
  local all = transaction.lapsed or {}
  transaction.lapsed = all
  all[#all + 1] = {
    id = row.id, subject = wanted.noted.subjects and cut(row.subject) or nil,
    group = cut(row.group), receives = math.max(1, row.receives - 1), sent = row.sent,
    started = row.lapsed, outcome = "interrupted", reason = REASON,
  }
end

--- A message that lapsed and waits from now on is not in flight, and its attempt is noted once.
---@param transaction watchbot.Transaction
---@param row table
function lapses.forget(transaction, row)
  if not row.lapsed then return end
  transaction:run("UPDATE messages SET returned = lease WHERE seq = ?", row.seq)
  row.lapsed = nil
end

return lapses
