--- metrics.stages: counts and times that follow from the stages of jobs (watcher/jobs.lua), which
-- it observes: no other code has to remember to count. It runs at each change of each job: until
-- the job is gone it only notes times, in fields that the job's entry has for them. What can be
-- derived when metrics are read is not counted.

local histogram = require "watchbot.metrics.histogram"

-- Seconds: from a Lua handler's to those of a job of an hour and more.
local SHORT = { 0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 }
local LONG = { 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400 }

---@class watchbot.StageMetrics
---@field ends fun(): table<string, table<string, integer>> jobs that are over, by the cause of the
--- last attempt's end, and by outcome
---@field wait watchbot.Histogram seconds from the receive until there is a slot
---@field start watchbot.Histogram seconds from there until the task runs
---@field run watchbot.Histogram seconds that it runs
---@field settle watchbot.Histogram seconds from its outcome until the queue has confirmed it
---@field totals fun(): watchbot.StageTotals

---@class watchbot.StageTotals
---@field received integer messages that became jobs
---@field started integer tasks that ran
---@field counted integer jobs that are over, if the receive counted against the message

local stages = {}

local function zero() return 0 end

-- Counts by outcome, 0 where there are none.
local function by_outcome() return setmetatable({}, { __index = zero }) end

-- Jobs that have an outcome, by the counts of all causes.
local function ended(ends)
  local sum = 0
  for _, counts in pairs(ends) do
    for _, count in pairs(counts) do sum = sum + count end
  end
  return sum
end

-- Jobs that are over, by cause and outcome.
local function counts_by(causes)
  local ends = setmetatable({}, { __index = function(ends, cause)
    ends[cause] = by_outcome()
    return ends[cause]
  end })
  for _, cause in ipairs(causes) do ends[cause] = by_outcome() end
  return ends
end

-- What counts a job that is gone, and what reads the counts: `ends`, jobs that have no outcome, and
-- those that are over whose receive does not count.
local function of_ends(ends, spans)
  local undecided, uncounted, completed = 0, 0, 0

  local function gone(entry)
    local cause, received = entry.cause, entry.lease.received
    if not cause then
      undecided = undecided + 1
      return
    end
    spans(received, entry.deciding_at or received, entry.running_at, entry.settling_at)
    local outcome = entry.outcome
    -- The end of most jobs, whose receive counts; it is added to the others when they are read.
    if outcome == "complete" and cause == "ended" then
      completed = completed + 1
      return
    end
    local counts = ends[cause]
    counts[outcome] = counts[outcome] + 1
    if not entry.counted then uncounted = uncounted + 1 end
  end

  return gone, function()
    ends.ended.complete, completed = ends.ended.complete + completed, 0
    return ends, undecided, uncounted
  end
end

local function observe(self, jobs, ends)
  local stamp, before = histogram.stamp, jobs.total
  local running, started = stamp "running_at"
  local gone, read =
    of_ends(ends, histogram.spans(self.wait, self.start, self.run, self.settle))

  function self.ends() return (read()) end

  function self.totals()
    local _, undecided, uncounted = read()
    local over = ended(ends)
    return {
      received = over + undecided + jobs.total - before, started = started(),
      counted = over - uncounted,
    }
  end

  jobs:observe {
    -- The others have had their slot since they were received.
    ["waiting>deciding"] = (stamp "deciding_at"),
    running = running,
    -- There was no room for its task, which may have run for a moment.
    unplaced = function(entry) entry.running_at = false end,
    settling = (stamp "settling_at"),
    gone = gone,
  }
end

--- Begins to observe the jobs of a watcher.
---@param jobs watchbot.Jobs
---@param causes string[] what watcher/blame.lua has
---@return watchbot.StageMetrics
function stages.new(jobs, causes)
  local self = {
    wait = histogram.new(SHORT), start = histogram.new(SHORT), run = histogram.new(LONG),
    settle = histogram.new(SHORT),
  }
  observe(self, jobs, counts_by(causes))
  return self
end

--- Jobs that are over, by outcome.
---@param self watchbot.StageMetrics
---@return table<string, integer>
function stages.outcomes(self)
  local outcomes = { complete = 0, reject = 0, release = 0, retry = 0, bury = 0 }
  for cause, counts in pairs(self.ends()) do
    for outcome, count in pairs(counts) do
      -- What the watcher's own code has raised about comes back, whatever had been decided before.
      if cause == "internal" then outcome = "retry" end
      outcomes[outcome] = (outcomes[outcome] or 0) + count
    end
  end
  return outcomes
end

--- Jobs that are over, by the cause of the last attempt's end.
---@param self watchbot.StageMetrics
---@return table<string, integer>
function stages.causes(self)
  local causes = {}
  for cause, counts in pairs(self.ends()) do
    causes[cause] = 0
    for _, count in pairs(counts) do causes[cause] = causes[cause] + count end
  end
  return causes
end

return stages
