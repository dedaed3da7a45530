--- metrics.emf: the metrics as lines of CloudWatch's embedded metric format, of which CloudWatch
-- Logs makes metrics: a line a minute, and more whenever a hundred jobs have ended. First the
-- names that watchbot's template has always used (WorkerErrors...), for its alarms, then the whole
-- table: a counter as what it rose by, and left out where it did not, for CloudWatch charges for
-- each metric that has a value.
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
-- CloudWatch_Embedded_Metric_Format_Specification.html

local json = require "watchbot.lib.json"
local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"

-- Seconds between two flushes at most, and at least.
local APART, PAUSE = 60, 0.2

-- CloudWatch's limits: of a line the metrics, and of a metric the values in it. More values of a
-- metric go to further lines, up to this many of one flush.
local MOST_METRICS, MOST_VALUES, MOST_SAMPLES = 100, 100, 10000

local UNITS = { seconds = "Seconds", bytes = "Bytes", [""] = "Count" }

---@class watchbot.EmfOptions
---@field namespace string CloudWatch's
---@field service string value of the only dimension, `Service`
---@field write fun(line: string)
---@field errors fun(): integer lines of errors that were logged
---@field response fun(message: watchbot.Message): integer? milliseconds since a message was sent

---@class watchbot.Emf
local Emf = {}
Emf.__index = Emf

local emf = {}

local function no_samples()
  return { duration = {}, response = {}, receives = {}, pending = {}, unplaced = 0 }
end

-- Exact values of the jobs that have ended since the last line.
function Emf:observe(jobs)
  local function add(name, value)
    local list = self.samples[name]
    if value and #list < MOST_SAMPLES then list[#list + 1] = value end
  end
  jobs:observe {
    unplaced = function() self.samples.unplaced = self.samples.unplaced + 1 end,
    gone = function(entry)
      if not entry.cause then return end
      local exit = entry.exit or {}
      add("duration", exit.duration and exit.duration * 1000)
      add("response", self.options.response(entry.message))
      add("receives", entry.message.receives)
      add("pending", exit.pending and exit.pending / 1000)
      if #self.samples.receives == MOST_VALUES then self.full:set() end
    end,
  }
end

---@param measured watchbot.Metrics
---@param options watchbot.EmfOptions
---@return watchbot.Emf
function emf.new(measured, options)
  local self = own({
    measured = measured, options = options, samples = no_samples(), full = scheduler.event(),
    before = {}, errors = options.errors(),
  }, Emf)
  for _, queue in ipairs(measured.queues) do self:observe(queue.jobs) end
  return self
end

-- "watchbot_jobs_total" with the outcome "complete" is "jobs_complete". Several queues have one
-- value: => name, queue
local function name_of(family, series)
  local name, queue = family.name:gsub("^watchbot_", ""):gsub("_total$", ""), ""
  for _, label in ipairs(series.labels) do
    if label[1] == "queue" then queue = label[2] else name = name .. "_" .. label[2] end
  end
  return name, queue
end

