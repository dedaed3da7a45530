--- runner.allowance: the resource limits that a policy sets for its tasks, as the limits of
-- process.start. Memory is limited by a cgroup if the watcher may create one (runner/cgroup.lua),
-- otherwise by RLIMIT_DATA; never by RLIMIT_AS, with which Node, the JVM and Go do not start.

local bounds = require "watchbot.policy.bounds"
local cgroup = require "watchbot.runner.cgroup"
local core = require "watchbot.core"
local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"

-- Seconds of emptying a private folder before other tasks run.
local STEP = 0.005

---@class watchbot.Allowance
---@field limits table? of process.start
---@field user table? of process.user
---@field cgroups watchbot.Cgroups?
---@field private_tmp boolean
local Allowance = {}
Allowance.__index = Allowance

local allowance = {}

local function is_root()
  for line in io.lines "/proc/self/status" do
    local uid = line:match "^Uid:%s+%d+%s+(%d+)"
    if uid then return uid == "0" end
  end
end

local function find_user(name)
  if not name then return nil end
  local user, err = process.user(name)
  if not user then return nil, "policy field 'user': " .. err, "Usage" end
  if not is_root() then
    return nil, ("policy field 'user': only root can run tasks as '%s'"):format(name), "Usage"
  end
  return user
end

local function limits_of(policy, user, cgroups)
  local limits = {
    memory = not cgroups and policy.memory and bounds.bytes(policy.memory) or nil,
    cpu = policy.cpu_seconds, files = policy.files, nice = policy.nice,
    umask = policy.umask and bounds.umask(policy.umask) or nil, user = user,
  }
  return next(limits) and limits or nil
end

--- How `memory` is enforced on this machine.
---@return "cgroup"|"RLIMIT_DATA"
function allowance.memory_by()
  local cgroups = cgroup.open()
  if not cgroups then return "RLIMIT_DATA" end
  cgroups:close()
  return "cgroup"
end

--- The limits of a policy.
---@param policy table
---@return watchbot.Allowance?
---@return string? err
---@return string? code "Usage": the user does not exist, or the watcher is not root
function allowance.new(policy)
  local user, err, code = find_user(policy.user)
  if err then return nil, err, code end
  local cgroups = policy.memory and cgroup.open() or nil
  return setmetatable({
    user = user, cgroups = cgroups, limits = limits_of(policy, user, cgroups),
    memory = policy.memory and bounds.bytes(policy.memory), private_tmp = policy.private_tmp,
  }, Allowance)
end

--- The uid and gid of tasks that run as another user, who must own private files.
function Allowance:owner()
  if self.user then return self.user.uid, self.user.gid end
end

local function copy(values)
  local copied = {}
  for name, value in pairs(values or {}) do copied[name] = value end
  return copied
end

-- The variables for another user's programs; those of the policy override them.
local function name_user(user, environment)
  environment.HOME, environment.SHELL = user.home, user.shell
  environment.USER, environment.LOGNAME = user.name, user.name
end

---@class watchbot.Granted the resources of one task
---@field limits table?
---@field folder table?
---@field group watchbot.Cgroup?
local Granted = {}
Granted.__index = Granted

--- Prepares the resources of one task.
---@param environment table<string, string> of the task
---@param own table<string, string> the variables set by the policy and the message
---@return watchbot.Granted?
---@return string? err
---@return string? code
function Allowance:grant(environment, own)
  local granted = setmetatable({ limits = self.limits }, Granted)
  if self.user then name_user(self.user, environment) end
  if self.private_tmp then
    local folder, err = core.scratch.folder(self:owner())
    if not folder then return nil, err, "NoRoom" end
    granted.folder, environment.TMPDIR = folder, folder:path()
  end
  for name, value in pairs(own) do environment[name] = value end
  if self.cgroups then
    local group, err, code = self.cgroups:make(self.memory)
    if not group then
      granted:release()
      return nil, err, code
    end
    granted.group, granted.limits = group, copy(self.limits)
    granted.limits.cgroup = group.processes
  end
  return granted
end

local function remove(folder)
  local empty = core.empty.open(folder:path())
  if empty then
    while empty:step(STEP) do
      if scheduler.running() then scheduler.sleep(0) end
    end
    empty:close()
  end
  folder:close()
end

--- Frees the resources; adds to the exit what only a cgroup knows.
---@param exit watchbot.Exit?
function Granted:release(exit)
  if self.group then self.group:close(exit) end
  if self.folder then remove(self.folder) end
end

--- Frees the resources.
function Allowance:close()
  if self.cgroups then self.cgroups:close() end
end

return allowance
