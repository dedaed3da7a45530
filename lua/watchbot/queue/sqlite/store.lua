--- queue.sqlite.store: changes to messages within one transaction.
-- Sits on the tables of queue.sqlite.schema; independent of tasks and waiting. Semantics are those
-- of SQS: visibility timeout, receive count, dead letters at the receive after the last one,
-- ordered groups, deduplication for five minutes
-- (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/).

local duration = require "watchbot.lib.duration"
local json = require "watchbot.lib.json"
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"

local store = {}

-- SQS remembers a deduplication id for 5 minutes, even if the message was deleted.
local DEDUPLICATION = 5 * 60 * 1000

-- One transaction removes at most this many messages, so that it does not block the loop.
local SWEEP = 200

-- Free pages that the file keeps for reuse, and how many are returned at a time.
local SPARE_PAGES, GIVEN_BACK = 4096, 512

--- Seconds, at most a century, as whole milliseconds; NaN is 0.
local function milliseconds(seconds)
  return math.floor(math.min(math.max(0, seconds), duration.CENTURY) * 1000)
end
store.milliseconds = milliseconds

-- sending

-- A UUID of version 4, RFC 9562, 5.4.
local function uuid(transaction)
  local bytes = transaction:first("SELECT randomblob(16) AS bytes").bytes
  local a, b, c, d, e = (">I4I2I2I2I6"):unpack(bytes)
  return ("%08x-%04x-%04x-%04x-%012x"):format(a, b, c & 0x0fff | 0x4000, d & 0x3fff | 0x8000, e)
end

-- A message that was sent while the clock of a machine without a battery still stood at 1970 must
-- not be too old at once when the clock is set right: its age goes by the latest time that was ever
-- seen here. It begins behind the delay, which may be longer than the retention.
local ADD = [[
  INSERT INTO messages (due, visible_at, sent, born, fifo_group, priority)
  VALUES (?1, CASE
    WHEN EXISTS (SELECT 1 FROM messages WHERE fifo_group = ?3) THEN NULL ELSE ?1 END, ?2,
    max(?1, (SELECT latest FROM state)), ?3, ?4)]]

--- Adds a message without its content.
---@return integer seq
function store.place(transaction, due, now, group, priority)
  local _, seq = transaction:run(ADD, due, now, group, priority or 0)
  return seq
end

local function add(transaction, now, id, message)
  local due = now + milliseconds(message.delay or 0)
  local attributes = message.attributes and next(message.attributes)
    and json.encode(message.attributes, "bytes") or nil
  local seq = store.place(transaction, due, now, message.group, message.priority)
  transaction:run("INSERT INTO contents (seq, id, subject, attributes, deduplication, body) "
    .. "VALUES (?, ?, ?, ?, ?, ?)",
    seq, id, message.subject, attributes, message.deduplication, message.body)
end

local function forget_deduplications(transaction, now)
  transaction:run("DELETE FROM deduplications WHERE key IN (SELECT key FROM deduplications WHERE "
    .. "expires <= ? LIMIT ?)",
    now, SWEEP)
end

--- Adds a message, unless one with its deduplication id was sent in the last five minutes.
---@param message table
---@return string id of the message, or of the earlier one
function store.send(transaction, now, message)
  local id = uuid(transaction)
  if message.deduplication then
    forget_deduplications(transaction, now)
    local before = transaction:first("SELECT id FROM deduplications WHERE key = ? AND expires > ?",
      message.deduplication, now)
    if before then return before.id end
    transaction:run("INSERT OR REPLACE INTO deduplications (key, id, expires) VALUES (?, ?, ?)",
    message.deduplication, id,
      now + DEDUPLICATION)
  end
  add(transaction, now, id, message)
  return id
end

-- receiving

-- What a dead letter is called whose content was lost; no message is called so.
local NO_CONTENT = "no-content-"
store.NO_CONTENT = NO_CONTENT

-- A file that was damaged, or changed by another program, may lack the content of a message: then
-- the dead letter has what is left, and says so.
local MAKE_DEAD = ([[
  INSERT INTO dead (id, subject, attributes, deduplication, body, fifo_group, sent,
    first_received, receives, died, reason, priority)
  SELECT coalesce(id, '%s' || messages.seq), subject, attributes, deduplication,
    coalesce(body, ''), fifo_group, sent, first_received, receives, ?2,
    CASE WHEN id IS NOT NULL THEN ?3
      ELSE coalesce(?3 || '; ', '') || 'the queue file has lost its content' END, priority
  FROM messages LEFT JOIN contents USING (seq) WHERE seq = ?1]]):format(NO_CONTENT)