-- The values of several queues.
local function together(family, a, b)
  if a == nil or b == nil then return a or b end
  if type(a) == "table" then return table.move(b, 1, math.min(#b, MOST_SAMPLES - #a), #a + 1, a) end
  return family.together and family.together(a, b) or a + b
end

-- The values of a histogram's bounds: of more than a flush takes, as many of each as is its share.
local function values_of(series, before)
  local values, total, seen = {}, series.count - (before and before.count or 0), 0
  local most = math.min(total, MOST_SAMPLES)
  for index, count in ipairs(series.counts) do
    seen = seen + count - (before and before.counts[index] or 0)
    local bound = math.min(series.bounds[index], series.bounds[#series.bounds - 1])
    while total > 0 and #values < seen * most // total do values[#values + 1] = bound end
  end
  return #values > 0 and values or nil
end

-- What a series says now, by what it said before.
local function value_of(family, series, before)
  if family.kind == "histogram" then return values_of(series, before) end
  if family.kind == "gauge" then return series.value end
  local rise = series.value - (before and before.value or 0)
  return rise > 0 and rise or nil
end

-- The table: { name, unit, value }..., and all by name.
function Emf:table_of(snapshot)
  local list, rises, before = {}, {}, {}
  for _, family in ipairs(snapshot) do
    local names = {}
    for _, series in ipairs(family) do
      local name, queue = name_of(family, series)
      local key = name .. "\0" .. queue
      names[#names + 1] = not before[name] and name or nil
      rises[name] = together(family, rises[name], value_of(family, series, self.before[key]))
      before[name], before[key] = true, series
    end
    for _, name in ipairs(family.name == "watchbot_info" and {} or names) do
      if rises[name] then list[#list + 1] = { name, UNITS[family.unit], rises[name] } end
    end
  end
  self.before = before
  return list, rises
end

-- The names of the template.
function Emf:named(rises)
  local samples, errors = self.samples, self.options.errors()
  local function rise(name) return rises[name] or 0 end
  local failed = rise "jobs_retry" + rise "jobs_reject" + rise "jobs_bury"
  local list = {
    { "WorkerErrors", "Count", failed - rise "job_ends_stopped" - rise "job_ends_left" },
    { "RejectedMessages", "Count", rise "jobs_reject" },
    { "BuriedMessages", "Count", rise "jobs_bury" },
    { "NoTaskStarts", "Count", rise "breaker_open" },
    { "WorkersStarted", "Count", rise "jobs_started" },
    { "WorkersFinished", "Count", failed + rise "jobs_complete" + rise "jobs_release" },
    { "FailedWorkerPlacement", "Count", samples.unplaced },
    { "WatcherConcurrency", "Count", rise "slots_used" },
    { "WatcherErrors", "Count", errors - self.errors },
    { "NotReady", "Count", 1 - rise "ready" },
    { "WorkerDuration", "Milliseconds", samples.duration },
    { "ResponseDuration", "Milliseconds", samples.response },
    { "MessageReceives", "Count", samples.receives },
    { "WorkerPending", "Seconds", samples.pending },
  }
  self.errors = errors
  return list
end

-- One line of some metrics.
local function line_of(metrics, time, options)
  local directives, members = {}, { "Service", options.service }
  for _, metric in ipairs(metrics) do
    directives[#directives + 1] = { Name = metric[1], Unit = metric[2] }
    members[#members + 1], members[#members + 2] = metric[1], metric[3]
  end
  return json.members("_aws", {
    Timestamp = time,
    CloudWatchMetrics = {
      { Namespace = options.namespace, Dimensions = { { "Service" } }, Metrics = directives },
    },
  }, table.unpack(members))
end

-- The metrics of one line after another: a metric with more values than a line takes is in several
-- lines, the others are in one, for CloudWatch adds up what it finds.
local function lines_of(metrics)
  local lines, line, rest = {}, {}, metrics
  local function add(metric)
    line[#line + 1] = metric
    if #line == MOST_METRICS then lines[#lines + 1], line = line, {} end
  end
  while #rest > 0 do
    local later = {}
    for _, metric in ipairs(rest) do
      local name, unit, value = table.unpack(metric)
      if type(value) ~= "table" or #value <= MOST_VALUES then
        if type(value) ~= "table" or #value > 0 then add(metric) end
      else
        add { name, unit, table.move(value, 1, MOST_VALUES, 1, {}) }
        later[#later + 1] = { name, unit, table.move(value, MOST_VALUES + 1, #value, 1, {}) }
      end
    end
    -- A line has a metric once.
    if #line > 0 then lines[#lines + 1], line = line, {} end
    rest = later
  end
  return lines
end

--- Writes what there is to say since the last flush. Waits in a task, a second at most.
function Emf:flush()
  local snapshot = self.measured:snapshot()
  local list, rises = self:table_of(snapshot)
  local all = self:named(rises)
  self.samples = no_samples()
  self.full:clear()
  table.move(list, 1, #list, #all + 1, all)
  for _, metrics in ipairs(lines_of(all)) do
    self.options.write(line_of(metrics, snapshot.time, self.options))
  end
end

--- Writes lines until the task is canceled.
function Emf:run()
  while true do
    self.full:wait(APART)
    self:flush()
    scheduler.sleep(PAUSE)
  end
end

return emf
