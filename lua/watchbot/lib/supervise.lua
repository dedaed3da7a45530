--- supervise: restarts a long-running task when it fails.
-- The error of a failed body is reported with its name and traceback, and the body starts again
-- after a pause that grows while it keeps failing. Every long-lived task of the watcher is
-- supervised.

local scheduler = require "watchbot.scheduler"

-- Seconds before the body starts again, doubled with each failure; after a run longer than the
-- longest pause, the next pause is the first one again.
local FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60

---@class watchbot.Supervised
---@field name string
---@field failures integer failures in a row
---@field over watchbot.Event? once it is set, a body that fails does not start again
local Supervised = {}
Supervised.__index = Supervised

local function failed(self, err, seconds)
  self.failures = seconds > LONGEST_PAUSE and 1 or self.failures + 1
  local pause = math.min(FIRST_PAUSE * 2 ^ (self.failures - 1), LONGEST_PAUSE)
  -- A failing report must not end the task that it reports about.
  pcall(self.report, self.name, tostring(err), pause)
  return pause
end

-- The body starts once more when `over` is set in a pause: it may have something to finish.
local function pause_for(self, seconds)
  if self.over then self.over:wait(seconds) else scheduler.sleep(seconds) end
end

local function run(self, body, ...)
  while not self.cancelled do
    local began = scheduler.now()
    local ok, err = xpcall(body, debug.traceback, ...)
    if ok or self.cancelled then return end
    local pause = failed(self, err, scheduler.now() - began)
    if self.over and self.over:is_set() then return end
    pcall(pause_for, self, pause * (0.5 + math.random() / 2))
  end
end

--- Starts `body(...)` in a task. It ends when the body returns, or by `cancel`.
---@param name string its name in reports
---@param report fun(name: string, err: string, pause: number) called for each failure: an error
--- with
--- its traceback, and the seconds until the body starts again
---@param body function
---@param ... any arguments of the body
---@return watchbot.Supervised
local function supervise(name, report, body, ...)
  local self = setmetatable({ name = name, report = report, failures = 0 }, Supervised)
  self.task = scheduler.spawn(run, self, body, ...)
  return self
end

--- Lets the body end with an event: then a pause ends at once, and a failure is the end.
---@param event watchbot.Event
---@return watchbot.Supervised
function Supervised:ends_with(event)
  self.over = event
  return self
end

--- Ends the body at its current or next wait; it does not start again.
---@param reason any raised in the body
function Supervised:cancel(reason)
  self.cancelled = true
  self.task:cancel(reason or ("'%s' was canceled"):format(self.name))
end

--- Waits for the end, see watchbot.Task.
---@param seconds number?
---@return boolean?
function Supervised:join(seconds)
  return self.task:join(seconds)
end

--- Whether it has ended.
---@return boolean
function Supervised:ended()
  return self.task:ended()
end

return supervise
