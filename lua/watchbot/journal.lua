--- journal: the watcher's own log lines, JSON behind the id, so that log metric filters can read them.
-- Members keep the order in which they are given. Text that is not UTF-8 is made so: a log is for people and their tools.

local cjson = require "cjson"
local json = require "watchbot.core".json
local text = require "watchbot.text"

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

-- Not by cjson: it writes '/' as '\/', which is valid, and no path that anybody would want to read or to match.
local function encode_text(value)
  return json.encode(value) or json.encode(text.clean(value))
end

local function encode(value)
  if type(value) == "string" then return encode_text(value) end
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if value ~= value or value == math.huge or value == -math.huge then return '"' .. tostring(value) .. '"' end
  return cjson.encode(value)
end

--- A JSON object of the members `name, value, name, value...`; a nil value leaves its member out.
---@param ... any
---@return string
function journal.object(...)
  local given, members, count = { ... }, {}, 0
  for index = 1, select("#", ...), 2 do
    local name, value = given[index], given[index + 1]
    if value ~= nil then
      count = count + 1
      members[count] = '"' .. name .. '":' .. encode(value)
    end
  end
  return "{" .. table.concat(members, ",") .. "}"
end

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
