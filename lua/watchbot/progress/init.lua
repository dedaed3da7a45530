--- progress: how many parts of a map-reduce job are done, and which part was the last.
--
--     local progress = require "watchbot".progress.open() -- $ProgressTable, or $QueueUrl's file
--     progress:set_total("job-1", 3)
--     if progress:complete("job-1", 2) then ... end        -- true for the last part, always
--
-- The interface to a DynamoDB table and an embedded queue's file, which checks the arguments of
-- both. Every function may be called again after a crash, by a task that runs a second time: a
-- repeat changes nothing, and returns the same result as the first call.

local json = require "watchbot.lib.json"
local layout = require "watchbot.progress.layout"

local EXPECTED = "expected arn:aws:dynamodb:REGION:ACCOUNT:table/NAME or sqlite:FILE"

---@class watchbot.Progress
local Progress = {}
Progress.__index = Progress
Progress.__name = "watchbot.progress"

---@class watchbot.ProgressModule
local progress = {}

---@class watchbot.ProgressStatus
---@field progress number? the share of finished parts, rounded down to two digits; 0 for an unknown
--- job
---@field total integer? parts; nil until `set_total`
---@field remaining integer? parts that are not done yet
---@field failed string? why the job has failed
---@field metadata any? as set by `set_metadata`
---@field part_complete boolean? whether the requested part is done
---@field reduce_sent boolean? whether the reduce message was sent

---@class watchbot.ProgressOptions
---@field create boolean? false: a file that does not exist is an error; default true
---@field client table? a client of DynamoDB; default: one for the table's region

local function refuse(err)
  return nil, "progress: " .. err, "Usage"
end

--- The default place: the environment variables that a watcher sets for its tasks.
---@return string? place
local function default_place()
  local place = os.getenv "ProgressTable"
  if place and place ~= "" then return place end
  local queue = os.getenv "QueueUrl" or ""
  return queue:match "^sqlite:" and queue or nil
end

--- Opens the place of the progress. Waits in a task.
---@param place string? the ARN of a DynamoDB table, or `sqlite:FILE`; default:
--- `$ProgressTable`, then an embedded `$QueueUrl`
---@param options watchbot.ProgressOptions?
---@return watchbot.Progress?
---@return string? err
---@return string? code "Usage" if the place itself is wrong
function progress.open(place, options)
  place = place or default_place()
  if not place then
    return refuse("no place: set $ProgressTable to the ARN of a DynamoDB table or to "
      .. "sqlite:FILE")
  end
  local kind = tostring(place):match "^arn:[^:]+:dynamodb:" and "dynamodb"
    or tostring(place):match "^sqlite:" and "sqlite"
  if not kind then return refuse(("'%s': %s"):format(tostring(place), EXPECTED)) end
  local store, err, code = require("watchbot.progress." .. kind).open(place, options or {})
  if not store then return nil, err, code end
  return setmetatable({ place = place, store = store }, Progress)
end

local function demand(ok, problem)
  if not ok then error(problem, 3) end
end

local function is_job(job)
  return type(job) == "string" and job ~= ""
end

local function is_count(value)
  return math.type(value) == "integer" and value >= 1
end

--- Sets the number of parts of a job. Setting the same total again changes nothing.
---@param job string the job's id
---@param total integer parts, counted from 1
---@return true? ok
---@return string? err
---@return string? code "OtherTotal": it has another total; "TooManyParts"
function Progress:set_total(job, total)
  demand(is_job(job), "set_total: a job must be text")
  demand(is_count(total), "set_total: a total must be a whole number of at least 1")
  local err, code = layout.problem(job, total)
  if err then return nil, err, code end
  return self.store:set_total(job, total)
end

--- Marks a part as done.
---@param job string
---@param part integer from 1 to the total
---@return boolean? last true for the one part that completed the job, each time it is repeated;
--- false for all others
---@return string? err
---@return string? code "NoTotal": `set_total` comes first; "NoSuchPart"
function Progress:complete(job, part)
  demand(is_job(job), "complete: a job must be text")
  demand(math.type(part) == "integer", "complete: a part must be a whole number")
  return self.store:complete(job, part)
end

-- Never 1 before the last part is done: 999 of 1000 parts are 0.99, too.
local function share(found)
  if not found.total then return 0 end
  if not found.remaining then return nil end
  return (found.total - found.remaining) * 100 // found.total / 100
end

--- The progress of a job. An unknown job has made no progress, which is not an error, because it
--- may start in a moment.
---@param job string
---@param options { part: integer?, brief: boolean? }? part: whether this one is done; brief: do not
--- count parts, which saves reads of a DynamoDB table for large jobs: `progress` and `remaining`
--- are absent
---@return watchbot.ProgressStatus?
---@return string? err
---@return string? code
function Progress:status(job, options)
  options = options or {}
  demand(is_job(job), "status: a job must be text")
  demand(options.part == nil or math.type(options.part) == "integer",
    "status: a part must be a whole number")
  local found, err, code = self.store:status(job, options.part, options.brief)
  if not found then return nil, err, code end
  found.progress = share(found)
  return found
end

--- Marks a job as failed. Its parts can still be completed: programs that run them use `status` to
--- find out whether they are still needed.
---@param job string may have no total yet
---@param reason string
---@return true? ok
---@return string? err
---@return string? code
function Progress:fail(job, reason)
  demand(is_job(job), "fail: a job must be text")
  demand(type(reason) == "string" and reason ~= "", "fail: a reason must be text")
  return self.store:fail(job, reason)
end

--- Stores data with a job, which `status` returns.
---@param job string may have no total yet
---@param metadata any a value that JSON can represent; replaces the previous one
---@return true? ok
---@return string? err
---@return string? code "InvalidText"
function Progress:set_metadata(job, metadata)
  demand(is_job(job), "set_metadata: a job must be text")
  demand(metadata ~= nil,
    "set_metadata: metadata must be something; watchbot.aws.null is JSON's null")
  local text, err, code = json.encode(metadata)
  if not text then return nil, "set_metadata: " .. err, code end
  return self.store:set_metadata(job, metadata)
end

--- Records that the reduce message of a job was sent, and deletes data that is no longer needed to
--- complete it.
---@param job string
---@return true? ok
---@return string? err
---@return string? code "NoJob"
function Progress:reduce_sent(job)
  demand(is_job(job), "reduce_sent: a job must be text")
  return self.store:reduce_sent(job)
end

--- Closes it; may be called twice.
function Progress:close()
  self.store:close()
end

Progress.__close = Progress.close

return progress
