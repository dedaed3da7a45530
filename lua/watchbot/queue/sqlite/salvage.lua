--- queue.sqlite.salvage: creates a new queue file from the readable part of a damaged one. The old
-- file is only read, page by page, without SQLite: it may be truncated, or overwritten anywhere.
-- The columns of a row identify its table. A message of which only the content is found is received
-- again.

local core = require "watchbot.core".file
local pages = require "watchbot.queue.sqlite.pages"
local rows = require "watchbot.queue.sqlite.rows"
local scheduler = require "watchbot.scheduler"

-- Rows a transaction.
local BITE = 200

local salvage = {}

local open, file_of = require "watchbot.queue".open, require "watchbot.queue".file

local function is(kind, value)
  if kind == "text" then return type(value) == "string" end
  if kind == "text?" then return value == nil or type(value) == "string" end
  if kind == "integer" then return math.type(value) == "integer" end
  if kind == "integer?" then return value == nil or math.type(value) == "integer" end
  return value == nil
end

-- Columns of the tables of queue.sqlite.schema; `seq` is the row's id, and stored as NULL.
local tables = {
  messages = {
    "null", "integer?", "integer", "integer", "integer", "integer?", "integer", "integer", "text?",
    "integer", "text?", "integer?", "integer", "integer",
  },
  contents = { "null", "text", "text?", "text?", "text?", "text" },
  dead = {
    "null", "text", "text?", "text?", "text?", "text", "text?", "integer", "integer?", "integer",
    "integer", "text?", "integer",
  },
  attempts = {
    "null", "text", "text?", "text?", "integer", "integer?", "integer?", "integer", "text",
    "integer?", "text?", "text?", "integer?", "integer?", "integer?", "integer?", "text?", "text?",
  },
}

-- Columns that a row may lack, if it was written before they existed.
local optional = { messages = 5, dead = 2 }

local function fits(name, columns)
  local kinds = tables[name]
  if columns.n > #kinds or columns.n < #kinds - (optional[name] or 0) then return false end
  for index = 1, columns.n do
    if not is(kinds[index], columns[index]) then return false end
  end
  return true
end

local function each_of(source, name, visit)
  rows.each(source, function(id, columns)
    if id > 0 and fits(name, columns) then visit(id, columns) end
  end)
end

-- Data changed by receives, by `seq`: small, so all of it fits in memory.
local function read_states(source)
  local states, count = {}, 0
  each_of(source, "messages", function(seq, columns)
    if not states[seq] then count = count + 1 end
    states[seq] = columns
  end)
  return states, count
end

-- Collects rows and writes them in batches.
local Writer = {}
Writer.__index = Writer

function Writer:flush()
  local waiting = self.waiting
  if #waiting == 0 then return end
  self.waiting = {}
  assert(self.database:transaction(function(transaction)
    for _, write in ipairs(waiting) do write(transaction) end
    return true
  end))
end

function Writer:add(write)
  self.waiting[#self.waiting + 1] = write
  if #self.waiting >= BITE then self:flush() end
end

local MESSAGE = [[
  INSERT OR IGNORE INTO messages (seq, visible_at, due, sent, born, first_received, receives, lease,
    fifo_group, priority)
  VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)]]

local CONTENT = [[
  INSERT OR IGNORE INTO contents (seq, id, subject, attributes, deduplication, body)
  VALUES (?, ?, ?, ?, ?, ?)]]

local LETTER = [[
  INSERT OR IGNORE INTO dead (seq, id, subject, attributes, deduplication, body, fifo_group, sent,
    first_received, receives, died, reason, priority)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, coalesce(?, 0))]]

local ATTEMPT = [[
  INSERT OR IGNORE INTO attempts (seq, id, subject, fifo_group, receives, sent, started, ended,
    outcome, code, signal, reason, wait, duration, max_rss, cpu, trace, output)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]]

-- A message that was in flight has no consumer any more; a delayed one stays delayed.
local function add_message(transaction, seq, content, state, now)
  local sent = state and state[4] or now
  local due = state and state[7] == 0 and math.max(now, state[3]) or now
  transaction:run(MESSAGE, seq, due, sent, state and state[5] or sent,
    state and state[6], state and state[7] or 0, state and state[8] or 0, state and state[9],
    state and state[10] or 0)
  transaction:run(CONTENT, seq, table.unpack(content, 2, 6))
end

local function add_letter(transaction, seq, letter)
  transaction:run(LETTER, seq, table.unpack(letter, 2, 13))
end

local function add_attempt(transaction, seq, attempt)
  transaction:run(ATTEMPT, seq, table.unpack(attempt, 2, 18))
end

-- Only the first message of a group is visible.
local GROUPS = [[
  UPDATE messages SET visible_at = NULL WHERE fifo_group IS NOT NULL
    AND seq > (SELECT min(seq) FROM messages AS others
      WHERE others.fifo_group = messages.fifo_group)]]

local function copy(source, database)
  local states, known = read_states(source)
  local writer = setmetatable({ database = database, waiting = {} }, Writer)
  local now, found = scheduler.time(), 0
  each_of(source, "contents", function(seq, content)
    if states[seq] then found = found + 1 end
    local state = states[seq]
    writer:add(function(transaction) add_message(transaction, seq, content, state, now) end)
  end)
  each_of(source, "dead", function(seq, letter)
    writer:add(function(transaction) add_letter(transaction, seq, letter) end)
  end)
  each_of(source, "attempts", function(seq, attempt)
    writer:add(function(transaction) add_attempt(transaction, seq, attempt) end)
  end)
  writer:flush()
  assert(database:run "UPDATE state SET attempts = (SELECT count(*) FROM attempts)")
  assert(database:run(GROUPS))
  return math.max(0, known - found)
end

---@class watchbot.Salvaged
---@field messages integer
---@field dead integer
---@field lost integer messages in the file whose content cannot be read

local function copied(source, queue)
  local lost = copy(source, queue.sending.database)
  local counts = assert(queue:counts())
  return {
    messages = counts.visible + counts.delayed + counts.in_flight, dead = counts.dead, lost = lost,
  }
end

local function remove(target)
  for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(target .. suffix) end
end

-- Fills the new file. Without any message it is removed again, and so is a part of one.
local function fill(source, path, target, url)
  local queue, err, code = open(url)
  if not queue then
    remove(target)
    return nil, err, code
  end
  local ok, found = pcall(copied, source, queue)
  queue:close()
  if ok and found.messages + found.dead > 0 then return found end
  remove(target)
  if not ok then return nil, ("could not fill '%s': %s"):format(target, found), "WriteFailed" end
  local unread = found.lost > 0
    and (", and the content of %d could not be read"):format(found.lost) or ""
  return nil, ("no messages were found in '%s'%s"):format(path, unread), "NotAQueue"
end

--- Copies the readable part of a damaged file into a new one. Waits in a task.
---@param path string of the damaged file; no process may have it open
---@param url string `sqlite:FILE`; the file must not exist
---@return watchbot.Salvaged?
---@return string? err
---@return string? code "EEXIST"; "NotAQueue": it contains no message; "WriteFailed"
function salvage.run(path, url)
  local target, err, code = file_of(url)
  if not target then return nil, err, code end
  -- Does not open it: opening a pipe would block, and a dangling link would be followed.
  if core.status(target) then
    return nil, ("'%s' exists: name a new file"):format(target), "EEXIST"
  end
  local source <close>, problem, why = pages.open(path)
  if not source then return nil, problem, why end
  return fill(source, path, target, url)
end

return salvage
