--- queue.sqlite.jobs: the messages of an embedded queue as people see them: what waits, runs, is
-- delayed, is dead, and what has ended (queue.sqlite.history). Reads pages by keys of an index,
-- some hundred rows at a time, and lets other tasks run in between: a file with millions of
-- messages never blocks a watcher that shows them. Sits on the queue's reader.

local numbers = require "watchbot.queue.sqlite.numbers"
local scheduler = require "watchbot.scheduler"
local sections = require "watchbot.queue.sqlite.sections"
local store = require "watchbot.queue.sqlite.store"

local jobs = {}

local read = numbers.read

-- Rows of a page unless the caller says; rows read at once, and where bodies are searched.
local PAGE, BITE, SEARCHED = 50, 500, 100

-- Bytes of a message in a list.
local PREVIEW = 200

-- Rows at once where only numbers are read.
local NUMBERS = numbers.BITE

---@alias watchbot.JobState "running"|"waiting"|"delayed"|"dead"|"done"|"failed"

---@class watchbot.JobFilter
---@field states watchbot.JobState[]? default: all
---@field match string? bytes in the id, subject, message, group, reason or output
---@field since integer? sent, died or ended at that time or later; milliseconds since the epoch
---@field limit integer? the most rows, 50
---@field cursor string? `next` of the page before

---@class watchbot.JobPage
---@field rows watchbot.JobRow[] running ones first, then waiting, delayed, dead, and what has
--- ended, newest first
---@field next string? for the page after it; nil: this is the last

--- A message, or for "done" and "failed" an attempt that has ended: all fields of watchbot.Attempt
--- but `output`. Times are milliseconds since the epoch.
---@class watchbot.JobRow: watchbot.Attempt
---@field state watchbot.JobState
---@field key string unique among all rows, the same at each reading
---@field id string?  nil: the file has lost the message's content
---@field subject string?
---@field message string? the first 200 bytes; nil for an attempt
---@field size integer? bytes of the message
---@field group string?
---@field priority integer?
---@field receives integer
---@field sent integer?
---@field first_received integer?
---@field taken integer? running: since when
---@field due integer? delayed: until when
---@field behind boolean? waiting: behind another message of its group
---@field held "pause"|"limit"|nil why it waits although its delay may be over
---@field cancelling boolean? it was cancelled while it ran: its watcher, or the next receive, ends
--- it
---@field died integer? dead: since when
---@field reason string? dead: why; delayed: of its last attempt
---@field has_output boolean? done and failed: whether output was kept

---@class watchbot.JobDetails: watchbot.JobRow
---@field message string? the whole
---@field attributes table<string, { type: string, value: string }>?
---@field deduplication string?
---@field attempts watchbot.Attempt[] oldest first; of the failed ones the newest 200

-- lists

