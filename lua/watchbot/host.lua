--- host: the functions of include/watchbot.h, called by src/embed.c. They run outside any task; the
-- host runs the event loop.
-- Handlers and hooks call `host.stop()`, because they must not call the C functions.

local scheduler = require "watchbot.scheduler"

local app = require "watchbot.watcher.app"
local load_file = require "watchbot.policy.load"

-- Seconds that returning the messages may take when closing.
local CLOSE_LIMIT = 5

---@class watchbot.Host
local Host = {}
Host.__index = Host

local host = {}

-- The host of this Lua state, at most one.
local current

---@return watchbot.Host
function host.new()
  current = setmetatable({}, Host)
  return current
end

--- Begins to stop the host's watcher, like watchbot_stop.
function host.stop()
  if not current then
    error("stop: no host: this program does not embed watchbot", 2)
  end
  current:stop()
end

--- Loads a policy; raises an error if it is wrong.
---@param path string
function Host:load(path)
  if self.task and not self.task:ended() then
    error("a watcher runs: stop it before another policy is loaded", 0)
  end
  -- No time is set: only watchbot_interrupt finds its way in.
  local policy, err = scheduler.run(scheduler.limit, math.huge, "interrupted", load_file.policy,
    path)
  if not policy then error(err, 0) end
  self.policy = policy
end

--- Starts the watcher, which runs while the host runs the loop.
function Host:start()
  if not self.policy then error("no policy is loaded: call watchbot_load first", 0) end
  self.task = scheduler.spawn(function()
    local opened, err = app.open(self.policy)
    if not opened then return err end
    self.app = opened
    if self.stopping then opened:stop() end
    local _, problem = opened:run()
    return problem
  end)
end

--- Whether the watcher has not been started, runs, or has ended; raises the error that ended it.
---@return "idle"|"running"|"ended"
function Host:state()
  if not self.task then return "idle" end
  if not self.task:ended() then return "running" end
  local ok, err = self.task:join()
  self.task, self.app, self.stopping = nil, nil, false
  if not ok or err then error(err, 0) end
  return "ended"
end

--- Begins to stop; a watcher that is not ready yet ends as soon as it is.
function Host:stop()
  self.stopping = true
  if self.app then self.app:stop() end
end

--- Stops running tasks at once, and returns their messages; runs the loop for that, for a few
--- seconds at most.
function Host:close()
  local task = self.task
  if not task or task:ended() then return end
  scheduler.run(function()
    self.stopping = true
    if self.app then self.app:abort() end
    if task:join(CLOSE_LIMIT) == nil then task:cancel "watchbot was closed" end
  end)
end

return host
