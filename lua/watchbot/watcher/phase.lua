--- watcher.phase: the phase of a watcher: watching, draining, stopping, ended. It only advances.

local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"

local ORDER = { watching = 1, draining = 2, stopping = 3, ended = 4 }

---@class watchbot.Phase
---@field name "watching"|"draining"|"stopping"|"ended"
---@field draining watchbot.Event set from then on: no message is received, waiting ones are
--- returned
---@field stopping watchbot.Event set from then on: running tasks are stopped
---@field at_once boolean tasks are killed without a grace
---@field hurried watchbot.Event set when the watcher is to end while it stops tasks
local Phase = {}
Phase.__index = Phase

local phase = {}

---@return watchbot.Phase
function phase.new()
  return own({
    name = "watching", draining = scheduler.event(), stopping = scheduler.event(), at_once = false,
    hurried = scheduler.event(),
  }, Phase)
end

--- Advances to a later phase; does nothing if it has been reached.
---@param name string
---@return boolean changed
function Phase:enter(name)
  if ORDER[name] <= ORDER[self.name] then return false end
  self.name = name
  self.draining:set()
  if ORDER[name] >= ORDER.stopping then self.stopping:set() end
  return true
end

--- Whether the watcher receives messages.
---@return boolean
function Phase:watching()
  return self.name == "watching"
end

return phase