--- Moves a message to the dead letters.
function store.make_dead(transaction, now, seq, reason)
  transaction:run(MAKE_DEAD, seq, now, reason)
  transaction:run("DELETE FROM messages WHERE seq = ?", seq)
end

--- The attributes of a row; raises an error if they are invalid, since another program may have
--- written the file.
---@param text string?
---@return table<string, table>
function store.attributes(text)
  if not text then return {} end
  local all, err = json.decode(text)
  if type(all) ~= "table" then
    error("its attributes are not JSON: " .. (err or "not an object"), 0)
  end
  for name, attribute in pairs(all) do
    local known = type(name) == "string" and type(attribute) == "table"
    if not (known and type(attribute.type) == "string" and type(attribute.value) == "string") then
      error("its attributes are not those of a message", 0)
    end
  end
  return all
end

--- When the next message becomes visible, in milliseconds since the epoch; nil if there is none.
---@param database watchbot.Database
---@return table|false|nil row with `visible_at`
---@return string? err
---@return string? code
function store.next_due(database)
  return database:first [[
    SELECT min(visible_at) AS visible_at FROM (
      SELECT * FROM (SELECT visible_at FROM messages
        WHERE visible_at IS NOT NULL AND priority = 0 ORDER BY visible_at LIMIT 1)
      UNION ALL SELECT (SELECT visible_at FROM messages
          WHERE visible_at IS NOT NULL AND priority <> 0 AND priority = present.priority
          ORDER BY visible_at LIMIT 1)
        FROM (
          WITH RECURSIVE steps (priority) AS (
            SELECT (SELECT min(priority) FROM messages
              WHERE visible_at IS NOT NULL AND priority <> 0)
            UNION ALL SELECT (SELECT min(priority) FROM messages
                WHERE visible_at IS NOT NULL AND priority <> 0 AND priority > steps.priority)
              FROM steps WHERE steps.priority IS NOT NULL)
          SELECT priority FROM steps WHERE priority IS NOT NULL) AS present)
    HAVING min(visible_at) IS NOT NULL]]
end

-- settling

-- => seq lease ; nil: another queue's receipt, or none at all
local parse = sqlite.receipt

local function refusal(transaction, receipt)
  local seq = parse(receipt)
  if not seq then
    return {
      message = ("not a receipt of this queue: '%s'"):format(receipt),
      code = "ReceiptHandleIsInvalid",
    }
  end
  if transaction:first("SELECT 1 FROM messages WHERE seq = ?", seq) then
    return { message = "the message was received again since", code = "ReceiptHandleIsInvalid" }
  end
  return { message = "the message is no longer in the queue", code = "MessageNotInflight" }
end

--- Deletes a message by its newest receipt.
---@param receipt string
---@return true|{ message: string, code: string }
function store.delete(transaction, _, receipt)
  local seq, number = parse(receipt)
  local changed = transaction:run("DELETE FROM messages WHERE seq = ? AND lease = ?", seq, number)
  return changed == 1 or refusal(transaction, receipt)
end

local function rises_by_one(seqs)
  for index = 2, #seqs do
    if seqs[index] ~= seqs[index - 1] + 1 then return false end
  end
  return true
end

-- Whether the numbers follow each other; they get into order.
local function are_in_row(seqs)
  if rises_by_one(seqs) then return true end
  table.sort(seqs)
  return rises_by_one(seqs)
end

