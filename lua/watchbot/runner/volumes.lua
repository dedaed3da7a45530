--- volumes: the folders that a policy empties between jobs: which ones, and what to log;
-- src/empty.h does the work. A folder that cannot be emptied is logged once and stops no job.

local empty = require "watchbot.core".empty
local queue = require "watchbot.queue"
local scheduler = require "watchbot.scheduler"

-- Seconds of emptying before other tasks run.
local STEP = 0.005

---@class watchbot.Volumes
local Volumes = {}
Volumes.__index = Volumes

local volumes = {}

local function is_below(path, folder)
  return path:sub(1, #folder + 1) == folder .. "/"
end

-- The real path of a queue's file, and the folder of its name.
local function places_of_queue(url)
  local place = queue.absolute(url)
  if not place then return nil end
  place = queue.file(place)
  return place, (empty.real(place))
end

-- Paths that a watcher needs: names and real paths.
local function needed(policy)
  local place, file = places_of_queue(policy.queue)
  return {
    { "the watcher's program", (empty.real "/proc/self/exe") }, { "the queue", place },
    { "the queue", file },
    { "the folder that tasks run in", (empty.real(policy.cwd or ".")) },
  }
end

local function resolve(path, things, journal)
  local resolved, err, code = empty.resolve(path)
  if code == "ENOENT" then
    journal:warning(nil, "warning", err .. "; it will be emptied once it is there")
    resolved = path
  elseif not resolved then
    return nil, "volumes: " .. err, "Usage"
  end
  for _, thing in ipairs(things) do
    if thing[2] and is_below(thing[2], resolved) then
      return nil, ("volumes: cannot empty '%s': %s is in it, '%s'"):format(path, thing[1],
        thing[2]), "Usage"
    end
  end
  return resolved
end

--- The volumes of a policy. Links before a folder's name are resolved now, before any task could
--- change one; later no link is followed.
---@param policy table
---@param journal watchbot.Journal
---@return watchbot.Volumes?
---@return string? err
---@return string? code "Usage": a link, `/`, not a folder, or one with files that the watcher needs
function volumes.open(policy, journal)
  local self = setmetatable({ paths = {}, journal = journal, said = {} }, Volumes)
  local things = needed(policy)
  for index, path in ipairs(policy.volumes) do
    local resolved, err, code = resolve(path, things, journal)
    if not resolved then return nil, err, code end
    self.paths[index] = resolved
  end
  return self
end

function Volumes:complain(path, err, code)
  local key = path .. "\0" .. err
  if self.said[key] then return end
  self.said[key] = true
  self.journal:error(nil, "error", err, "code", code, "where", "volumes")
end

function Volumes:empty_one(path)
  local folder <close>, err, code = empty.open(path)
  if not folder then
    if code ~= "ENOENT" then self:complain(path, err, code) end
    return
  end
  while folder:step(STEP) do scheduler.sleep(0) end
  local _, kept, first, why
  _, kept, first, why, code = folder:report()
  if kept > 0 then
    self:complain(path, ("could not empty '%s': '%s' stays: %s"):format(path, first, why), code)
  end
end

--- Empties all of them. Waits.
function Volumes:empty()
  for _, path in ipairs(self.paths) do self:empty_one(path) end
end

return volumes
