--- queue.sqlite.numbers: how many jobs of an embedded queue there are, what has ended in each step
-- of a time, and which watchers are alive. A part of queue.sqlite.jobs, which passes it on.

local history = require "watchbot.queue.sqlite.history"
local scheduler = require "watchbot.scheduler"

-- Seconds after which a watcher that has not been seen is not alive.
local ALIVE = 30

local numbers = {
  BITE = 5000, -- rows that are read at once
}

local function explain(queue, err, code)
  if code == "SQLITE_ERROR" and queue.read_only and err:find "no such" then
    return nil, ("'%s' was made by an older watchbot, and cannot be written: open it once as a "
      .. "user who may write it"):format(queue.reader.path), "OlderFormat"
  end
  return nil, err, code
end

--- Calls a method of the queue's reader, again while the file is locked by others. Waits in a task.
---@param queue watchbot.SqliteQueue
---@param method "first"|"all"
---@param ... any its arguments
---@return any result
---@return string? err
---@return string? code
function numbers.read(queue, method, ...)
  local reader = queue.reader
  local result, err, code = reader:patiently(reader[method], ...)
  if result == nil then return explain(queue, err, code) end
  return result
end

local COUNTS = [[
  SELECT (SELECT messages FROM state) AS messages, (SELECT dead FROM state) AS dead,
    (SELECT history FROM state) AS history,
    (SELECT sent FROM messages ORDER BY seq LIMIT 1) AS sent,
    sum(hidden) AS hidden, sum(running) AS running
  FROM (
    SELECT count(*) AS hidden, coalesce(sum(receives > 0 AND lease > returned), 0) AS running
      FROM messages WHERE visible_at > ?1 AND priority = 0
    UNION ALL
    SELECT count(*), coalesce(sum(receives > 0 AND lease > returned), 0)
      FROM messages WHERE visible_at > ?1 AND priority <> 0)]]

---@class watchbot.JobCounts
---@field running integer
---@field waiting integer
---@field delayed integer including those in backoff
---@field dead integer
---@field oldest integer? when the oldest message was sent, milliseconds since the epoch
---@field history integer seconds that attempts are kept; 0: no watcher has kept any

--- How many there are. Waits in a task.
---@param queue watchbot.SqliteQueue
---@return watchbot.JobCounts?
---@return string? err
---@return string? code
function numbers.counts(queue)
  local row, err, code = numbers.read(queue, "first", COUNTS, scheduler.time())
  if not row then return nil, err, code end
  return {
    running = row.running, waiting = row.messages - row.hidden, delayed = row.hidden - row.running,
    dead = row.dead, oldest = row.sent, history = row.history // 1000,
  }
end

-- The rows of some attempts, in sums.
local SUMS = [[
  SELECT (ended - ?3) / ?4 AS bucket, outcome, count(*) AS count, sum(duration) AS duration,
    max(seq) AS last
  FROM (SELECT seq, ended, outcome, duration FROM attempts WHERE seq > ?1 ORDER BY seq LIMIT ?2)
  GROUP BY 1, 2]]

---@class watchbot.JobsOfTime attempts that have ended within a step of time
---@field at integer its begin, milliseconds since the epoch
---@field outcomes table<string, integer> how many, by outcome
---@field count integer
---@field duration integer milliseconds, of all of them together

local function add_sums(all, sums)
  local count, last = 0, nil
  for _, sum in ipairs(sums) do
    local one = all[sum.bucket + 1]
    count, last = count + sum.count, math.max(last or 0, sum.last)
    if one then
      one.count, one.duration = one.count + sum.count, one.duration + (sum.duration or 0)
      one.outcomes[sum.outcome] = (one.outcomes[sum.outcome] or 0) + sum.count
    end
  end
  return count, last
end

--- What has ended since a time, in steps; the last one has only begun. Waits in a task.
---@param queue watchbot.SqliteQueue
---@param since integer milliseconds since the epoch
---@param step integer milliseconds
---@return watchbot.JobsOfTime[]?
---@return string? err
---@return string? code
function numbers.activity(queue, since, step)
  local all = {}
  for at = since, scheduler.time(), step do
    all[#all + 1] = { at = at, outcomes = {}, count = 0, duration = 0 }
  end
  local last = history.seq_at(since) - 1
  while true do
    local sums, err, code = numbers.read(queue, "all", SUMS, last, numbers.BITE, since, step)
    if not sums then return nil, err, code end
    local count, newest = add_sums(all, sums)
    if count < numbers.BITE then return all end
    last = newest
    scheduler.sleep(0)
  end
end

---@class watchbot.LiveWatcher
---@field id string
---@field host string
---@field pid integer
---@field version string of watchbot
---@field policy string? the version of its policy
---@field started integer milliseconds since the epoch; so for `seen`
---@field seen integer
---@field workers integer
---@field running integer jobs

--- The watchers of this queue that are alive. Waits in a task.
---@param queue watchbot.SqliteQueue
---@return watchbot.LiveWatcher[]?
---@return string? err
---@return string? code
function numbers.watchers(queue)
  return numbers.read(queue, "all", "SELECT * FROM watchers WHERE seen >= ? ORDER BY started, id",
    scheduler.time() - ALIVE * 1000)
end

return numbers