local function pairwise(seqs, leases)
  local values = {}
  for index, seq in ipairs(seqs) do
    values[2 * index - 1], values[2 * index] = seq, leases[index]
  end
  return table.unpack(values, 1, 2 * #seqs)
end

local DELETE_ROW = "DELETE FROM messages WHERE seq BETWEEN ? AND ? AND lease = ?"

-- The statement that deletes a number of messages, by that number.
local deletes = setmetatable({}, {
  __index = function(self, count)
    self[count] = "DELETE FROM messages WHERE "
      .. ("(seq = ? AND lease = ?) OR "):rep(count - 1) .. "(seq = ? AND lease = ?)"
    return self[count]
  end,
})

--- Deletes the messages of several tasks in one statement: half the work, because a statement that
--- fires triggers is expensive to start. Messages that were received together have neighboring
--- numbers: a range of them is cheaper still. Raises an error if one of the receipts is not valid:
--- then each task needs its own result.
---@param entries watchbot.Committed[]
---@param first integer
---@param last integer
function store.delete_together(transaction, entries, first, last)
  local seqs, leases, count, lease = {}, {}, last - first + 1, nil
  local alike, changed = true
  for index = 1, count do
    local seq, number = parse(entries[first + index - 1].item)
    if not seq then error("one of several receipts is not one of this queue", 0) end
    seqs[index], leases[index] = seq, number
    lease = lease or number
    alike = alike and number == lease
  end
  if alike and are_in_row(seqs) then
    changed = transaction:run(DELETE_ROW, seqs[1], seqs[count], lease)
  else
    changed = transaction:run(deletes[count], pairwise(seqs, leases))
  end
  if changed ~= count then error("one of several receipts is no longer valid", 0) end
end

--- Sets when a message becomes visible again, by its newest receipt.
---@param entry { receipt: string, seconds: number, uncount: boolean?, extends: boolean? }
--- extends: it is still being processed
---@return true|{ message: string, code: string }
function store.delay(transaction, now, entry)
  local seq, number = parse(entry.receipt)
  local changed = transaction:run(
    "UPDATE OR ROLLBACK messages SET visible_at = ?3, receives = max(0, receives - ?4), "
      .. "returned = CASE ?5 WHEN 1 THEN returned ELSE lease END WHERE seq = ?1 AND lease = ?2",
    seq, number, now + milliseconds(entry.seconds), entry.uncount and 1 or 0,
    entry.extends and 1 or 0)
  return changed == 1 or refusal(transaction, entry.receipt)
end

--- Moves a message to the dead letters, by its newest receipt.
---@param entry { receipt: string, reason: string? }
---@return true|{ message: string, code: string }
function store.bury(transaction, now, entry)
  local seq, number = parse(entry.receipt)
  local found = transaction:first("SELECT 1 FROM messages WHERE seq = ? AND lease = ?", seq, number)
  if not found then return refusal(transaction, entry.receipt) end
  store.make_dead(transaction, now, seq, entry.reason)
  return true
end

-- looking

--- The number of messages; those that wait in a group count as visible, as in SQS, and so do those
--- that wait for the end of a pause or for a limit.
---@param database watchbot.Database
---@return { visible: integer, delayed: integer, in_flight: integer, dead: integer }?
---@return string? err
---@return string? code
function store.counts(database)
  local row, err, code = database:first([[
    SELECT messages, dead, sum(hidden) AS hidden, sum(in_flight) AS in_flight FROM state, (
      SELECT count(*) AS hidden, coalesce(sum(receives > 0), 0) AS in_flight
        FROM messages WHERE visible_at > ?1 AND priority = 0
      UNION ALL
      SELECT count(*), coalesce(sum(receives > 0), 0)
        FROM messages WHERE visible_at > ?1 AND priority <> 0
      UNION ALL
      SELECT -count(*), -coalesce(sum(receives > 0), 0)
        FROM messages WHERE visible_at > ?1 AND since IS NOT NULL)]],
    scheduler.time())
  if not row then return nil, err, code end
  return {
    visible = row.messages - row.hidden, delayed = row.hidden - row.in_flight,
    in_flight = row.in_flight, dead = row.dead,
  }
end

--- The traffic: between two readings, the difference of `sent` was sent, and the part of it that is
--- not in the difference of `there` has left the queue.
---@param database watchbot.Database
---@return { sent: integer, there: integer, oldest: integer? }? oldest: when the oldest message was
--- sent, in milliseconds
---@return string? err
---@return string? code
function store.traffic(database)
  return database:first [[
    SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0) AS sent,
      (SELECT messages FROM state) AS there,
      (SELECT sent FROM messages ORDER BY seq LIMIT 1) AS oldest]]
end

-- housekeeping

--- Called in quiet moments: deletes old deduplication ids, and returns free pages of a file that
--- was larger before.
function store.tidy(transaction, now)
  forget_deduplications(transaction, now)
  if transaction.database.prefix then return end -- the pages are the application's
  if transaction:first("PRAGMA freelist_count").freelist_count > SPARE_PAGES then
    transaction:run(("PRAGMA incremental_vacuum(%d)"):format(GIVEN_BACK))
  end
end

return store
