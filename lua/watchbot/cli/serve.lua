--- cli.serve: runs a policy as the program's whole work, until a signal or the policy ends it.

local app = require "watchbot.watcher.app"
local scheduler = require "watchbot.scheduler"

-- SIGHUP of a terminal that has been closed arrives as "TERM".
local function follow_signals(opened, policy, reload)
  local signals = require "watchbot.signals"
  signals:patience(policy.drain + policy.kill_grace)
  while true do
    if signals:wait() == "HUP" and reload then
      opened:reload(reload())
    else
      opened:stop()
    end
  end
end

--- Waits in a task.
---@param policy table
---@param options watchbot.AppOptions
---@param reload? fun(): table?, string? at SIGHUP: the policy as its file is now, or nil and why
--- there is none; without it SIGHUP ends the watcher
---@return integer? status
---@return string? message
---@return string? code
return function(policy, options, reload)
  local opened, message, code = app.open(policy, options)
  if not opened then return nil, message, code end
  local signals = scheduler.spawn(follow_signals, opened, policy, reload)
  local ok
  ok, message, code = opened:run()
  signals:cancel()
  if not ok then return nil, message, code end
  return 0
end
