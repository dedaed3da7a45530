--- app: puts a policy, its queue, its runner and the log together into a watcher that runs.

local scheduler = require "watchbot.scheduler"
local journal = require "watchbot.journal"
local log = require "watchbot.log"
local queues = require "watchbot.queue"
local runners = require "watchbot.runner"
local watcher = require "watchbot.watcher"

-- Seconds that the last log lines may take to be written when the reader is slow.
local LAST_LINES = 5

-- Seconds between two touches of the health file: often enough for any health check, too rare to cost anything.
local HEALTH_INTERVAL = 1

---@class watchbot.App
local App = {}
App.__index = App

local app = {}

---@class watchbot.AppOptions
---@field until_empty boolean? end when the queue is empty
---@field health string? a file that is touched every second while the loop turns; default: the policy's `health`
---@field output integer? the file descriptor of the log, 1
---@field form "listen"? of the log's lines

--- Whether what the watcher will do all the time is allowed, where that can be told beforehand.
local function check(queue, policy)
  if queue.check then
    local ok, message, code = queue:check()
    if not ok then return nil, message, code end
  end
  local notifier, message, code = policy:notifier()
  if notifier then return notifier:check() end
  return not message or nil, message, code
end

--- Opens what the policy names. Waits in a task.
---@param policy table
---@param options watchbot.AppOptions?
---@return watchbot.App?
---@return string? message
---@return string? code "Usage" when the policy itself is at fault
function app.open(policy, options)
  options = options or {}
  local ok, problem = policy:complete()
  if not ok then return nil, problem, "Usage" end
  local sink, message, code = log.open(options.output or 1, policy.log)
  if not sink then return nil, message, code end
  local self = setmetatable({ policy = policy, sink = sink, journal = journal.new(sink, options.form) }, App)
  local queue
  self.runner, message, code = runners.open(policy, sink, self.journal)
  if not self.runner then return nil, message, code end
  queue, message, code = queues.open(policy.queue, {
    max_receives = policy.max_receives, retention = policy.retention, visibility = policy.visibility,
    on_expired = function(count) self.journal:warning(nil, "event", "messages expired", "count", count) end,
    on_corrupt = function(id) self.journal:error(id, "error", "the message does not match its MD5, it is not run") end,
  })
  if not queue then return nil, message, code end
  if queue.warning then self.journal:warning(nil, "warning", queue.warning) end
  ok, message, code = check(queue, policy)
  if not ok then return nil, message, code end
  self.watcher = watcher.new(policy, {
    queue = queue, runner = self.runner, journal = self.journal, until_empty = options.until_empty,
  })
  self.health = options.health or policy.health
  return self
end

--- Touches the health file; says once when that does not work.
function App:touch()
  local file, message = io.open(self.health, "w")
  if file then
    file:write(scheduler.iso_date(scheduler.time()), "\n")
    file:close()
  elseif not self.health_failed then
    self.health_failed = true
    self.journal:error(nil, "error", message, "where", "health")
  end
end

--- Runs the watcher to its end. Waits in a task.
function App:run()
  local health
  if self.health then
    self:touch()
    health = scheduler.every(HEALTH_INTERVAL, self.touch, self)
  end
  self.watcher:run()
  if health then health:cancel() end
  if self.runner.close then self.runner:close() end
  self.sink:drain(LAST_LINES)
end

--- Begins the end, see Watcher:stop.
function App:stop()
  self.watcher:stop()
end

--- Ends at once: what runs is killed, and its messages go back to the queue.
function App:abort()
  self.watcher:abort()
end

--- Swaps the policy's hooks; what does not fit is refused and logged, and the old ones stay.
---@param policy table? the new policy
---@param problem string? why there is none
function App:reload(policy, problem)
  local ok
  if policy then ok, problem = self.watcher:reload(policy) end
  if ok then
    self.journal:info(nil, "event", "policy reloaded")
  else
    self.journal:error(nil, "error", "the policy was not reloaded, the old one stays: " .. tostring(problem))
  end
end

return app
