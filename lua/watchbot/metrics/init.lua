--- metrics: what can be counted and measured about a watcher, from one declared table
-- (metrics/table.lua) and one observer of the stages of its jobs (metrics/stages.lua).
--
--     local measured = metrics.new(parts, { parts_of_queue... })
--     local snapshot = measured:snapshot()       -- in a task; waits a second at most
--     measured:close()
--
-- A snapshot is a plain table, a copy that stays as it is:
--
--     {
--       time = 1795857600123,           -- milliseconds since the epoch
--       started = 1795857000000,        -- when the counters were 0
--       { name = "watchbot_jobs_total", kind = "counter", unit = "", help = "...",
--         { labels = { { "outcome", "complete" } }, value = 17 },
--         { labels = { { "outcome", "retry" } }, value = 2 } },
--       { name = "watchbot_job_run_seconds", kind = "histogram", unit = "seconds", help = "...",
--         { labels = {}, count = 19, sum = 3.25,
--           bounds = { 0.005, 0.025, ..., math.huge }, -- upper, inclusive; the last is infinite
--           counts = { 12, 4, ..., 0 } } },            -- of each bound alone, not cumulative
--       ...
--     }
--
-- Families are in the table's order, series in that of their labels. `kind` is "counter" (only
-- rises, from 0 at `started`), "gauge" or "histogram" (rises as a counter does). A family without a
-- value now (a queue that does not answer, a runner without runtimes) is left out.

local backlog = require "watchbot.metrics.backlog"
local declared = require "watchbot.metrics.table"
local lag = require "watchbot.metrics.lag"
local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"
local sorted = require "watchbot.lib.sorted"
local stages = require "watchbot.metrics.stages"
local version = require "watchbot.version"

---@class watchbot.MetricsParts
---@field jobs watchbot.Jobs
---@field tally watchbot.Tally
---@field leases watchbot.Leases
---@field breaker watchbot.Breaker
---@field pauses watchbot.Pauses
---@field phase watchbot.Phase
---@field notices watchbot.Notices
---@field queue table
---@field runner table
---@field sink table the log
---@field readiness watchbot.Readiness
---@field slots fun(): integer how many jobs there may be at once
---@field causes string[] of an attempt's end
---@field stages watchbot.StageMetrics made here, as the fields below
---@field totals watchbot.StageTotals
---@field lag watchbot.Histogram
---@field counts watchbot.BacklogCounts?
---@field name string? of its queue, where there are several: the value of the label `queue`
---@field version string
---@field started integer milliseconds since the epoch
---@field time number of the snapshot: seconds since the epoch
---@field boottime number of the snapshot

---@class watchbot.Series
---@field labels string[][] `{ { name, value } ... }`
---@field value number? of a counter or gauge
---@field count integer? of a histogram, as the fields below
---@field sum number?
---@field bounds number[]?
---@field counts integer[]?

---@class watchbot.MetricFamily: watchbot.Series[]
---@field name string
---@field kind "counter"|"gauge"|"histogram"
---@field unit "seconds"|"bytes"|""
---@field help string

---@class watchbot.Snapshot: watchbot.MetricFamily[]
---@field time integer milliseconds since the epoch
---@field started integer

---@class watchbot.Metrics
local Metrics = {}
Metrics.__index = Metrics

local metrics = {}

-- What is of one queue; the rest is that of the watcher.
local function of_queue(parts, queue)
  queue.stages, queue.backlog = stages.new(queue.jobs, queue.causes), backlog.new(queue.queue)
  queue.readiness:hear(queue.backlog)
  return setmetatable(queue, { __index = parts })
end

--- Starts to count and measure. Outcomes of jobs that have started before are not counted.
---@param parts watchbot.MetricsParts those of the watcher
---@param queues watchbot.MetricsParts[] those of each queue
---@return watchbot.Metrics
function metrics.new(parts, queues)
  local self = own({ parts = parts, queues = queues }, Metrics)
  parts.started, parts.version = scheduler.time(), version
  parts.lag, self.lag = lag.start()
  for _, queue in ipairs(queues) do of_queue(parts, queue) end
  return self
end

local function add_series(family, names, values, depth, labels)
  if values == nil or values == false then return end
  if depth <= #names then
    for _, value in ipairs(sorted.keys(values)) do
      local with = table.move(labels, 1, #labels, 1, {})
      with[#with + 1] = { names[depth], value }
      add_series(family, names, values[value], depth + 1, with)
    end
  elseif type(values) == "table" then
    local series = values:read()
    series.labels = labels
    family[#family + 1] = series
  else
    family[#family + 1] = { labels = labels, value = values }
  end
end

-- The label `queue` is there if there are several.
function Metrics:add(family, one)
  if not one.of_queue then return add_series(family, one.labels, one.read(self.parts), 1, {}) end
  for _, queue in ipairs(self.queues) do
    local label = queue.name and { "queue", queue.name }
    add_series(family, one.labels, one.read(queue), 1, label and { label } or {})
  end
end

--- All values as they are now; see above for its form. Waits in a task, a second at most, for how
--- many messages the queue has.
---@return watchbot.Snapshot
function Metrics:snapshot()
  local parts = self.parts
  for _, queue in ipairs(self.queues) do
    queue.counts, queue.totals = queue.backlog:read(), queue.stages.totals()
  end
  parts.boottime, parts.time = scheduler.boottime(), scheduler.time() / 1000
  local snapshot = { time = scheduler.time(), started = parts.started }
  for _, one in ipairs(declared) do
    local family = {
      name = one.name, kind = one.kind, unit = one.unit, help = one.help, together = one.together,
    }
    self:add(family, one)
    if #family > 0 then snapshot[#snapshot + 1] = family end
  end
  return snapshot
end

--- Ends what looks at the loop and the queue.
function Metrics:close()
  self.lag:cancel "the watcher ends"
  for _, queue in ipairs(self.queues) do queue.backlog:close() end
end

return metrics
