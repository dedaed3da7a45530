--- app: assembles a policy, its queue, its runner and the log into a running watcher.

local scheduler = require "watchbot.scheduler"
local health = require "watchbot.watcher.health"
local journal = require "watchbot.journal"
local identity = require "watchbot.policy.identity"
local instruments = require "watchbot.watcher.instruments"
local log = require "watchbot.log"
local supervisor = require "watchbot.watcher.supervisor"
local policy_kind = require("watchbot.policy").kind
local compatible = require("watchbot.policy").compatible
local opening = require "watchbot.watcher.opening"
local several = require "watchbot.watcher.several"
local watcher = require "watchbot.watcher"

-- Seconds to write the last log lines when the reader is slow.
local LAST_LINES = 5

-- Seconds between two updates of the health file: often enough for any health check, and cheap.
local HEALTH_INTERVAL = 1

---@class watchbot.App
local App = {}
App.__index = App

local app = {}

---@class watchbot.AppOptions
---@field until_empty boolean? end when the queue is empty
---@field health string? a file that is written every second while the loop runs, see
--- watcher/health.lua; default: the policy's `health`
---@field supervised boolean? the watcher is the whole program, and reports to a service manager
---@field output integer? the file descriptor of the log, 1
---@field form "listen"? of the log's lines
---@field printed watchbot.Printed? receives the lines that the policy prints

-- A topic that does not respond now is no reason to delay messages.
function App:check_topic(policy)
  local notifier, err, code = policy:notifier()
  if not notifier then return not err or nil, err, code end
  local ok, passing
  ok, err, code, passing = notifier:check()
  if ok then return true end
  if not passing then return nil, err, code end
  self.journal:warning(nil, "warning", "the notification topic could not be checked: " .. err,
    "code", code)
  return true
end

--- Publishes summaries of notifications after their jobs have ended.
function App:hear_of_notifications(policy)
  policy:on_notification_failure(function(err, code)
    self.journal:warning(nil, "error", "no notification was sent: " .. err, "code", code,
      "where", "notify")
  end)
end

-- The watcher, or those of several queues, and what is visible of them.
function App:watch(policy, parts, options)
  self.parts = parts
  self:hear_of_notifications(policy)
  local part = parts[1]
  for _, one in ipairs(parts) do
    if one.runner.attach then one.runner:attach(one.queue) end
  end
  if part.name then
    self.watcher = several.new(policy, parts, {
      journal = self.journal, until_empty = options.until_empty,
    })
  else
    self.watcher = watcher.new(policy, {
      queue = part.queue, runner = part.runner, journal = self.journal,
      unreached = part.unreached, until_empty = options.until_empty,
    })
  end
  self.instruments = instruments.new(self.watcher, self.sink, parts)
  local ok, err, code = self.instruments:listen(policy)
  if not ok then return nil, err, code end
  self.instruments:export(os.getenv, policy)
  return true
end

--- Opens the policy's queues, runners and log. Waits in a task.
---@param policy table
---@param options watchbot.AppOptions?
---@return watchbot.App?
---@return string? err
---@return string? code "Usage" if the policy itself is wrong
function app.open(policy, options)
  options = options or {}
  local ok, problem = policy:complete()
  if not ok then return nil, problem, "Usage" end
  local version = identity.of(policy)
  policy = opening.single(policy)
  local sink, err, code = log.open(options.output or 1, policy.log)
  if not sink then return nil, err, code end
  if options.printed then options.printed:open(sink) end
  local form = options.form or (policy_kind(policy) == "ecs" and "task") or nil
  local self = setmetatable({ policy = policy, sink = sink, journal = journal.new(sink, form) },
    App)
  self.journal:show_messages(policy.log_messages)
  self.journal:identify(version)
  local parts
  parts, err, code = opening.open(policy, sink, self.journal, options.until_empty)
  if not parts then return nil, err, code end
  ok, err, code = self:check_topic(policy)
  if ok then ok, err, code = self:watch(policy, parts, options) end
  if not ok then
    opening.close(parts)
    return nil, err, code
  end
  local path = options.health or policy.health
  self.health = path and health.new(path, self.instruments.readiness)
  self.supervisor = options.supervised and supervisor.find() or nil
  return self
end

--- Writes the health file; logs once if that fails.
function App:touch()
  local ok, err, code = self.health:write()
  if ok or self.health_failed then return end
  self.health_failed = true
  self.journal:error(nil, "error", err, "code", code, "where", "health")
end

--- Reports the state to the service manager; logs once if that fails.
function App:notify()
  local ok, err, code = self.supervisor:tell(self.watcher)
  if ok or self.supervisor_failed then return end
  self.supervisor_failed = true
  self.journal:error(nil, "error", err, "code", code, "where", "systemd")
end

-- Calls a method at once, and again after each pause, until it is canceled.
function App:repeat_every(name, seconds, method)
  return self.watcher:supervise(name, function()
    while true do
      method(self)
      scheduler.sleep(seconds)
    end
  end)
end

--- Runs the watcher to its end. Waits in a task.
---@return true? ok
---@return string? err
---@return string? code "NotAllowed"
function App:run()
  local touching = self.health and self:repeat_every("health", HEALTH_INTERVAL, self.touch)
  local reporting = self.supervisor
    and self:repeat_every("systemd", self.supervisor.interval, self.notify)
  self.instruments:start()
  local ok, err, code = self.watcher:run()
  self.instruments:close()
  if touching then touching:cancel() end
  if reporting then reporting:cancel() end
  opening.close_runners(self.parts)
  self.sink:drain(LAST_LINES)
  return ok, err, code
end

--- Whether the watcher has ended because the queue was empty.
---@return boolean
function App:emptied()
  return self.watcher:emptied()
end

--- Why the watcher has given up an `until_empty`: no task can be started.
---@return string?
function App:gave_up() return self.watcher:why_given_up() end

--- Begins to stop, see Watcher:stop.
function App:stop()
  self.watcher:stop()
  if self.supervisor then self:notify() end
end

--- Ends at once: running tasks are killed, and their messages returned to the queue.
function App:abort()
  self.watcher:abort()
end

-- All of a policy, or nothing of it: an address that is in use keeps the old policy.
function App:swap(policy)
  local same = compatible(self.watcher.hooks.policy, policy)
  if same ~= true then return nil, same end
  local ok, problem = self.instruments:listen(policy)
  if not ok then return nil, problem end
  return self.watcher:reload(policy)
end

--- Replaces the policy's hooks; a policy that does not fit is refused and logged, and the old hooks
--- stay.
---@param policy table? the new policy
---@param problem string? why it could not be loaded
function App:reload(policy, problem)
  local ok, version, before = nil, nil, self.journal.identity
  if policy then
    version, policy = identity.of(policy), opening.single(policy)
    ok, problem = self:swap(policy)
  end
  if ok then
    self:hear_of_notifications(policy)
    self.journal:show_messages(policy.log_messages)
    self.journal:identify(version)
    self.journal:info(nil, "event", "policy reloaded", "policy", version, "before", before)
  else
    self.journal:error(nil, "error",
      "the policy was not reloaded, the old one stays: " .. tostring(problem), "policy", before)
  end
end

return app
