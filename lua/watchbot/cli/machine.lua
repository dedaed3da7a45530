--- cli.machine: the checks of `watchbot check` on the machine or container that it runs on: each
-- finding is ok, a warning, or a failure with its fix.

local core = require "watchbot.core".file

local machine = {}

---@class watchbot.Finding
---@field what string "queue file"
---@field level "ok"|"warning"|"failure"
---@field message string

-- statfs(2)'s numbers of network file systems: SQLite's WAL needs shared memory.
local NETWORK = {
  [0x6969] = "NFS", [0xFF534D42] = "CIFS", [0xFE534D42] = "SMB", [0x517B] = "SMB",
  [0x00C36400] = "Ceph", [0x01021997] = "9p", [0x47504653] = "GPFS", [0x0BD00BD0] = "Lustre",
  [0x5346414F] = "AFS", [0x65735546] = "FUSE",
}

-- Size of a write-ahead log, in bytes, above which something blocks its checkpoints.
local LARGE_WAL = 64 << 20

-- Open files of a watcher without its tasks, and of each task.
local OWN_FILES, TASK_FILES = 64, 3

local function add(findings, what, level, message)
  findings[#findings + 1] = { what = what, level = level, message = message }
end

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

-- the queue

local function check_shape(findings, path, status)
  if not status.regular then
    add(findings, "queue file", "failure",
      ("'%s' is not a regular file: give the path of the file itself"):format(path))
  elseif status.links > 1 then
    add(findings, "queue file", "failure",
      ("'%s' has %d hard links: each name would get its own WAL; remove the other names"):format(
        path, status.links))
  elseif status.mounted then
    add(findings, "queue file", "failure",
      ("'%s' is a mounted file: its write-ahead log is outside the mount; mount the folder"):format(
        path))
  end
end

local function check_owner(findings, path, status)
  if not status.ours then
    add(findings, "queue file", "warning",
      ("'%s' belongs to user %d, watchbot runs as user %d: chown it, or run as that user")
      :format(path, status.owner, core.user()))
  elseif status.mode & 2 ~= 0 then
    add(findings, "queue file", "warning", ("every user may write '%s': chmod o-w"):format(path))
  end
end

local function check_log(findings, path)
  local wal = core.status(path .. "-wal")
  if wal and wal.size > LARGE_WAL then
    add(findings, "write-ahead log", "warning",
      ("'%s-wal' has %d MiB: a program that is reading the file blocks its checkpoints"):format(
        path, wal.size >> 20))
  end
end

-- A missing queue is created in its folder.
local function check_queue(findings, url)
  local path = url and url:match "^sqlite:(.+)$"
  if not path then return end
  local folder = path:match "^(.*)/[^/]*$" or "."
  local status = core.status(path)
  local place = status or core.status(folder == "" and "/" or folder)
  if not place then
    return add(findings, "queue file", "failure",
      ("folder '%s' does not exist: create it"):format(folder))
  end
  local network = NETWORK[place.system]
  if network then
    add(findings, "queue file", "failure",
      ("'%s' is on a network file system (%s): SQLite needs a local disk"):format(path, network))
  end
  if status then
    check_shape(findings, path, status)
    check_owner(findings, path, status)
    check_log(findings, path)
  end
  if #findings == 0 then
    add(findings, "queue file", "ok", ("'%s' is on a local disk"):format(path))
  end
end

-- limits

-- The watcher raises the soft limit of files to the hard one; the limit of processes stays, and
-- does not apply to root.
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
    or ("%s, needs %d: raise it (ulimit %s, LimitNPROC=, --ulimit) or lower 'workers'"):format(
      shown, wanted, option))
end

local function check_limits(findings, workers)
  check_limit(findings, "Max processes", workers + 8, "-u")
  check_limit(findings, "Max open files", OWN_FILES + TASK_FILES * workers, "-n")
end

-- what requests need

local BUNDLES = {
  "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
}

local function first_bundle()
  local named = os.getenv "AWS_CA_BUNDLE" or os.getenv "CURL_CA_BUNDLE" or os.getenv "SSL_CERT_FILE"
  if named then return core.status(named) and named, named end
  for _, path in ipairs(BUNDLES) do
    if core.status(path) then return path end
  end
end

local function check_bundle(findings)
  local found, named = first_bundle()
  if found then return add(findings, "CA bundle", "ok", found) end
  add(findings, "CA bundle", "failure", named and ("'%s' does not exist"):format(named)
    or "no CA certificates: install ca-certificates, or set AWS_CA_BUNDLE")
end

-- The address without the password that it may contain.
local function check_proxy(findings)
  for _, name in ipairs { "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY",
    "all_proxy" } do
    local value = os.getenv(name)
    if value and value ~= "" then
      add(findings, "proxy", "ok", ("%s=%s"):format(name, (value:gsub("//[^/@]*@", "//"))))
    end
  end
end

local function check_clock(findings)
  if os.time() >= 1735689600 then return end -- 2025-01-01
  add(findings, "clock", "failure",
    ("it shows %s: AWS refuses requests that are 15 minutes off; start NTP")
    :format(os.date "!%Y-%m-%d"))
end

local function found_twice()
  local paths = {}
  for template in package.path:gmatch "[^;]+" do
    local path = template:gsub("%?", "watchbot")
    if template:find "?" and core.status(path) then paths[#paths + 1] = path end
  end
  return paths
end

local function check_modules(findings)
  local paths = found_twice()
  if #paths < 2 then return end
  add(findings, "Lua modules", "warning",
    ("several copies of watchbot: %s; policies use the first"):format(table.concat(paths,
      ", ")))
end

local function check_health(findings, path)
  if not path then return end
  local age = require "watchbot.watcher.health".age(path, "alive")
  if not age or age < 30 then return end
  add(findings, "health file", "warning", ("no watcher has written '%s' recently"):format(path))
end

--- Checks the machine.
---@param policy table? whose queue, workers and health file are checked; default: from the
--- environment
---@return watchbot.Finding[]
function machine.look(policy)
  local findings = {}
  local url = policy and policy.queue or os.getenv "QueueUrl"
  check_queue(findings, url)
  check_limits(findings, policy and policy.workers or math.tointeger(os.getenv "Concurrency") or 1)
  check_clock(findings)
  if policy and not (url or ""):match "^sqlite:" or policy and policy.topic or not policy then
    check_bundle(findings)
    check_proxy(findings)
  end
  check_modules(findings)
  check_health(findings, policy and policy.health)
  return findings
end

return machine
