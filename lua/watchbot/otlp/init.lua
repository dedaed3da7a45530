--- otlp: exports the spans and metrics of a watcher by OTLP over HTTP, as OpenTelemetry's variables
-- in the environment say. Without them nothing of it runs.
--
--     local exporter = otlp.open(os.getenv, journal)           -- nil: nothing is exported
--     exporter:observe(jobs, queue)                            -- of each queue
--     exporter:start(supervise)
--     exporter:close()                                         -- waits in a task

local batches = require "watchbot.otlp.batches"
local encode = require "watchbot.otlp.encode"
local own = require "watchbot.lib.own"
local resource = require "watchbot.otlp.resource"
local scheduler = require "watchbot.scheduler"
local sender = require "watchbot.otlp.sender"
local settings = require "watchbot.otlp.settings"
local spans = require "watchbot.otlp.spans"
local version = require "watchbot.version"

-- Seconds that the last export may take when the watcher ends.
local LAST_EXPORT = 5

---@class watchbot.Otlp
---@field settings watchbot.OtlpSettings
---@field snapshot (fun(): watchbot.Snapshot)? what measures, see watchbot.metrics
local Otlp = {}
Otlp.__index = Otlp

local otlp = {}

function Otlp:report(err, code, dropped)
  self.journal:warning(nil, "error", err, "code", code,
    "dropped", dropped > 0 and dropped or nil, "where", "otlp")
end

-- A sender for one signal; nil where it is not exported.
function Otlp:sender(target, what)
  if not target then return nil end
  local made, err, code = sender.new(target, what, function(...) self:report(...) end)
  if not made then
    self:report(("%s are not exported: %s"):format(what, err), code, 0)
  end
  return made
end

function Otlp:open_batches()
  local found = self.settings
  local made = self:sender(found.traces, "spans")
  if not made then return end
  local before, behind = encode.spans(self.resource, version)
  self.batches = batches.new(made, {
    before = before, behind = behind, size = found.batch_size, most = found.queue_size,
    delay = found.delay,
  })
end

--- Reads the environment. Invalid settings are logged.
---@param getenv fun(name: string): string?
---@param journal watchbot.Journal
---@return watchbot.Otlp? exporter nil: nothing is exported
function otlp.open(getenv, journal)
  local found, problems = settings.read(getenv)
  for _, problem in ipairs(problems) do journal:warning(nil, "warning", problem) end
  if not found then return nil end
  local self = own({
    journal = journal, settings = found, resource = resource(found.resource), tasks = {},
  }, Otlp)
  self:open_batches()
  local metrics_sender = self:sender(found.metrics, "metrics")
  if metrics_sender and metrics_sender.signer then
    self:report("metrics are not exported: AWS X-Ray takes spans only", "Usage", 0)
    metrics_sender = nil
  end
  self.metrics_sender = metrics_sender
  return self
end

--- Creates the spans of all jobs from their stages, if spans are exported.
---@param jobs watchbot.Jobs
---@param queue string URL
function Otlp:observe(jobs, queue)
  if not self.batches then return end
  local made = spans.new(queue, self.settings.sample, self.batches)
  jobs:observe(made:observer(function(err)
    self.batches.sender:lose("a span was not made: " .. tostring(err), "Internal", 1)
  end))
end

--- Whether metrics are exported.
---@return boolean
function Otlp:wants_metrics()
  return self.metrics_sender ~= nil
end

-- Sends the current metrics.
function Otlp:export_metrics()
  local body = encode.metrics(self.snapshot(), self.resource, version)
  if not body then return end
  -- The next values hold these: what failed is not sent again.
  local done = self.metrics_sender:send(body, 1)
  if not done then self.metrics_sender.dropped = self.metrics_sender.dropped + 1 end
  self.metrics_sender:say()
end

--- Starts the tasks that export.
---@param supervise fun(name: string, body: function, ...): watchbot.Supervised
---@param snapshot (fun(): watchbot.Snapshot)? what measures, see watchbot.metrics
function Otlp:start(supervise, snapshot)
  self.snapshot = snapshot
  if self.batches then
    self.tasks.spans = supervise("otlp spans", self.batches.run, self.batches)
  end
  if not self.metrics_sender or not snapshot then return end
  self.tasks.metrics = supervise("otlp metrics", function()
    while true do
      scheduler.sleep(self.settings.interval)
      self:export_metrics()
    end
  end)
end

--- Exports the rest, within a time limit. Waits in a task.
function Otlp:close()
  local until_time = scheduler.now() + LAST_EXPORT
  if self.tasks.metrics then
    self.tasks.metrics:cancel "the watcher ends"
    pcall(scheduler.limit, LAST_EXPORT / 2, "the watcher ends", self.export_metrics, self)
    self.metrics_sender:say(true)
  end
  if self.tasks.spans then
    self.batches:close(self.tasks.spans, math.max(0.1, until_time - scheduler.now()))
  end
end

return otlp
