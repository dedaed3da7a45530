-- Lines of CloudWatch's embedded metric format, checked by the rules of its page:
-- https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
-- CloudWatch_Embedded_Metric_Format_Specification.html
local emf = require "watchbot.metrics.emf"
local json = require "watchbot.lib.json"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local UNITS = { Count = true, Seconds = true, Milliseconds = true, Bytes = true }

local function check_value(value, name)
  if type(value) == "table" then
    assert.is_true(#value >= 1 and #value <= 100, name)
    for _, one in ipairs(value) do assert.is_number(one, name) end
  else
    assert.is_number(value, name)
  end
end

-- Checks a document by the specification; returns its members.
local function checked(line)
  local document = assert(json.decode(line))
  local about = document._aws
  assert.are.equal("integer", math.type(about.Timestamp))
  assert.are.equal(1, #about.CloudWatchMetrics)
  local directive = about.CloudWatchMetrics[1]
  assert.is_true(#directive.Namespace >= 1 and #directive.Namespace <= 255)
  assert.are.same({ { "Service" } }, directive.Dimensions)
  assert.is_string(document.Service)
  assert.is_true(#directive.Metrics >= 1 and #directive.Metrics <= 100)
  local seen = {}
  for _, metric in ipairs(directive.Metrics) do
    assert.is_nil(seen[metric.Name], metric.Name)
    seen[metric.Name] = true
    assert.is_true(UNITS[metric.Unit], metric.Name)
    check_value(document[metric.Name], metric.Name)
  end
  return document
end

-- Metrics whose snapshot a test makes.
local function measured(snapshots)
  local index, observers = 0, {}
  return {
    queues = { { jobs = { observe = function(_, given) observers = given end } } },
    snapshot = function()
      index = index + 1
      local snapshot = snapshots[math.min(index, #snapshots)]
      snapshot.time = 1000 * index
      return snapshot
    end,
  }, function() return observers end
end

local function emf_of(snapshots)
  local lines, errors = {}, { count = 3 }
  local source, observers = measured(snapshots)
  local one = emf.new(source, {
    namespace = "Watchbot", service = "jobs", write = function(line) lines[#lines + 1] = line end,
    errors = function() return errors.count end, response = function() return 250 end,
  })
  return one, lines, observers(), errors
end

local function counter(name, value, label)
  return { name = name, kind = "counter", unit = "", help = "", {
    labels = label and { { "outcome", label } } or {}, value = value,
  } }
end

local function in_task(body) return function() scheduler.run(body) end end

-- The values of a metric in all lines.
local function all_of(lines, name)
  local values = {}
  for _, line in ipairs(lines) do
    local value = checked(line)[name]
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      values[#values + 1] = one
    end
  end
  return values
end

describe("the embedded metric format", function()
  it("has what a counter rose by, and nothing where it did not", in_task(function()
    local one, lines, _, errors = emf_of {
      { counter("watchbot_jobs_total", 5, "retry") },
      { counter("watchbot_jobs_total", 7, "retry") },
    }
    one:flush()
    errors.count = 4
    one:flush()
    one:flush()
    assert.are.equal(3, #lines)
    assert.are.same({ 5, 5, 0 },
      { checked(lines[1]).jobs_retry, checked(lines[1]).WorkerErrors,
        checked(lines[1]).WatcherErrors })
    assert.are.same({ 2, 1 }, { checked(lines[2]).jobs_retry, checked(lines[2]).WatcherErrors })
    assert.is_nil(checked(lines[3]).jobs_retry)
    assert.are.equal(0, checked(lines[3]).WorkerErrors)
  end))

  it("has exact durations of jobs, and a line as soon as a hundred are there", in_task(function()
    local one, lines, observers = emf_of { {} }
    local task = scheduler.spawn(one.run, one)
    for index = 1, 100 do
      observers.gone { cause = "ended", exit = { duration = index / 1000 },
        message = { receives = 2 } }
    end
    observers.gone { message = {} }
    observers.unplaced()
    workshop.eventually(function() return lines[1] end, "there is a line")
    task:cancel()
    local document = checked(lines[1])
    assert.are.equal(100, #document.WorkerDuration)
    assert.is_true(math.abs(document.WorkerDuration[100] - 100) < 1e-6)
    assert.are.same({ 250, 2, 1 }, { document.ResponseDuration[1], document.MessageReceives[1],
      document.FailedWorkerPlacement })
    assert.is_nil(document.WorkerPending)
  end))

  -- A list of 100 was filled up by shares: CloudWatch's counts and sums were too small.
  it("has all values of a histogram, a hundred in a line, and a hundred metrics of a line",
    in_task(function()
    local snapshot = { { name = "watchbot_x_seconds", kind = "histogram", unit = "seconds",
      help = "", { labels = {}, bounds = { 1, 2, math.huge }, counts = { 500, 400, 100 },
        count = 1000, sum = 1500 } } }
    for index = 1, 150 do snapshot[index + 1] = counter("watchbot_c" .. index .. "_total", 1) end
    local one, lines = emf_of { snapshot }
    one:flush()
    assert.are.equal(11, #lines)
    local counts = { 0, 0 }
    for _, value in ipairs(all_of(lines, "x_seconds")) do counts[value] = counts[value] + 1 end
    assert.are.same({ 500, 500 }, counts)
    for _, name in ipairs { "c1", "c150", "WorkerErrors" } do
      assert.are.equal(1, #all_of(lines, name), name)
    end
  end))

  it("has every job of a flush, and shares of more than its lines take", in_task(function()
    local one, lines, observers = emf_of { { { name = "watchbot_x_seconds", kind = "histogram",
      unit = "seconds", help = "", { labels = {}, bounds = { 1, math.huge },
        counts = { 30000, 10000 }, count = 40000, sum = 1 } } } }
    for index = 1, 250 do
      observers.gone { cause = "ended", exit = { duration = index }, message = { receives = 1 } }
    end
    one:flush()
    local durations = all_of(lines, "WorkerDuration")
    assert.are.same({ 250, 1000, 250000 }, { #durations, durations[1], durations[250] })
    assert.are.equal(10000, #all_of(lines, "x_seconds"))
    assert.are.equal(100, #lines)
  end))
end)

describe("a watcher with metrics = 'emf'", function()
  -- CloudWatch takes only events that are a JSON object and nothing else.
  for _, form in ipairs { "text", "json" } do
    it("writes whole lines, in a log of " .. form, workshop.task(function(folder)
      folder:write("policy.lua", ([[return require "watchbot".policy {
        queue = "sqlite:jobs.db", metrics = "emf", log = %q,
        handler = function(job) if job.message == "bad" then error "no" end end,
      }]]):format(form))
      workshop.send(folder, { "good", "bad", "good" })
      local child = workshop.start(folder, { "run", "policy.lua" })
      workshop.eventually(function()
        return select(2, child:output():gsub('"outcome"', "")) == 3
      end, "the jobs are over")
      child:kill "TERM"
      assert(child:wait(workshop.PATIENCE))
      local lines = {}
      for line in child:output():gmatch '[^\n]*"_aws"[^\n]*' do lines[#lines + 1] = line end
      assert.are.equal(1, #lines)
      local document = checked(lines[1])
      assert.are.same({ 3, 3, 1, 2, 0 }, { document.WorkersStarted, document.WorkersFinished,
        document.WorkerErrors, document.jobs_complete, document.NotReady })
      assert.are.equal("jobs.db", document.Service)
      assert.are.equal(3, #document.WorkerDuration)
    end))
  end

  -- The alarms of a template know one value: of several queues it was that of none.
  it("has one value for several queues", function()
    local function of(name, kind, how, ...)
      local family = { name = name, kind = kind, unit = "", help = "", together = how }
      for index, value in ipairs { ... } do
        family[index] = { value = value, labels = { { "queue", "q" .. index },
          kind == "counter" and { "outcome", "retry" } or nil } }
      end
      return family
    end
    local one, lines = emf_of {
      { of("watchbot_jobs_total", "counter", nil, 2, 1),
        of("watchbot_ready", "gauge", math.min, 1, 0),
        of("watchbot_slots_used", "gauge", nil, 3, 4) },
      { of("watchbot_jobs_total", "counter", nil, 2, 6),
        of("watchbot_ready", "gauge", math.min, 1, 1),
        of("watchbot_slots_used", "gauge", nil, 0, 1) },
    }
    one:flush()
    one:flush()
    local found = {}
    for index, line in ipairs(lines) do
      local members = json.decode(line)
      found[index] = { members.WorkerErrors, members.NotReady, members.WatcherConcurrency,
        members.jobs_retry, members.slots_used }
    end
    assert.are.same({ { 3, 1, 7, 3, 7 }, { 5, 0, 1, 5, 1 } }, found)
  end)
end)