-- "running:17:0:4" -> the section's position, the keys
local function position_of(plan, cursor)
  local name, rest = tostring(cursor):match "^([%a_]+)([%d:-]*)$"
  for index, section in ipairs(plan) do
    if section.name == name then
      local keys = {}
      for key in rest:gmatch ":(-?%d+)" do keys[#keys + 1] = math.tointeger(tonumber(key)) end
      if #keys == section.keys then return index, keys end
    end
  end
  return nil, ("the cursor '%s' is not one of this list"):format(cursor), "Usage"
end

local function cursor_of(section, keys)
  return #keys == 0 and section.name or section.name .. ":" .. table.concat(keys, ":")
end

local function keys_of(section, row)
  local keys = {}
  for index = 1, section.keys do keys[index] = row["k" .. index] end
  return keys
end

---@class watchbot.JobReading
local Reading = {}
Reading.__index = Reading

-- => the next rows behind `keys` | nil err code
function Reading:scan(section, keys, count)
  local match = self.filter.match
  local values = { count, self.now, self.filter.since or 0, match and { match } or nil }
  for index = 1, section.keys do values[4 + index] = keys[index] end
  return read(self.queue, "all", match and section.search or section.scan,
    table.unpack(values, 1, 4 + section.keys))
end

-- Adds the rows that are wanted until the page is full. => the keys of the last row that was looked
-- at
function Reading:take(section, rows)
  local keys
  for _, row in ipairs(rows) do
    if row.wanted == 1 then
      if #self.rows == self.limit then return keys, true end
      local whole, err, code = read(self.queue, "first", section.details, row.seq, PREVIEW)
      if whole == nil then return nil, err, code end
      -- It may be gone since.
      if whole then self.rows[#self.rows + 1] = section.shape(whole, self.now) end
    end
    keys = keys_of(section, row)
  end
  return keys, false
end

-- => the keys where the page is full, false at the section's end | nil err code
function Reading:read(section, keys)
  local bite = self.filter.match and SEARCHED or math.min(self.limit + 1, BITE)
  keys = keys or section.first(self.now)
  while true do
    local rows, err, code = self:scan(section, keys, bite)
    if not rows then return nil, err, code end
    local last, full, problem = self:take(section, rows)
    if full and full ~= true then return nil, full, problem end
    keys = last or keys
    if full then return keys end
    if #rows < bite then return false end
    bite = self.filter.match and SEARCHED or BITE
    scheduler.sleep(0)
  end
end

--- A page of jobs. Waits in a task.
---@param queue watchbot.SqliteQueue
---@param filter watchbot.JobFilter?
---@return watchbot.JobPage?
---@return string? err
---@return string? code "Usage": an invalid cursor
function jobs.list(queue, filter)
  filter = filter or {}
  local self = setmetatable({
    queue = queue, filter = filter, now = scheduler.time(), rows = {}, limit = filter.limit or PAGE,
  }, Reading)
  local plan, at, keys = sections.plan(filter.states), 1, nil
  if filter.cursor then
    local found, err, code = position_of(plan, filter.cursor)
    if not found then return nil, err, code end
    at, keys = found, err
  end
  for index = at, #plan do
    local stop, err, code = self:read(plan[index], keys)
    if stop == nil then return nil, err, code end
    if stop then return { rows = self.rows, next = cursor_of(plan[index], stop) } end
    keys = nil
  end
  return { rows = self.rows }
end

-- one message

local BY_ID = [[
  SELECT max(seq) AS last, max(CASE WHEN id = ?3 THEN seq END) AS found, count(*) AS count
  FROM (SELECT seq, id FROM contents WHERE seq > ?1 ORDER BY seq LIMIT ?2)]]

--- The `seq` of a message that is in the queue; false if it is not. Ids have no index, which would
--- cost each message more than a search costs its reader. Waits in a task.
---@param queue watchbot.SqliteQueue
---@param id string
---@return integer|false|nil
---@return string? err
---@return string? code
function jobs.seq_of(queue, id)
  local last = 0
  while true do
    local row, err, code = read(queue, "first", BY_ID, last, NUMBERS, id)
    if not row then return nil, err, code end
    if row.found then return row.found end
    if row.count < NUMBERS then return false end
    last = row.last
    scheduler.sleep(0)
  end
end

local ONE_ATTEMPT = "SELECT * FROM attempts WHERE seq = ?"

-- The newest attempts at a message that have failed, of which a policy that only releases makes
-- very many. Only those have an index by the id: there are few, and it would double what the
-- history costs.
local FAILED = [[
  SELECT * FROM (SELECT * FROM attempts WHERE id = ? AND outcome <> 'complete'
    ORDER BY seq DESC LIMIT 200) ORDER BY seq]]

local COMPLETE = [[
  SELECT min(seq) AS last, count(*) AS count,
    max(CASE WHEN id = ?3 AND outcome = 'complete' THEN seq END) AS found
  FROM (SELECT seq, id, outcome FROM attempts WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2)]]

-- The last attempt at a message that is done; false if there is none.
local function completed(queue, id)
  local last = math.maxinteger
  while true do
    local row, err, code = read(queue, "first", COMPLETE, last, NUMBERS, id)
    if not row then return nil, err, code end
    if row.found then return read(queue, "first", ONE_ATTEMPT, row.found) end
    if row.count < NUMBERS then return false end
    last = row.last
    scheduler.sleep(0)
  end
end

local function attempts_of(queue, id, is_there)
  local rows, err, code = read(queue, "all", FAILED, id)
  if not rows then return nil, err, code end
  if not is_there then
    local last
    last, err, code = completed(queue, id)
    if last == nil then return nil, err, code end
    rows[#rows + 1] = last or nil
  end
  for _, row in ipairs(rows) do
    sections.sound(row)
    row.group, row.fifo_group, row.seq = row.fifo_group, nil, nil
    row.outcome = row.outcome or "unknown"
  end
  return rows
end

-- The section of a message that is in the queue or dead, and its row there.
local function place_of(queue, id)
  local seq, err, code = jobs.seq_of(queue, id)
  if seq == nil then return nil, err, code end
  if seq then return sections.MESSAGE, seq end
  local row
  row, err, code =
    read(queue, "first", "SELECT seq FROM dead WHERE id = ? ORDER BY seq DESC LIMIT 1", id)
  if row == nil then return nil, err, code end
  return row and sections.DEAD or false, row and row.seq
end

local function whole_of(queue, id)
  local section, seq, code = place_of(queue, id)
  if not section then return section, seq, code end
  local row, err
  row, err, code = read(queue, "first", section.details, seq, math.maxinteger >> 32)
  if not row then return row, err, code end
  local attributes, deduplication = row.attributes, row.deduplication
  local whole = section.shape(row, scheduler.time())
  local readable, decoded = pcall(store.attributes, attributes)
  whole.attributes, whole.deduplication = readable and decoded or {}, deduplication
  return whole
end

-- A message that is no longer there, as its last attempt knew it.
local function remembered(attempts)
  local last = attempts[#attempts]
  local row = { state = last.outcome == "complete" and "done" or "failed", key = "ended" }
  for name, value in pairs(last) do row[name] = value end
  row.output = nil
  return row
end

--- All that is known about the message with this id; false if nothing is. Waits in a task.
---@param queue watchbot.SqliteQueue
---@param id string
---@return watchbot.JobDetails|false|nil
---@return string? err
---@return string? code
function jobs.show(queue, id)
  local whole, err, code = whole_of(queue, id)
  if whole == nil then return nil, err, code end
  local attempts
  attempts, err, code = attempts_of(queue, id, whole ~= false)
  if not attempts then return nil, err, code end
  if not whole and #attempts == 0 then return false end
  whole = whole or remembered(attempts)
  whole.attempts = attempts
  return whole
end

-- Numbers, and who works on the queue.
jobs.counts, jobs.activity, jobs.watchers = numbers.counts, numbers.activity, numbers.watchers

return jobs
