--- progress.sqlite: progress in the file of an embedded queue.
-- A single transaction does what takes several calls in DynamoDB, so the count of remaining parts
-- is always right and needs no repair. Parts are bits, a thousand bytes of them in a row. Commits
-- are on disk when they return (synchronous=FULL): "this was the last part" triggers a message that
-- must be neither lost nor sent twice.

local json = require "watchbot.lib.json"
local layout = require "watchbot.progress.layout"
local queue = require "watchbot.queue"
local schema = require "watchbot.queue.sqlite.schema"

-- Parts a chunk: a row of a thousand bytes.
local CHUNK = 8000

-- Seconds to wait for a lock: longer than a queue waits, because otherwise the work of a part would
-- be repeated.
local PATIENCE = 60

---@class watchbot.progress.Sqlite
local Sqlite = {}
Sqlite.__index = Sqlite

local sqlite = {}

---@param url string
---@param options watchbot.ProgressOptions
---@return watchbot.progress.Sqlite?
---@return string? err
---@return string? code
function sqlite.open(url, options)
  local path, prefix, why = queue.file(url)
  if not path then return nil, prefix, why end
  local database, err, code = schema.open(path, {
    create = options.create ~= false, patience = PATIENCE, synchronous = "FULL", prefix = prefix,
  })
  if not database then return nil, err, code end
  return setmetatable({ database = database }, Sqlite)
end

-- A connection may be open for days; writes to a file that was moved or deleted meanwhile are lost.
local function in_place(transaction, database, body, ...)
  local moved, err, code = database:has_moved()
  if moved then return nil, err, code end
  return body(transaction, ...)
end

function Sqlite:transaction(body, ...)
  return self.database:transaction(in_place, self.database, body, ...)
end

--- A job and the chunk of one of its parts, read at the same time.
local function find(reader, id, part)
  return reader:first([[
    SELECT job, total, remaining, last, error, metadata, reduce_sent,
      (SELECT done FROM progress_chunks
        WHERE progress_chunks.job = progress.job AND chunk = ?2) AS done
    FROM progress WHERE id = ?1]], id, part and (layout.place(part, CHUNK)))
end

local function set_total(transaction, id, total)
  local job = find(transaction, id)
  if job and job.total then
    if job.total ~= total then return layout.other_total(id, job.total, total) end
    return true
  end
  transaction:run([[
    INSERT INTO progress (id, total, remaining) VALUES (?1, ?2, ?2)
    ON CONFLICT (id) DO UPDATE SET total = ?2, remaining = ?2]], id, total)
  return true
end

---@return true? ok
---@return string? err
---@return string? code
function Sqlite:set_total(id, total)
  return self:transaction(set_total, id, total)
end

-- => byte of the chunk (from 1), mask within it
local function bit_of(part)
  local _, position = layout.place(part, CHUNK)
  return (position - 1) // 8 + 1, 1 << (position - 1) % 8
end

local function is_marked(job, part)
  local byte, mask = bit_of(part)
  return job.done ~= nil and job.done:byte(byte) & mask ~= 0
end

local function mark(transaction, job, part)
  local chunk = layout.place(part, CHUNK)
  local byte, mask = bit_of(part)
  local bits = job.done or ("\0"):rep((layout.capacity(chunk, job.total, CHUNK) + 7) // 8)
  bits = bits:sub(1, byte - 1) .. string.char(bits:byte(byte) | mask) .. bits:sub(byte + 1)
  transaction:run("INSERT OR REPLACE INTO progress_chunks (job, chunk, done) VALUES (?, ?, ?)",
    job.job, chunk, { bits })
end

-- For a complete job, the bits add nothing to its row.
local function finish(transaction, job, part)
  transaction:run("UPDATE progress SET remaining = 0, last = ? WHERE job = ?", part, job.job)
  transaction:run("DELETE FROM progress_chunks WHERE job = ?", job.job)
end

local function complete(transaction, id, part)
  local job = find(transaction, id, part)
  if not job or not job.total then return layout.no_total(id) end
  if part < 1 or part > job.total then return layout.no_such_part(id, part, job.total) end
  if job.remaining == 0 then return job.last == part end
  if is_marked(job, part) then return false end
  if job.remaining == 1 then
    finish(transaction, job, part)
    return true
  end
  mark(transaction, job, part)
  transaction:run("UPDATE progress SET remaining = remaining - 1 WHERE job = ?", job.job)
  return false
end

---@return boolean? last
---@return string? err
---@return string? code
function Sqlite:complete(id, part)
  return self:transaction(complete, id, part)
end

local function is_done(job, part)
  if not job.total or part < 1 or part > job.total then return false end
  return job.remaining == 0 or is_marked(job, part)
end

local function status(reader, id, part)
  local job, err, code = find(reader, id, part)
  if job == nil then return nil, err, code end
  if not job then return {} end
  local found = {
    total = job.total, remaining = job.remaining, failed = job.error,
    reduce_sent = job.reduce_sent == 1 or nil,
  }
  if part then found.part_complete = is_done(job, part) end
  if job.metadata then found.metadata = json.decode(job.metadata) end
  return found
end

-- The optional results cost nothing here, so `brief` only leaves out what it must.
---@return watchbot.ProgressStatus?
---@return string? err
---@return string? code
function Sqlite:status(id, part, brief)
  local found, err, code = self.database:patiently(status, id, part)
  if found and brief then found.remaining = nil end
  return found, err, code
end

-- Sets a column of a job, which need not exist yet.
local function keep(transaction, id, column, value)
  transaction:run(("INSERT INTO progress (id, %s) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET "
    .. "%s = ?2"):format(
    column, column), id, value)
  return true
end

---@return true? ok
---@return string? err
---@return string? code
function Sqlite:fail(id, reason)
  return self:transaction(keep, id, "error", reason)
end

---@return true? ok
---@return string? err
---@return string? code
function Sqlite:set_metadata(id, metadata)
  return self:transaction(keep, id, "metadata", json.encode(metadata))
end

local function reduce_sent(transaction, id)
  if not find(transaction, id) then return layout.no_job(id) end
  transaction:run("UPDATE progress SET reduce_sent = 1 WHERE id = ?", id)
  return true
end

---@return true? ok
---@return string? err
---@return string? code
function Sqlite:reduce_sent(id)
  return self:transaction(reduce_sent, id)
end

function Sqlite:close()
  self.database:close()
end

return sqlite
