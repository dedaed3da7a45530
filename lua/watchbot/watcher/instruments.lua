--- instruments: what is visible of a watcher from outside: whether its queue responds, its metrics,
-- the address at which both are read, and the export to a collector. Metrics and spans are only
-- collected while something reads them.

local blame = require "watchbot.watcher.blame"
local named = require "watchbot.otlp.named"
local own = require "watchbot.lib.own"
local readiness = require "watchbot.watcher.readiness"
local scheduler = require "watchbot.scheduler"
local sorted = require "watchbot.lib.sorted"

-- Loaded on demand: most watchers start without them.
local function endpoint() return require "watchbot.metrics.endpoint" end
local function metrics() return require "watchbot.metrics" end
local function otlp() return require "watchbot.otlp" end
local function emf() return require "watchbot.metrics.emf" end
local function viewing() return require "watchbot.watcher.viewing" end

-- Seconds between two looks at readiness, for the log.
local LOOK = 10

---@class watchbot.Instruments
---@field readiness watchbot.Readiness
---@field metrics watchbot.Metrics? see `measure`
---@field exporter watchbot.Otlp? see `export`
local Instruments = {}
Instruments.__index = Instruments

local instruments = {}

local function readiness_of(watcher, part)
  local checked = { answered = not part.unreached and scheduler.boottime() or nil }
  return readiness.new(watcher.queue.name, watcher.intake,
    { watcher.settle, watcher.pauses, checked })
end

---@param watcher watchbot.Watcher|watchbot.Several
---@param sink table the log
---@param parts watchbot.QueueParts[] of its queues
---@return watchbot.Instruments
function instruments.new(watcher, sink, parts)
  local queues = {}
  for index, one in ipairs(watcher.all or { watcher }) do
    local part = parts[index]
    queues[index] = { name = part.name, watcher = one, readiness = readiness_of(one, part) }
  end
  return own({
    watcher = watcher, sink = sink, queues = queues,
    readiness = watcher.all and readiness.of_queues(queues) or queues[1].readiness,
  }, Instruments)
end

local function parts_of(one)
  local watcher = one.watcher
  return {
    jobs = watcher.jobs, tally = watcher.tally, leases = watcher.leases, phase = watcher.phase,
    breaker = watcher.breaker, pauses = watcher.pauses, notices = watcher.notices,
    queue = watcher.queue, runner = watcher.runner, readiness = one.readiness,
    causes = sorted.keys(blame.causes), name = one.name,
  }
end

--- The metrics of the watcher; the first call starts them.
---@return watchbot.Metrics
function Instruments:measure()
  if self.metrics then return self.metrics end
  local all, watcher = {}, self.watcher
  for index, one in ipairs(self.queues) do all[index] = parts_of(one) end
  self.metrics = metrics().new({
    jobs = watcher.jobs, phase = watcher.phase, sink = self.sink,
    slots = function() return watcher:slots() end, journal = watcher.journal,
  }, all)
  return self.metrics
end

-- => endpoint | nil err code closed ; one whose port the old one has takes its place
local function open_beside(old, listen, with_console)
  local opened, err, code, port = endpoint().open(listen, with_console)
  if opened or code ~= "EADDRINUSE" or not old or old.port ~= port then
    return opened, err, code, false
  end
  old:close()
  opened, err, code = endpoint().open(listen, with_console)
  return opened, err, code, true
end

function Instruments:serve(opened)
  local journal = self.watcher.journal
  self.endpoint = opened
  opened:serve {
    metrics = self:measure(), readiness = self.readiness, console = self.console,
    supervise = function(...) return self.watcher:supervise(...) end,
  }
  journal:info(nil, "event", "listening", "address", opened.where)
  if self.console then viewing().announce(self.console, journal, opened.where) end
end

-- The policy's `console`, which stays as it is while the watcher runs.
function Instruments:view(policy, opened)
  if not policy.console or self.console then return true end
  local err, code
  self.console, err, code = viewing().open(self.watcher, self.queues, policy,
    opened:bound())
  if self.console then return true end
  opened:close()
  return nil, err, code
end

--- Listens at another address than before, or stops listening. An address that is not available
--- changes nothing.
---@param policy watchbot.Policy its fields `listen` and `console`
---@return true? ok
---@return string? err
---@return string? code an errno
function Instruments:listen(policy)
  local old, listen, pages = self.endpoint, policy.listen, policy.console and true or false
  if listen == (old and old.listen) then return true end
  if not listen then
    old:close()
    self.endpoint = nil
    return true
  end
  local opened, err, code, closed = open_beside(old, listen, pages)
  if not opened and closed then
    local again = endpoint().open(old.listen, pages)
    if again then self:serve(again) end
  end
  if not opened then return nil, err, code end
  local ok
  ok, err, code = self:view(policy, opened)
  if not ok then return nil, err, code end
  if old and not closed then old:close() end
  self:serve(opened)
  return true
end

-- The name of a queue, without where it is.
local function queue_name(url)
  return url:match "([^/:]+)/*$" or url
end

-- Writes the metrics to the log, where the policy wants that.
function Instruments:log_metrics(policy)
  if policy.metrics ~= "emf" then return end
  local journal = self.watcher.journal
  self.emf = emf().new(self:measure(), {
    namespace = policy.metrics_namespace,
    service = policy.metrics_service or policy.stack
      or queue_name(self.queues[1].watcher.queue.name),
    write = function(line) self.sink:raw(line) end,
    errors = function() return journal.errors end,
    response = function(message)
      return message.sent and math.max(0, scheduler.time() - message.sent)
    end,
  })
end

--- Exports spans and metrics, if the environment names a collector, and metrics to the log, if the
--- policy says so.
---@param getenv fun(name: string): string?
---@param policy watchbot.Policy
function Instruments:export(getenv, policy)
  self:log_metrics(policy)
  if not named(getenv) then return end
  local watcher = self.watcher
  self.exporter = otlp().open(getenv, watcher.journal)
  if not self.exporter then return end
  for _, one in ipairs(self.queues) do
    self.exporter:observe(one.watcher.jobs, one.watcher.queue.name)
  end
  if self.exporter.batches then watcher.journal:show_traces() end
  if self.exporter:wants_metrics() then self:measure() end
end

-- Logs when the watcher is not ready; the template's alarm `notReady` counts these lines.
function Instruments:follow_readiness()
  local journal = self.watcher.journal
  while true do
    scheduler.sleep(LOOK)
    local event, why, seconds = self.readiness:remark(scheduler.now())
    if event == "ready" then
      journal:info(nil, "event", event, "seconds", seconds // 1)
    elseif event then
      journal:warning(nil, "event", event, "reason", why, "seconds", seconds // 1)
    end
  end
end

--- Starts the tasks of what is exported or logged.
function Instruments:start()
  self.following = self.watcher:supervise("readiness", self.follow_readiness, self)
  if self.emf then self.emf_task = self.watcher:supervise("metrics", self.emf.run, self.emf) end
  if not self.exporter then return end
  self.exporter:start(function(...) return self.watcher:supervise(...) end,
    self.exporter:wants_metrics() and function() return self:measure():snapshot() end or nil)
end

--- Exports what is left, and ends the server and the metrics. Waits in a task.
function Instruments:close()
  if self.following then self.following:cancel "the watcher ends" end
  if self.emf_task then
    self.emf_task:cancel "the watcher ends"
    self.emf:flush()
  end
  if self.exporter then self.exporter:close() end
  if self.endpoint then self.endpoint:close() end
  if self.console then self.console:close() end
  if self.metrics then self.metrics:close() end
end

return instruments
