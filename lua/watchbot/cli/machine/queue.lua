--- cli.machine.queue: the checks of `watchbot check` on the file of an embedded queue.

local core = require "watchbot.core".file
local pauses = require "watchbot.status.pauses"
local queue = require "watchbot.queue"
local text = require "watchbot.lib.text"

-- Numbers of network file systems in statfs(2): SQLite's WAL needs shared memory.
local NETWORK = {
  [0x6969] = "NFS", [0xFF534D42] = "CIFS", [0xFE534D42] = "SMB", [0x517B] = "SMB",
  [0x00C36400] = "Ceph", [0x01021997] = "9p", [0x47504653] = "GPFS", [0x0BD00BD0] = "Lustre",
  [0x5346414F] = "AFS",
}

-- May be several file systems: sshfs, or the local disk of a container without root.
local FUSE = 0x65735546

-- Size of a write-ahead log, in bytes, above which something blocks its checkpoints.
local LARGE_WAL = 64 << 20

local function add(findings, level, message, what)
  findings[#findings + 1] = { what = what or "queue file", level = level, message = message }
end

local function check_shape(findings, path, status)
  if not status.regular then
    add(findings, "failure",
      ("'%s' is not a regular file: give the path of the file itself"):format(path))
  elseif status.links > 1 then
    add(findings, "failure",
      ("'%s' has %d hard links: each name would get its own WAL; remove the other names"):format(
        path, status.links))
  elseif status.mounted then
    add(findings, "failure",
      ("'%s' is a mounted file: its write-ahead log is outside the mount; mount the folder"):format(
        path))
  end
end

local function check_owner(findings, path, status)
  if not status.owned then
    add(findings, "warning",
      ("'%s' belongs to user %d, watchbot runs as user %d: chown it, or run as that user")
      :format(path, status.owner, core.user()))
  elseif status.mode & 2 ~= 0 then
    add(findings, "warning", ("every user may write '%s': chmod o-w"):format(path))
  end
end

-- => whether a watcher of this user can write it
local function check_writable(findings, path, status)
  if status.writable then return true end
  add(findings, "failure",
    ("'%s' cannot be written by user %d: chown it, or mount it writable"):format(path, core.user()))
end

local function check_log(findings, path)
  local wal = core.status(path .. "-wal")
  if wal and wal.size > LARGE_WAL then
    add(findings, "warning",
      ("'%s-wal' has %d MiB: a program that is reading the file blocks its checkpoints; end it")
      :format(path, wal.size >> 20), "write-ahead log")
  end
end

local function check_system(findings, path, place)
  local network = NETWORK[place.system]
  if network then
    add(findings, "failure",
      ("'%s' is on a network file system (%s): move it to a local disk"):format(path, network))
  elseif place.system == FUSE then
    add(findings, "warning",
      ("'%s' is on a FUSE file system: SQLite needs a local disk, not sshfs or s3fs"):format(path))
  end
end

-- What is paused in the file; what keeps it from being read is found above.
local function check_pause(findings, url)
  local opened <close> = queue.open(url, { read_only = true, patience = 1 })
  for _, one in ipairs(opened and opened:pauses() or {}) do
    local name = one.group and ("group '%s'"):format(text.word(one.group)) or "it"
    add(findings, "warning", ("%s is paused %s"):format(name, pauses.ends(one.ends)), "queue")
  end
end

-- A missing queue is created in its folder.
---@param findings watchbot.Finding[]
---@param url string? of the queue
return function(findings, url)
  if not url then return end
  local valid, err = queue.check(url)
  if not valid then return add(findings, "failure", err, "queue") end
  if not url:match "^sqlite:" then return end
  local path = queue.file(url):gsub("^%./", "")
  local folder = path:match "^(.*)/[^/]*$" or "."
  local status = core.status(path)
  local place = status or core.status(folder == "" and "/" or folder)
  if not place then
    return add(findings, "failure",
      ("folder '%s' does not exist: create it"):format(folder))
  end
  check_system(findings, path, place)
  if status then
    check_shape(findings, path, status)
    if check_writable(findings, path, status) then check_owner(findings, path, status) end
    check_log(findings, path)
  end
  local around = core.status(folder == "" and "/" or folder)
  if around and not around.writable then
    add(findings, "failure",
      ("the folder '%s' cannot be written by user %d: SQLite makes more files in it; chown it")
      :format(folder, core.user()))
  end
  if #findings == 0 then
    add(findings, "ok", ("'%s' is on a local disk"):format(path))
    if status then check_pause(findings, url) end
  end
end
