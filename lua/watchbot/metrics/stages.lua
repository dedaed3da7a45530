--- metrics.stages: counts and times that follow from the stages of jobs (watcher/jobs.lua), which
-- it observes: no other code has to remember to count. It runs at each change of each job: until
-- the job is gone it only notes times, in fields that the job's entry has for them. What can be
-- derived when metrics are read is not counted.

local histogram = require "watchbot.metrics.histogram"
local boottime = require "watchbot.scheduler".boottime

-- Seconds: from a Lua handler's to those of a job of an hour and more.
local SHORT = { 0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 }
local LONG = { 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400 }

---@class watchbot.StageMetrics
---@field ends table<string, table<string, integer>> jobs that are over, by the cause of the last
--- attempt's end, and by outcome
---@field wait watchbot.Histogram seconds from the receive until there is a slot
---@field start watchbot.Histogram seconds from there until the task runs
---@field run watchbot.Histogram seconds that it runs
---@field settle watchbot.Histogram seconds from its outcome until the queue has confirmed it
---@field totals fun(): watchbot.StageTotals

---@class watchbot.StageTotals
---@field received integer messages that became jobs
---@field started integer tasks that ran
---@field counted integer jobs that are over, if the receive counted against the message
---@field uncounted integer the same, if not

local stages = {}

-- A job that waits again is measured from here on. => whether its task has run
local function begin_again(entry)
  local ran = entry.running_at
  entry.received_at, entry.running_at = boottime(), false
  return ran
end

-- By cause, and in there by outcome.
local function count_outcome(ends, entry)
  local cause = entry.cause
  -- What the watcher's own code has raised about comes back, whatever had been decided before.
  local outcome = cause == "internal" and "retry" or entry.outcome
  local by_outcome = ends[cause] or {}
  ends[cause] = by_outcome
  by_outcome[outcome] = (by_outcome[outcome] or 0) + 1
end

local function observe(self, jobs)
  local ends = self.ends
  local spans = histogram.spans(self.wait, self.start, self.run, self.settle)
  local gone, started, counted, uncounted = -jobs.total, -jobs.counts.running, 0, 0

  function self.totals()
    return {
      received = gone + jobs.total, started = started + jobs.counts.running,
      counted = counted, uncounted = uncounted,
    }
  end

  local function waits_again(entry)
    if begin_again(entry) then started = started + 1 end
  end

  jobs:observe {
    deciding = function(entry) entry.deciding_at = boottime() end,
    running = function(entry) entry.running_at = boottime() end,
    settling = function(entry) entry.settling_at = boottime() end,
    held = waits_again, unplaced = waits_again,
    gone = function(entry)
      gone = gone + 1
      if entry.running_at then started = started + 1 end
      if not entry.cause then return end
      spans(entry.received_at or entry.lease.received, entry.deciding_at, entry.running_at,
        entry.settling_at)
      count_outcome(ends, entry)
      if entry.counted then counted = counted + 1 else uncounted = uncounted + 1 end
    end,
  }
end

--- Begins to observe the jobs of a watcher.
---@param jobs watchbot.Jobs
---@param causes string[] what watcher/blame.lua has
---@return watchbot.StageMetrics
function stages.new(jobs, causes)
  local self = {
    ends = {},
    wait = histogram.new(SHORT), start = histogram.new(SHORT), run = histogram.new(LONG),
    settle = histogram.new(SHORT),
  }
  for _, cause in ipairs(causes) do self.ends[cause] = {} end
  observe(self, jobs)
  return self
end

--- Jobs that are over, by outcome.
---@param self watchbot.StageMetrics
---@return table<string, integer>
function stages.outcomes(self)
  local outcomes = { complete = 0, reject = 0, release = 0, retry = 0, bury = 0 }
  for _, by_outcome in pairs(self.ends) do
    for outcome, count in pairs(by_outcome) do
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
  for cause, by_outcome in pairs(self.ends) do
    causes[cause] = 0
    for _, count in pairs(by_outcome) do causes[cause] = causes[cause] + count end
  end
  return causes
end

return stages
