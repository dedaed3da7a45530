--- watcher.lanes: the order within the groups of a FIFO queue, if several messages of a group are
-- here at the same time. A message starts when the one before it has reached its program, or is
-- done; when one is returned, those after it that have not reached theirs are returned with it, as
-- AWS requires of functions:
-- https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

local own = require "watchbot.lib.own"

local lanes = {}

--- The reason for returning a message that has not failed.
lanes.BEHIND = "returned: a message before it in its group has not been completed"

-- Stages in which a message has reached its program.
local REACHED = { running = true, settling = true }

-- Outcomes after which the group moves on.
local DONE = { complete = true, reject = true, bury = true }

---@class watchbot.Lane
---@field entries watchbot.JobEntry[] in the order of their receive
---@field lanes watchbot.Lanes
local Lane = {}
Lane.__index = Lane

---@class watchbot.Lanes
---@field life watchbot.Life
---@field by_group table<string, watchbot.Lane>
local Lanes = {}
Lanes.__index = Lanes

---@param life watchbot.Life
---@return watchbot.Lanes
function lanes.new(life)
  return own({ life = life, by_group = {} }, Lanes)
end

--- Puts a message behind those of its group.
---@param entry watchbot.JobEntry
---@param group string
function Lanes:join(entry, group)
  local lane = self.by_group[group]
  if not lane then
    lane = setmetatable({ group = group, entries = {}, lanes = self }, Lane)
    self.by_group[group] = lane
  end
  lane.entries[#lane.entries + 1] = entry
  entry.lane = lane
end

local function position(lane, entry)
  for index, one in ipairs(lane.entries) do
    if one == entry then return index end
  end
end

--- Whether a message may have a slot: none before it still waits for its program.
---@param entry watchbot.JobEntry
---@return boolean
function Lane:may_begin(entry)
  local before = self.entries[position(self, entry) - 1]
  return before == nil or REACHED[before.stage] == true
end

local function wake(lane, entry)
  if not (entry and entry.parked and lane:may_begin(entry)) then return end
  lane.lanes.life.jobs:unpark(entry)
  lane.lanes.life:dispatch()
end

-- Its program has it already, or it is done.
local function is_reached(entry)
  if entry.stage ~= "running" then return REACHED[entry.stage] end
  return not (entry.run and entry.run.is_waiting and entry.run:is_waiting())
end

local function take_along(lane, entry)
  entry.behind = true
  if entry.stage == "waiting" then
    lane.lanes.life:return_waiting(entry)
  elseif entry.stage == "running" then
    entry.run:stop(lanes.BEHIND, 0)
  end
end

-- A message goes back: so do those behind it, unless a program works on them already.
local function fail_after(lane, index)
  for _, entry in ipairs(table.move(lane.entries, index + 1, #lane.entries, 1, {})) do
    if is_reached(entry) then entry.overtakes = true else take_along(lane, entry) end
  end
end

-- What AWS asks of a function on a FIFO queue, this one has not done.
local function warn(self, entry)
  if self.has_warned then return end
  self.has_warned = true
  self.life.journal:warning(entry.id, "warning", "the message was completed although one before "
    .. "it in its group was not: let the program fail all messages of a group behind the first "
    .. "that has failed", "group", entry.job.group)
end

local function leave(lane, entry, index)
  local entries = lane.entries
  table.remove(entries, index)
  if #entries == 0 then lane.lanes.by_group[lane.group] = nil end
  if entry.overtakes and entry.outcome == "complete" then warn(lane.lanes, entry) end
  local runner = lane.lanes.life.runner
  if runner.left and entry.job then runner:left(entry.job) end
  wake(lane, entries[index])
end

--- A message is in another stage.
---@param entry watchbot.JobEntry
---@param from string
---@param stage string
function Lane:moved(entry, from, stage)
  local index = position(self, entry)
  if stage == "running" then
    wake(self, self.entries[index + 1])
  elseif stage == "returning" then
    fail_after(self, index)
  elseif stage == "gone" then
    if from ~= "returning" and not DONE[entry.outcome] then fail_after(self, index) end
    leave(self, entry, index)
  end
end

return lanes
