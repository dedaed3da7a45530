--- recent: remembers a limited number of values by name; the newest replaces the oldest.

local fifo = require "watchbot.lib.fifo"

---@class watchbot.Recent
local Recent = {}
Recent.__index = Recent

local recent = {}

---@param limit integer the number of values
---@return watchbot.Recent
function recent.new(limit)
  return setmetatable({ limit = limit, values = {}, order = fifo.new() }, Recent)
end

--- Remembers a value; a known name keeps its age.
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
---@return any value nil if it is unknown or was replaced
function Recent:get(name)
  return self.values[name]
end

return recent
