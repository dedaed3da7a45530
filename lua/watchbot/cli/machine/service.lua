--- cli.machine.service: the checks of `watchbot check` on the systemd unit that it runs in
-- (ExecStartPre=watchbot check POLICY.lua): whether a stop lets tasks end by themselves.

local container = require "watchbot.cli.machine.container"
local process = require "watchbot.process"

-- Timeout of systemctl in seconds.
local PATIENCE = 10

local service = {}

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a" or ""
end

--- The unit that this process is in.
---@param root string the folder that /proc is in
---@return string? name "watchbot.service"
function service.unit(root)
  local groups = read(root .. "/proc/self/cgroup")
  local path = groups:match "0::([^\n]*)"
  if not path or path == "/" then path = groups:match ":name=systemd:([^\n]*)" end
  return path and path:match "/([^/]+%.service)$" or path and path:match "/([^/]+%.service)/"
end

-- Durations of systemd: "1min 30s", "infinity".
local UNITS = { us = 1e-6, ms = 1e-3, s = 1, min = 60, h = 3600, d = 86400 }

local function seconds_of(text)
  if text == "infinity" then return math.huge end
  local seconds = 0
  for number, unit in text:gmatch "([%d.]+)(%a+)" do
    seconds = seconds + tonumber(number) * (UNITS[unit] or 0)
  end
  return seconds
end

-- => properties by name | nil, err
local function properties_of(unit)
  local child, err = process.start {
    argv = { "systemctl", "show", "-p", "KillMode,TimeoutStopUSec,SendSIGHUP", "--", unit },
    output = "capture",
  }
  if not child then return nil, err end
  local exit = child:wait(PATIENCE)
  if not exit then child:kill() end
  local found = {}
  for name, value in child:output():gmatch "(%w+)=([^\n]*)" do found[name] = value end
  if found.KillMode then return found end
  return nil, exit and exit.reason or "systemctl did not say the unit's KillMode"
end

-- With control-group, systemd signals the tasks together with the watcher, so none ends by itself.
-- With process or none, processes that a crashed watcher leaves behind keep running.
local KILL_MODES = {
  ["control-group"] = "'%s' has KillMode=control-group: a stop signals every task at once, and "
    .. "'drain' has no effect; set KillMode=mixed",
  process = "'%s' has KillMode=process: tasks that are left stay when the unit stops; set "
    .. "KillMode=mixed",
  none = "'%s' has KillMode=none: nothing ends tasks that are left; set KillMode=mixed",
}

local function check_stop(add, unit, found, policy)
  local least = policy and container.needed(policy)
  local given = seconds_of(found.TimeoutStopUSec or "")
  if not least or given == 0 or given > least then return end
  add("warning", ("'%s' has TimeoutStopSec=%g: systemd kills the watcher before 'drain' and "
    .. "'kill_grace' (%g s) are over; set it to %g"):format(unit, given, least, least + 10))
end

--- Adds findings; none outside systemd.
---@param findings watchbot.Finding[]
---@param policy table?
---@param root string? the folder that /proc is in, for tests
function service.look(findings, policy, root)
  local unit = service.unit(root or "")
  if not unit or unit:find "^user@" then return end
  local function add(level, message)
    findings[#findings + 1] = { what = "systemd unit", level = level, message = message }
  end
  local found, err = properties_of(unit)
  if not found then
    return add("warning", ("the KillMode of '%s' could not be read: %s"):format(unit, err))
  end
  local advice = KILL_MODES[found.KillMode]
  if advice then
    add("warning", advice:format(unit))
  else
    add("ok", ("'%s' has KillMode=%s"):format(unit, found.KillMode))
  end
  check_stop(add, unit, found, policy)
end

return service
