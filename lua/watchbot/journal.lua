--- journal: the watcher's own log lines, JSON behind the id, so that log metric filters can read them.
-- Members keep the order in which they are given. Text that is not UTF-8 is made so: a log is for people and their tools.

local core = require "watchbot.core".json

local CATEGORY = "watcher"
local levels = { info = 30, warning = 40, error = 50 }

---@class watchbot.Journal
local Journal = {}
Journal.__index = Journal

local journal = {}

---@param sink table where lines go: `sink:write(category, id, text, level)`
---@return watchbot.Journal
function journal.new(sink)
  return setmetatable({ sink = sink }, Journal)
end

--- A JSON object of the members `name, value, name, value...`; a nil value leaves its member out.
---@type fun(...: any): string
journal.object = core.members

--- Writes one line about the message `id` (nil: about none).
---@param id string?
---@param ... any name, value, name, value...
function Journal:info(id, ...)
  self.sink:write(CATEGORY, id, journal.object(...), levels.info)
end

function Journal:warning(id, ...)
  self.sink:write(CATEGORY, id, journal.object(...), levels.warning)
end

function Journal:error(id, ...)
  self.sink:write(CATEGORY, id, journal.object(...), levels.error)
end

return journal
