--- progress.dynamodb.set: the parts of a job that watchbot-progress has begun: `parts` is the set
-- of those that are not done, in the job's own item, which has no `parts` when it is complete. Such
-- a job is completed in its own form, so that programs of both kinds may work on it. A completion
-- rewrites the set: a write unit for each kilobyte of it.

local layout = require "watchbot.progress.layout"
local values = require "watchbot.progress.dynamodb.values"

-- Between two calls another program may change the set; so often the parts are looked at again.
local TRIES = 10

local set = {}

local function has(job, part)
  for _, number in ipairs(job.parts or {}) do
    if number == part then return true end
  end
  return false
end

-- Takes a part out of a set that has others.
local function take(items, id, part)
  return items:update(id, {
    update = "DELETE #parts :set", condition = "contains(#parts, :part) AND size(#parts) > :one",
    names = { ["#parts"] = "parts" },
    values = {
      [":set"] = values.set { part }, [":part"] = values.encode(part), [":one"] = values.encode(1),
    },
  })
end

-- Takes the only part that is left, and leaves word which it was.
local function take_last(items, id, part)
  return items:update(id, {
    update = "REMOVE #parts SET #last = :part", condition = "#parts = :set",
    names = { ["#parts"] = "parts", ["#last"] = "last" },
    values = { [":set"] = values.set { part }, [":part"] = values.encode(part) },
  })
end

-- Where watchbot-progress took the last part, it is unknown which it was: as it does, all are told
-- that they were.
local function is_last(job, part)
  return not job.parts and (job.last == nil or job.last == part)
end

--- Marks a part as done.
---@param items watchbot.progress.Table
---@param job table its item
---@param part integer from 1, or from 0 as some programs count
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
  return nil, ("job '%s' is changed all the time by others"):format(id), "Contention"
end

--- How many parts are not done yet.
function set.remaining(_, job)
  return #(job.parts or {})
end

--- Whether a part is done.
function set.is_done(_, job, part)
  return not has(job, part)
end

--- There is nothing besides the job's own item.
function set.delete()
  return true
end

return set
