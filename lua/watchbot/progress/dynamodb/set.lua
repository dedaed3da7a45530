--- progress.dynamodb.set: the parts of a job that watchbot-progress has started: `parts`, in the
-- job's own item, is the set of unfinished parts, and is absent when the job is complete. Such a
-- job keeps its format, so that both programs can work on it. A completion rewrites the set: a
-- write unit for each kilobyte.

local layout = require "watchbot.progress.layout"
local values = require "watchbot.progress.dynamodb.values"

-- Another program may change the set between two calls; the number of attempts.
local TRIES = 10

local set = {}

local function has(job, part)
  for _, number in ipairs(job.parts or {}) do
    if number == part then return true end
  end
  return false
end

-- Removes a part from a set that has others.
local function take(items, id, part)
  return items:update(id, {
    update = "DELETE #parts :set", condition = "contains(#parts, :part) AND size(#parts) > :one",
    names = { ["#parts"] = "parts" },
    values = {
      [":set"] = values.set { part }, [":part"] = values.encode(part), [":one"] = values.encode(1),
    },
  })
end

-- Removes the last remaining part, and records which one it was.
local function take_last(items, id, part)
  return items:update(id, {
    update = "REMOVE #parts SET #last = :part", condition = "#parts = :set",
    names = { ["#parts"] = "parts", ["#last"] = "last" },
    values = { [":set"] = values.set { part }, [":part"] = values.encode(part) },
  })
end

-- If watchbot-progress removed the last part, it is unknown which one it was: all parts are
-- reported as the last one, as watchbot-progress does.
local function is_last(job, part)
  return not job.parts and (job.last == nil or job.last == part)
end

--- Marks a part as done.
---@param items watchbot.progress.Table
---@param job table its item
---@param part integer from 1, or from 0 for programs that count from 0
---@return boolean? last
---@return string? err
---@return string? code
function set.complete(items, job, part)
  local id = job.id
  if part < 0 or part > job.total then return layout.no_such_part(id, part, job.total) end
  for _ = 1, TRIES do
    if not job then return layout.no_job(id) end
    if not has(job, part) then return is_last(job, part) end
    local only = #job.parts == 1
    local taken, err, code = (only and take_last or take)(items, id, part)
    if taken then return only end
    if taken == nil then return nil, err, code end
    job, err, code = items:get(id)
    if job == nil then return nil, err, code end
  end
  return nil, ("job '%s' is being changed too often by other programs"):format(id), "Contention"
end

--- The number of parts that are not done yet.
function set.remaining(_, job)
  return #(job.parts or {})
end

--- Whether a part is done.
function set.is_done(_, job, part)
  return not has(job, part)
end

--- There are no other items than the job's own.
function set.delete()
  return true
end

return set
