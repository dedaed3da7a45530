--- runner.cgroup: a control group for each task, to limit its memory, if the watcher may create
-- one.
-- Version 2 (in a delegated hierarchy or a container's own, with no other process than the watcher)
-- and version 1. A task's group is next to that of the watcher's processes, and is removed after
-- the task.

local core = require "watchbot.core"

---@class watchbot.Cgroups
---@field folder string where the tasks' groups are made
local Cgroups = {}
Cgroups.__index = Cgroups

---@class watchbot.Cgroup
---@field processes string the file through which a process joins it
local Cgroup = {}
Cgroup.__index = Cgroup

local cgroup = {}

-- The file names of both versions.
local VERSIONS = {
  [1] = {
    limit = "memory.limit_in_bytes", peak = "memory.max_usage_in_bytes",
    events = "memory.oom_control",
    swap = "memory.memsw.limit_in_bytes",
  },
  [2] = {
    limit = "memory.max", peak = "memory.peak", events = "memory.events", kill = "cgroup.kill",
    swap = "memory.swap.max", no_swap = "0", whole = "memory.oom.group",
  },
}

local function read(path)
  local file <close> = io.open(path)
  return file and file:read "a" or ""
end

local function write(path, text)
  local file, err = io.open(path, "w")
  if not file then return nil, err end
  local ok
  ok, err = file:write(text)
  local closed, close_err = file:close()
  return ok and closed, err or close_err
end

-- The watcher's groups: path by version, for the memory controller.
local function own_paths(proc)
  local paths = {}
  for line in read(proc .. "/self/cgroup"):gmatch "[^\n]+" do
    local controllers, path = line:match "^%d+:([^:]*):(.*)$"
    if controllers == "" then paths[2] = path end
    if ("," .. (controllers or "") .. ","):find(",memory,", 1, true) then paths[1] = path end
  end
  return paths
end

-- The folder at which a mount of the hierarchy shows the group `path`.
local function folder_in(mount_root, mount_point, path)
  if mount_root == "/" then return mount_point .. (path == "/" and "" or path) end
  if path == mount_root then return mount_point end
  local below = path:sub(1, #mount_root + 1) == mount_root .. "/" and path:sub(#mount_root + 1)
  return below and mount_point .. below or nil
end

local function folders(proc)
  local paths, found = own_paths(proc), {}
  for line in read(proc .. "/self/mountinfo"):gmatch "[^\n]+" do
    local root, point, kind, options = line:match "^%d+ %d+ %S+ (%S+) (%S+) .- %- (%S+) %S+ (%S+)$"
    local version = kind == "cgroup2" and 2 or kind == "cgroup" and 1 or nil
    local memory = version == 2 or ("," .. (options or "") .. ","):find(",memory,", 1, true)
    if version and memory and paths[version] then
      found[version] = found[version] or folder_in(root, point, paths[version])
    end
  end
  return found
end

-- The parent of a process, from /proc.
local function parent_of(pid)
  return tonumber(read(("/proc/%d/stat"):format(pid)):match "^.*%) %S (%d+)")
end

-- The watcher's processes: itself, its guardian, and process 1 if that started it.
local function is_ours(pid, own)
  return pid == own or parent_of(pid) == own or (pid == 1 and parent_of(own) == 1)
end

-- Version 2 only limits groups below one without processes: the watcher's own processes move down,
-- if the group has no others. => whether memory is limited below
local function delegate(folder)
  if not (" " .. read(folder .. "/cgroup.controllers"):gsub("\n", " ")):find " memory " then
    return false
  end
  if read(folder .. "/cgroup.subtree_control"):find "memory" then return true end
  local own = tonumber(read "/proc/self/stat":match "^%d+")
  local pids = {}
  for pid in read(folder .. "/cgroup.procs"):gmatch "%d+" do
    if not is_ours(tonumber(pid), own) then return false end
    pids[#pids + 1] = pid
  end
  local below = folder .. "/watchbot"
  local made, _, code = core.scratch.mkdir(below)
  if not made and code ~= "EEXIST" then return false end
  for _, pid in ipairs(pids) do
    if not write(below .. "/cgroup.procs", pid) then return false end
  end
  return write(folder .. "/cgroup.subtree_control", "+memory") ~= nil
end

local function try(version, folder)
  local probe = setmetatable({ folder = folder, files = VERSIONS[version], made = 0, left = {} },
    Cgroups)
  local group = probe:make(1 << 30)
  if not group then return nil end
  group:close()
  return probe
end

--- The folder in which the watcher may create groups that limit memory; nil if there is none.
---@param proc string? the folder to read instead of /proc: for tests
---@return watchbot.Cgroups?
function cgroup.open(proc)
  local found = folders(proc or "/proc")
  if found[2] and delegate(found[2]) then
    local groups = try(2, found[2])
    if groups then return groups end
  end
  return found[1] and try(1, found[1])
end

local function own_pid()
  return read "/proc/self/stat":match "^%d+"
end

--- Creates a group for one task.
---@param bytes integer
---@return watchbot.Cgroup?
---@return string? err
---@return string? code
function Cgroups:make(bytes)
  self.made = self.made + 1
  local folder = ("%s/watchbot-%s-%d"):format(self.folder, own_pid(), self.made)
  local made, err, code = core.scratch.mkdir(folder)
  if not made then return nil, err, code end
  local ok
  ok, err = write(("%s/%s"):format(folder, self.files.limit), ("%d"):format(bytes))
  if not ok then
    core.scratch.rmdir(folder)
    return nil, ("could not limit memory to %d bytes: %s"):format(bytes, err), "NotAllowed"
  end
  write(("%s/%s"):format(folder, self.files.swap), self.files.no_swap or ("%d"):format(bytes))
  if self.files.whole then write(("%s/%s"):format(folder, self.files.whole), "1") end
  return setmetatable({ groups = self, folder = folder, processes = folder .. "/cgroup.procs" },
    Cgroup)
end

-- A group with processes cannot be removed yet; it is tried again.
local function remove(groups, folder)
  local ok, _, code = core.scratch.rmdir(folder)
  if not ok and code == "EBUSY" then groups.left[folder] = true else groups.left[folder] = nil end
end

--- Kills its processes and removes it; adds its statistics to the exit.
---@param exit watchbot.Exit?
function Cgroup:close(exit)
  local files, folder = self.groups.files, self.folder
  if exit then
    local kills = read(folder .. "/" .. files.events):match "oom_kill (%d+)"
    if kills and kills ~= "0" then exit.oom = true end
    exit.max_rss = tonumber(read(folder .. "/" .. files.peak)) or exit.max_rss
  end
  if files.kill then write(folder .. "/" .. files.kill, "1") end
  for left in pairs(self.groups.left) do remove(self.groups, left) end
  remove(self.groups, folder)
end

--- Removes groups that could not be removed before.
function Cgroups:close()
  for left in pairs(self.left) do remove(self, left) end
end

return cgroup
