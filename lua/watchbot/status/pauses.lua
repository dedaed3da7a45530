--- status.pauses: the pauses of a queue, for people.

local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"

-- Groups that are named.
local MOST = 5

local pauses = {}

--- When a pause ends: "until 2026-11-28T15:00:00Z", "until it is resumed".
---@param ends integer? milliseconds since the epoch
---@return string
function pauses.ends(ends)
  if not ends then return "until it is resumed (watchbot resume)" end
  return "until " .. scheduler.iso_date(ends):gsub("%.%d+Z$", "Z")
end

--- Adds them to the state of a queue: `paused` of the whole queue, `paused_groups` of groups, each
--- with when it ends, where it does. Waits in a task.
---@param builder watchbot.StatusBuilder
---@param queue table
function pauses.add(builder, queue)
  local list, err = queue:pauses()
  if not list then return builder:add({ "paused" }, nil, err) end
  local found = {}
  for _, one in ipairs(list) do
    local ends = one.ends and scheduler.iso_date(one.ends) or nil
    if one.group then
      found.paused_groups = found.paused_groups or {}
      table.insert(found.paused_groups, { group = one.group, ends = ends })
    else
      found.paused = { ends = ends }
    end
  end
  builder:add({ "paused", "paused_groups" }, found)
end

-- "until 2026-11-28T15:00:00Z" of an ISO date.
local function words(ends)
  return ends and "until " .. ends:gsub("%.%d+Z$", "Z") or pauses.ends(nil)
end

--- The words for `paused`.
---@param paused { ends: string? }
---@return string
function pauses.of_queue(paused) return words(paused.ends) end

--- The words for `paused_groups`: the first of them.
---@param groups { group: string, ends: string? }[]
---@return string
function pauses.of_groups(groups)
  local parts = {}
  for index = 1, math.min(#groups, MOST) do
    local one = groups[index]
    parts[index] = ("%s %s"):format(text.word(one.group), words(one.ends))
  end
  if #groups > MOST then parts[#parts + 1] = ("and %d more"):format(#groups - MOST) end
  return table.concat(parts, ", ")
end

return pauses
