--- supervisor: reports to the service manager by the protocol of sd_notify(3): ready, a status
-- line, watchdog pings, and the end. While tasks finish, it asks the manager for more time, so that
-- a policy's `drain` needs no matching TimeoutStopSec.

local systemd = require "watchbot.core".systemd

-- The watchdog's variables are in microseconds. Each ping asks for more time than passes until the
-- next one.
local MICROSECONDS, MORE_TIME = 1e6, 30

---@class watchbot.Supervisor
---@field interval number seconds between two pings
local Supervisor = {}
Supervisor.__index = Supervisor

local supervisor = {}

--- The manager that has started this process; nil if there is none.
---@param getenv (fun(name: string): string?)?
---@return watchbot.Supervisor?
function supervisor.find(getenv)
  getenv = getenv or os.getenv
  local socket = getenv "NOTIFY_SOCKET"
  if not socket or socket == "" then return nil end
  local watchdog, watched = tonumber(getenv "WATCHDOG_USEC"), tonumber(getenv "WATCHDOG_PID")
  local is_ours = watchdog and watchdog > 0 and (not watched or watched == systemd.pid())
  local interval = is_ours and math.min(1, watchdog / MICROSECONDS / 3) or 1
  return setmetatable({ socket = socket, watches = is_ours, interval = interval }, Supervisor)
end

local function status_of(watcher)
  local running, waiting = watcher.jobs.slots, watcher.jobs:waiting()
  if watcher.phase:watching() then
    local version = watcher.journal and watcher.journal.identity
    return ("watching, %d running, %d waiting%s"):format(running, waiting,
      version and ", policy " .. version or "")
  end
  return ("stopping, %d running"):format(running)
end

--- The message to send now: READY=1 the first time, STOPPING=1 when stopping begins, the status
--- when it has changed, WATCHDOG=1 always.
---@param watcher watchbot.Watcher
---@return string? lines nil: nothing has changed
function Supervisor:lines(watcher)
  local lines, status = {}, status_of(watcher)
  local function add(line) lines[#lines + 1] = line end
  if not self.ready then add "READY=1" end
  local ends = not watcher.phase:watching()
  if ends and not self.stopping then add "STOPPING=1" end
  if ends then add(("EXTEND_TIMEOUT_USEC=%d"):format(MORE_TIME * MICROSECONDS)) end
  if status ~= self.status then add("STATUS=" .. status) end
  if self.watches then add "WATCHDOG=1" end
  self.ready, self.stopping, self.status = true, ends, status
  return #lines > 0 and table.concat(lines, "\n") or nil
end

--- Sends the message, if there is one.
---@param watcher watchbot.Watcher
---@return true? ok
---@return string? err
---@return string? code
function Supervisor:tell(watcher)
  local lines = self:lines(watcher)
  if not lines then return true end
  return systemd.notify(self.socket, lines)
end

return supervisor
