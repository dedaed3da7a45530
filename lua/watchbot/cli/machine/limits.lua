--- cli.machine.limits: the checks of `watchbot check` on limits on processes and files.

local core = require "watchbot.core".file
local room = require "watchbot.runner.room"

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

local function add(findings, what, level, message)
  findings[#findings + 1] = { what = what, level = level, message = message }
end

-- The watcher raises the soft limit of open files to the hard limit; it does not change the limit
-- of processes, which does not apply to root.
local function limit_of(name)
  local limits = read "/proc/self/limits" or ""
  local soft, hard = limits:match(name .. " +(%S+) +(%S+)")
  local limit = name == "Max processes" and soft or hard
  if limit == "unlimited" or name == "Max processes" and core.user() == 0 then return math.huge end
  return tonumber(limit)
end

local function check_limit(findings, name, wanted, option)
  local limit = limit_of(name)
  if not limit then return end
  local level = limit < wanted and "failure" or "ok"
  local shown = limit == math.huge and "no limit" or ("a limit of %d"):format(limit)
  add(findings, name, level, level == "ok" and shown
    or ("%s, needs %d: raise it (%s) or lower 'workers'"):format(shown, wanted, option))
end

-- A container's or a systemd unit's limit on processes is its control group's.
local function group_limit(root)
  local groups = read(root .. "/proc/self/cgroup") or ""
  local of_pids = groups:match "%d+:[^:\n]*%f[%w]pids%f[^%w][^:\n]*:([^\n]*)"
  local unified = groups:match "0::([^\n]*)"
  for _, path in ipairs { "/pids" .. (of_pids or ""), "/pids", unified or "", "" } do
    local most = read(("%s/sys/fs/cgroup%s/pids.max"):format(root, path))
    if most then return tonumber(most) end
  end
end

local function check_group(findings, wanted, root)
  local most = group_limit(root)
  if not most then return end
  add(findings, "pids of the control group", most < wanted and "failure" or "ok", most >= wanted
    and ("a limit of %d"):format(most)
    or ("a limit of %d, needs %d: raise it (TasksMax=, --pids-limit) or lower 'workers'")
      :format(most, wanted))
end

---@param findings watchbot.Finding[]
---@param workers integer
---@param root string? the folder that /proc and /sys are in, for tests
return function(findings, workers, root)
  check_group(findings, workers + 8, root or "")
  check_limit(findings, "Max processes", workers + 8, "ulimit -u, LimitNPROC=, --ulimit")
  check_limit(findings, "Max open files", room.OWN_FILES + room.FILES.process * workers,
    "ulimit -n, LimitNOFILE=, --ulimit")
end
