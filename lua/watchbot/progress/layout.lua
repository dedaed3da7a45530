--- progress.layout: which part is stored in which chunk, and the errors; pure functions.
-- Parts are stored in chunks, so that completing one part rewrites one small chunk instead of the
-- whole job. The store chooses the size: DynamoDB bills each rewritten kilobyte, SQLite writes
-- pages.

local layout = {}

-- A job with more parts would have chunks of more than 100 KB in DynamoDB, rewritten for each part.
local MOST = 100 * 1000 * 1000

local CHUNK_KEY = "%s#chunk:%d"

--- The id of a job's chunk, if it is stored next to the jobs.
---@param job string
---@param chunk integer
---@return string
function layout.key(job, chunk)
  return CHUNK_KEY:format(job, chunk)
end

--- The chunk of a part, and the part's number in it, both from 1.
---@param part integer
---@param size integer parts a chunk
---@return integer chunk
---@return integer position
function layout.place(part, size)
  return (part - 1) // size + 1, (part - 1) % size + 1
end

--- The number of chunks of a job.
---@param total integer
---@param size integer
---@return integer
function layout.chunks(total, size)
  return (total + size - 1) // size
end

--- The number of parts in a chunk: the last one may have fewer.
---@param chunk integer
---@param total integer
---@param size integer
---@return integer
function layout.capacity(chunk, total, size)
  return math.min(size, total - (chunk - 1) * size)
end

-- Errors: the same text for both stores.

--- The problem with a new job, if there is one.
---@param job string
---@param total integer
---@return string? err
---@return string? code
function layout.problem(job, total)
  if job:match "#chunk:%d+$" then
    return ("job '%s': this id is reserved for a chunk of parts; choose another id"):format(job),
      "BadJob"
  end
  if total <= MOST then return nil end
  return ("job '%s': a job can have %d parts, not %d; let each part do more"):format(job, MOST,
    total), "TooManyParts"
end

---@return nil, string err, "OtherTotal" code
function layout.other_total(job, total, asked)
  return nil, ("job '%s' has %d parts already, it cannot have %d; use another job id"):format(job,
    total, asked), "OtherTotal"
end

---@return nil, string err, "NoTotal" code
function layout.no_total(job)
  return nil, ("job '%s': its number of parts is not set; run set-total first"):format(job),
    "NoTotal"
end

---@return nil, string err, "NoSuchPart" code
function layout.no_such_part(job, part, total)
  return nil, ("job '%s' has parts 1 to %d, not part %d"):format(job, total, part), "NoSuchPart"
end

---@return nil, string err, "NoJob" code
function layout.no_job(job)
  return nil, ("job '%s' is not known here"):format(job), "NoJob"
end

return layout
