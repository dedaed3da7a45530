--- template.mounts: the volumes of a container and where they are mounted. A mount without a host
-- path is scratch space: it is empty when the task starts, and in mode "process" a watcher empties
-- it after each job. A host path is never emptied.

local cf = require "watchbot.template.cf"
local formats = require "watchbot.template.formats"
local stable = require "watchbot.template.stable"

local mounts = {}

-- Where programs expect to be able to write; in mode "process" the root file system is read-only.
local TEMPORARY = "/tmp"

-- A path as Docker has it: "/a//b/../c/" is "/a/c".
local function clean(path)
  if type(path) ~= "string" or not path:find "^/" then return path end
  local parts = {}
  for part in path:gmatch "[^/]+" do
    if part == ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return "/" .. table.concat(parts, "/")
end

local function parse(text)
  local parts = {}
  for part in text:gmatch "[^:]+" do parts[#parts + 1] = part:match "^%s*(.-)%s*$" end
  if #parts == 1 then return { container = parts[1] } end
  return {
    host = parts[1], container = parts[2], readOnly = parts[3] == "ro" or nil,
    option = table.concat(parts, ":", 3) ~= "" and table.concat(parts, ":", 3) or nil,
  }
end

local function listed(given)
  if type(given) == "table" then
    local list = {}
    for index, mount in ipairs(given) do
      list[index] = type(mount) == "string" and parse(mount) or mount
    end
    return list
  end
  local list = {}
  for text in (given or ""):gmatch "[^,]+" do
    if text:find "%S" then list[#list + 1] = parse(text) end
  end
  return list
end

local function is_mounted(made, path)
  for _, point in ipairs(made.mountPoints) do
    if clean(point.ContainerPath) == path then return true end
  end
  return false
end

local function empty() return { volumes = {}, mountPoints = {}, scratch = {} } end

local function add(made, name, mount)
  made.volumes[#made.volumes + 1] = {
    Name = name, Host = mount.host and { SourcePath = mount.host } or nil,
  }
  made.mountPoints[#made.mountPoints + 1] = {
    ContainerPath = clean(mount.container), SourceVolume = name, ReadOnly = mount.readOnly,
  }
  if not mount.host then made.scratch[#made.scratch + 1] = clean(mount.container) end
end

-- Whether a volume in AWS's format is created empty for each task: it has only a name.
local function is_scratch(volume)
  for name, value in pairs(volume) do
    if name ~= "Name" and not (name == "Host" and type(value) == "table" and not next(value)) then
      return false
    end
  end
  return type(volume.Name) == "string"
end

-- Volumes in AWS's format are passed on unchanged: they may be of any kind, and hold data that must
-- be kept. Those that start empty are scratch space, as in ecs-watchbot v4 to v10.
local function passed_on(given)
  local made, scratch = empty(), {}
  for index, volume in ipairs(given.volumes or {}) do
    made.volumes[index] = volume
    if is_scratch(volume) then scratch[volume.Name] = true end
  end
  for index, point in ipairs(given.mountPoints or {}) do
    made.mountPoints[index] = point
    if scratch[point.SourceVolume] and not point.ReadOnly then
      made.scratch[#made.scratch + 1] = point.ContainerPath
    end
  end
  return made
end

-- The user may have given a volume this name.
local function unused(made, name)
  for _, volume in ipairs(made.volumes) do
    if volume.Name == name then return unused(made, name .. "-1") end
  end
  return name
end

---@class watchbot.template.Mounts
---@field volumes table[] of the task definition
---@field mountPoints table[] of the container
---@field scratch any[] paths in the container that may be emptied

--- The volumes and mount points for the option `mounts`.
---@param options watchbot.template.Options
---@return watchbot.template.Mounts
function mounts.of(options)
  local given = options.mounts
  local made
  if type(given) == "table" and (given.volumes or given.mountPoints) then
    made = passed_on(given)
  else
    made = empty()
    for index, mount in ipairs(listed(given)) do add(made, ("mnt-%d"):format(index - 1), mount) end
  end
  if options.mode == "process" and not is_mounted(made, TEMPORARY) then
    add(made, unused(made, "tmp"), { container = TEMPORARY })
  end
  return made
end

--- Whether a volume is one of Docker's, which only the user's own instances have.
---@param given any the option
---@return boolean
function mounts.has_docker_volume(given)
  for _, volume in ipairs(type(given) == "table" and given.volumes or {}) do
    if volume.DockerVolumeConfiguration then return true end
  end
  return false
end

--- The first path of the host that is mounted.
---@param given any the option
---@return any
function mounts.host_of(given)
  if type(given) == "table" and (given.volumes or given.mountPoints) then
    for _, volume in ipairs(given.volumes or {}) do
      if type(volume.Host) == "table" and volume.Host.SourcePath then
        return volume.Host.SourcePath
      end
    end
    return nil
  end
  for _, mount in ipairs(listed(given)) do
    if mount.host then return mount.host end
  end
end

local function is_set(value, as) return cf.is(value) or value == as end

-- EFS checks permissions and access points over encrypted connections only.
local function file_system_problem(efs)
  local id, access = efs.FilesystemId, efs.AuthorizationConfig or {}
  if not id then return "'EFSVolumeConfiguration' needs 'FilesystemId'" end
  if type(id) == "string" and not id:find "^fs%-[%da-f]+$" then
    return ("expected a file system like 'fs-0123456789abcdef0', got '%s'"):format(id)
  end
  local needs = access.IAM == "ENABLED" and "IAM" or access.AccessPointId and "AccessPointId"
  if needs and not is_set(efs.TransitEncryption, "ENABLED") then
    return ("'%s' needs TransitEncryption = 'ENABLED'"):format(needs)
  end
  local root = efs.RootDirectory
  if access.AccessPointId and root and not is_set(root, "/") then
    return "'AccessPointId' needs a 'RootDirectory' of '/', or none"
  end
end

local function volume_problem(volume)
  local efs = volume.EFSVolumeConfiguration
  if type(efs) ~= "table" or cf.is(efs) then return nil end
  local problem = file_system_problem(efs)
  return problem and ("volume '%s': %s"):format(tostring(volume.Name), problem)
end

-- Checks mounts in AWS's format: each mount point has a path and an existing volume.
local function passed_on_problem(given)
  local known = {}
  for _, volume in ipairs(given.volumes or {}) do
    local name, wrong = volume.Name, volume_problem(volume)
    if wrong then return wrong, "volumes" end
    if name == nil then
      return "a volume needs 'Name' (the names of this shape are capitalized)", "volumes"
    end
    local ok, err = formats.volume.check(name)
    if not cf.is(name) and not ok then return err end
    if not cf.is(name) and known[name] then
      return ("two volumes are called '%s'"):format(name), "volumes"
    end
    known[cf.is(name) and stable(name) or name] = true
  end
  for _, point in ipairs(given.mountPoints or {}) do
    local source = point.SourceVolume
    if not source or not point.ContainerPath then
      return "a mount point needs 'ContainerPath' and 'SourceVolume'"
    elseif not known[cf.is(source) and stable(source) or source] then
      return ("unknown volume '%s'"):format(cf.is(source) and stable(source) or source),
        "volumes"
    end
  end
end

local function one_problem(mount)
  if not mount.container then return "a mount needs 'container', the path in the container" end
  for _, path in ipairs { mount.container, mount.host } do
    if type(path) == "string" and not path:match "^/" then
      return ("'%s' is not an absolute path"):format(path)
    end
  end
  if mount.option and mount.option ~= "ro" and mount.option ~= "rw" then
    return ("expected 'ro' or 'rw' after the second ':', got '%s'"):format(mount.option)
  end
end

-- A path can only be mounted once; the root, and what the kernel shows in /proc, not at all.
local function repeated(points)
  local seen = {}
  for _, point in ipairs(points) do
    local path = clean(point.ContainerPath)
    if path == "/" then
      return "nothing can be mounted over '/', the root of the container"
    elseif type(path) == "string" and (path .. "/"):find "^/proc/" then
      return ("'%s': nothing can be mounted in /proc"):format(path)
    end
    if seen[path] then return ("'%s' is mounted twice"):format(path) end
    seen[path] = not cf.is(path)
  end
end

--- The problem with the option, if there is one.
---@param given any
---@return string? problem
---@return string? page key of template.pages, if it differs from that of mounts
function mounts.problem(given)
  if type(given) == "table" and (given.volumes or given.mountPoints) then
    local problem, page = passed_on_problem(given)
    return problem or repeated(given.mountPoints or {}), page
  end
  for _, mount in ipairs(listed(given)) do
    local problem = one_problem(mount)
    if problem then return problem end
  end
  return repeated(mounts.of({ mounts = given }).mountPoints)
end

return mounts
