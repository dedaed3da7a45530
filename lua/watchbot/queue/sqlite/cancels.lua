--- queue.sqlite.cancels: ends a message before its time, and begins a delayed one before its time.
-- A message that no watcher has is removed at once. One that is being processed is noted in the
-- file: its watcher sees that within seconds, stops the task and removes the message; if the
-- watcher dies meanwhile, the next receive removes it.

local history = require "watchbot.queue.sqlite.history"
local jobs = require "watchbot.queue.sqlite.jobs"

local cancels = {}

local MESSAGE = [[
  SELECT messages.seq AS seq, id, subject, fifo_group, receives, sent,
    visible_at > ?2 AND receives > 0 AND lease > returned AS running, visible_at > ?2 AS hidden,
    receives > 0 AND lease > returned AS lapsed
  FROM messages LEFT JOIN contents USING (seq) WHERE messages.seq = ?1]]

-- What a message is called whose content the file has lost.
local function id_of(row) return row.id or ("no-content-%d"):format(row.seq) end

--- Removes a message; it goes to the history, where there is one.
---@param transaction watchbot.Transaction
---@param now integer
---@param row table of the message: seq, id, subject, fifo_group, receives, sent; `lapsed`: its
--- last attempt was not settled
function cancels.remove(transaction, now, row)
  if transaction:first("SELECT history FROM state").history > 0 then
    history.add(transaction, now, { {
      id = id_of(row), subject = row.subject, group = row.fifo_group, receives = row.receives,
      sent = row.sent, outcome = "cancelled",
      reason = row.lapsed == 1 and "cancelled; its watcher was gone" or "cancelled before it ran",
    } })
  end
  transaction:run("DELETE FROM messages WHERE seq = ?", row.seq)
  transaction:run("DELETE FROM cancels WHERE seq = ?", row.seq)
end

--- Whether a message that is about to be received was cancelled; then it is removed.
---@param transaction watchbot.Transaction
---@param now integer
---@param seq integer
---@return boolean
function cancels.swept(transaction, now, seq)
  if not transaction:first("SELECT 1 FROM cancels WHERE seq = ?", seq) then return false end
  cancels.remove(transaction, now, transaction:first(MESSAGE, seq, now))
  return true
end

local function cancel(transaction, now, seq)
  local row = transaction:first(MESSAGE, seq, now)
  if not row then return "gone" end
  if row.running == 1 then
    transaction:run("INSERT OR IGNORE INTO cancels (seq, asked) VALUES (?, ?)", seq, now)
    return "asked"
  end
  cancels.remove(transaction, now, row)
  return "cancelled"
end

local function begin(transaction, now, seq)
  local row = transaction:first(MESSAGE, seq, now)
  if not row then return "gone" end
  if row.running == 1 then return "running" end
  if row.hidden ~= 1 then return "waiting" end
  transaction:run("UPDATE messages SET visible_at = ?2, due = min(due, ?2) WHERE seq = ?1", seq,
    now)
  return "begun"
end

local function change(queue, id, body)
  local seq, err, code = jobs.seq_of(queue, id)
  if seq == nil then return nil, err, code end
  if not seq then return "gone" end
  return queue.sending:submit(body, true, seq)
end

--- Cancels a message. Waits in a task.
---@param queue watchbot.SqliteQueue
---@param id string
---@return "cancelled"|"asked"|"gone"|nil done asked: it runs, and its watcher was asked to stop it;
--- gone: the queue has no such message
---@return string? err
---@return string? code
function cancels.cancel(queue, id)
  return change(queue, id, cancel)
end

--- Makes a delayed message, or one in backoff, visible now. Waits in a task.
---@param queue watchbot.SqliteQueue
---@param id string
---@return "begun"|"waiting"|"running"|"gone"|nil done waiting: it was visible already
---@return string? err
---@return string? code
function cancels.retry(queue, id)
  return change(queue, id, begin)
end

local ASKED = [[
  SELECT cancels.seq AS seq, messages.seq IS NULL AS gone
  FROM cancels LEFT JOIN messages USING (seq)]]

--- The messages that were cancelled while they were processed, by their `seq`, with which their
--- receipts begin.
---@param database watchbot.Database
---@return table<integer, boolean>? gone whether the message was removed
---@return string? err
---@return string? code
function cancels.asked(database)
  local rows, err, code = database:all(ASKED)
  if not rows then return nil, err, code end
  local seqs = {}
  for _, row in ipairs(rows) do seqs[row.seq] = row.gone == 1 end
  return seqs
end

--- Forgets what was cancelled of messages that are gone.
---@param transaction watchbot.Transaction
function cancels.tidy(transaction)
  transaction:run("DELETE FROM cancels WHERE seq NOT IN (SELECT seq FROM messages)")
end

return cancels
