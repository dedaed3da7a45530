--- metrics.stages: counts and times that follow from the stages of jobs (watcher/jobs.lua), which
-- it observes: no other code has to remember to count. It runs at each change of each job, so
-- it does little, makes no table, and never raises.

local histogram = require "watchbot.metrics.histogram"
local own = require "watchbot.lib.own"
local now = require "watchbot.scheduler".now

-- Seconds: from a Lua handler's to those of a job of an hour and more.
local SHORT = { 0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 }
local LONG = { 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400 }

---@class watchbot.StageMetrics
---@field received integer messages that became jobs
---@field started integer tasks that ran
---@field outcomes table<string, integer> jobs that are over, by outcome
---@field causes table<string, integer> the same by the cause of the last attempt's end
---@field counted integer the same, if the receive counted against the message
---@field uncounted integer the same, if not
---@field wait watchbot.Histogram seconds from the receive until there is a slot
---@field start watchbot.Histogram seconds from there until the task runs
---@field run watchbot.Histogram seconds that it runs
---@field settle watchbot.Histogram seconds from its outcome until the queue has confirmed it

local stages = {}

---@param causes string[] what watcher/blame.lua has
---@return watchbot.StageMetrics
function stages.new(causes)
  local self = own({
    received = 0, started = 0, counted = 0, uncounted = 0, causes = {},
    outcomes = { complete = 0, reject = 0, release = 0, retry = 0, bury = 0 },
    wait = histogram.new(SHORT), start = histogram.new(SHORT), run = histogram.new(LONG),
    settle = histogram.new(SHORT),
  }, {})
  for _, cause in ipairs(causes) do self.causes[cause] = 0 end
  return self
end

local function count_outcome(self, entry)
  local cause = entry.cause
  -- What the watcher's own code has raised about comes back, whatever had been decided before.
  local outcome = cause == "internal" and "retry" or entry.outcome
  local outcomes, causes = self.outcomes, self.causes
  outcomes[outcome] = (outcomes[outcome] or 0) + 1
  causes[cause] = (causes[cause] or 0) + 1
  if entry.counted then
    self.counted = self.counted + 1
  else
    self.uncounted = self.uncounted + 1
  end
end

-- What was measured since `entry.at` is over. A job that was there before all this has none.
local function ends(entry, measured)
  local time, at = now(), entry.at
  if at then measured:observe(time - at) end
  entry.at = time
end

-- What each stage means for the counts, until the task runs.
local function beginnings(self)
  local wait, start = self.wait, self.start
  return {
    received = function(entry)
      self.received = self.received + 1
      entry.at = now()
    end,
    deciding = function(entry)
      -- One that was held waits by its own wish, or for room.
      if entry.held_since then entry.at = now() else ends(entry, wait) end
    end,
    running = function(entry)
      self.started = self.started + 1
      ends(entry, start)
    end,
  }
end

local function add_endings(on, self)
  local run, settle = self.run, self.settle

  local function leaves_run(entry, from)
    if from == "running" then ends(entry, run) end
  end

  on.unplaced, on.returning = leaves_run, leaves_run

  function on.settling(entry, from)
    if from == "running" then return ends(entry, run) end
    if from ~= "settling" then entry.at = now() end
  end

  function on.gone(entry, from)
    if from == "running" then ends(entry, run) end
    if not entry.cause then return end
    ends(entry, settle)
    count_outcome(self, entry)
  end
end

--- What observes the jobs of a watcher, for `Jobs:observe`.
---@param self watchbot.StageMetrics
---@return watchbot.JobObserver
function stages.observer(self)
  local on = beginnings(self)
  add_endings(on, self)
  return function(entry, from, to)
    local react = on[to]
    if react then react(entry, from) end
  end
end

return stages
