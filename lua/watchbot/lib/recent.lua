--- recent: the newest few of what was remembered by name; what comes beyond them pushes out the
-- oldest.

local fifo = require "watchbot.lib.fifo"

---@class watchbot.Recent
local Recent = {}
Recent.__index = Recent

local recent = {}

---@param limit integer how many are remembered
---@return watchbot.Recent
function recent.new(limit)
  return setmetatable({ limit = limit, values = {}, order = fifo.new() }, Recent)
end

--- Remembers a value; a name that is known keeps its age.
---@param name string
---@param value any not nil
function Recent:set(name, value)
  if self.values[name] == nil then
    self.order:push(name)
    if self.order:count() > self.limit then self.values[self.order:pop()] = nil end
  end
  self.values[name] = value
end

---@param name string
---@return any value nil when it is not known, or not any more
function Recent:get(name)
  return self.values[name]
end

return recent
