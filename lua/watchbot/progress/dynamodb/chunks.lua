--- progress.dynamodb.chunks: the parts of a job that watchbot has started, as sets in separate
-- items.
--
--     { id = "job-1", total = 1000000, parts = { chunk = 250 },
--       chunks = <those that are finished>, last = 77 }
--     { id = "job-1#chunk:1", done = <parts that are done, 1 to 250>, last = 77 }
--
-- Why sets instead of bits: DynamoDB adds to a set in one atomic call; bits would have to be read,
-- changed and written back. Why 250: an item with 250 small numbers stays under 1 KB, so a
-- completion costs one write unit, the minimum, in addition to the read of the job's item; each
-- 250th also writes the job's item. The first part of a chunk creates its item. Why `parts` is a
-- map: watchbot-progress keeps a set there. Finding no set, it fails instead of treating a job
-- without one as complete.
--
-- How exactly one part is the last: the call that adds a part also writes it to `last`, and only if
-- the part was not yet in the set. So when a chunk is full, its `last` is permanently the part that
-- filled it; only that part writes the chunk into the job's `chunks` and itself into the job's
-- `last`, again in one call. If a process dies between the two calls, or loses a response, its
-- repeat finds its part in `last` and continues. The repeat of any other part does nothing.

local layout = require "watchbot.progress.layout"
local values = require "watchbot.progress.dynamodb.values"

-- Parts a chunk.
local SIZE = 250

-- A job with more chunks gets larger ones: the job's own item must stay small, too. 4000 numbers
-- are 12 KB.
local MOST_CHUNKS = 4000

local chunks = {}

--- Parts a chunk, for a new job.
---@param total integer
---@return integer
function chunks.size(total)
  return math.max(SIZE, (total + MOST_CHUNKS - 1) // MOST_CHUNKS)
end

local function index(list)
  local members = {}
  for _, number in ipairs(list or {}) do members[number] = true end
  return members
end

local function is_complete(job)
  return #(job.chunks or {}) == layout.chunks(job.total, job.parts.chunk)
end

-- Adds `number` to the set `name` of an item, and sets `last`, unless it is in the set.
local function add(items, id, name, number, last, more)
  return items:update(id, {
    update = "ADD #set :new SET #last = :last",
    condition = "(attribute_not_exists(#set) OR NOT contains(#set, :number))" .. (more or ""),
    names = { ["#set"] = name, ["#last"] = "last" },
    values = {
      [":new"] = values.set { number }, [":number"] = values.encode(number),
      [":last"] = values.encode(last),
    },
  })
end

-- The entry of a part's finished chunk in the job's item.
local function is_last(job, part)
  return is_complete(job) and job.last == part
end

-- The part has filled its chunk: record that in the job.
local function close(items, job, chunk, part)
  local changed, err, code =
    add(items, job.id, "chunks", chunk, part, " AND attribute_exists(id)")
  if changed == false then changed, err, code = items:get(job.id) end
  if changed == nil then return nil, err, code end
  if not changed then return layout.no_job(job.id) end
  job.chunks, job.last = changed.chunks, changed.last
  return is_last(job, part)
end

--- Marks a part as done.
---@param items watchbot.progress.Table
---@param job table its item
---@param part integer
---@return boolean? last
---@return string? err
---@return string? code
function chunks.complete(items, job, part)
  if part < 1 or part > job.total then return layout.no_such_part(job.id, part, job.total) end
  local chunk, position = layout.place(part, job.parts.chunk)
  if index(job.chunks)[chunk] then return is_last(job, part) end
  local id = layout.key(job.id, chunk)
  local item, err, code = add(items, id, "done", position, position)
  if item == false then item, err, code = items:get(id) end
  if item == nil then return nil, err, code end
  -- A missing chunk was deleted when the reduce message was sent.
  local full = item and #item.done == layout.capacity(chunk, job.total, job.parts.chunk)
  if not full or item.last ~= position then return false end
  return close(items, job, chunk, part)
end

-- The ids of the chunks' items, except for some of them.
local function ids_of(job, without)
  local ids = {}
  for chunk = 1, layout.chunks(job.total, job.parts.chunk) do
    if not without[chunk] then ids[#ids + 1] = layout.key(job.id, chunk) end
  end
  return ids
end

--- The number of parts that are not done yet. Reads each started, unfinished chunk.
---@param items watchbot.progress.Table
---@param job table its item
---@return integer? remaining
---@return string? err
---@return string? code
function chunks.remaining(items, job)
  local finished, remaining = index(job.chunks), job.total
  for chunk in pairs(finished) do
    remaining = remaining - layout.capacity(chunk, job.total, job.parts.chunk)
  end
  local ok, err, code = items:each(ids_of(job, finished), function(item)
    remaining = remaining - #item.done
  end)
  if not ok then return nil, err, code end
  return remaining
end

--- Whether a part is done.
---@return boolean? done
---@return string? err
---@return string? code
function chunks.is_done(items, job, part)
  if part < 1 or part > job.total then return false end
  local chunk, position = layout.place(part, job.parts.chunk)
  if index(job.chunks)[chunk] then return true end
  local item, err, code = items:get(layout.key(job.id, chunk))
  if item == nil then return nil, err, code end
  return item and index(item.done)[position] or false
end

--- Deletes the chunks of a job that is complete: its own item is enough to handle every repeat.
--- Keeps those of any other job.
---@param items watchbot.progress.Table
---@param job table its item
---@return true? ok
---@return string? err
---@return string? code
function chunks.delete(items, job)
  if not is_complete(job) then return true end
  return items:delete(ids_of(job, {}))
end

return chunks
