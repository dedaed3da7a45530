--- runner.resident.groups: the groups of a FIFO queue of which an invocation is under way, and the
-- jobs of theirs that wait behind it: no two programs work on one group at the same time.

---@class watchbot.Groups
---@field open table<string, table<watchbot.Job, true>> jobs that programs have, by their group
---@field behind table<string, table[]> runs, in their order
local Groups = {}
Groups.__index = Groups

local groups = {}

local NONE = {}

---@return watchbot.Groups
function groups.new()
  return setmetatable({ open = {}, behind = {} }, Groups)
end

--- Keeps a run back whose group is being worked on.
---@param run table
---@return boolean kept
function Groups:keep(run)
  local group = run.group
  if not group or not self.open[group] then return false end
  local behind = self.behind[group] or {}
  self.behind[group] = behind
  behind[#behind + 1] = run
  return true
end

--- A program has been given some runs: what is left of their groups waits behind them.
---@param runs table[]
---@param waiting table[] of the pool; those that are kept back are taken out
function Groups:began(runs, waiting)
  local opened = false
  for _, run in ipairs(runs) do
    if run.group then
      self.open[run.group] = self.open[run.group] or {}
      self.open[run.group][run.job], opened = true, true
    end
  end
  if not opened then return end
  local count = 0
  for index = 1, #waiting do
    local run = waiting[index]
    waiting[index] = nil
    if not self:keep(run) then
      count = count + 1
      waiting[count] = run
    end
  end
end

--- A job is settled.
---@param job watchbot.Job
---@return table[] runs that may go on now
function Groups:left(job)
  local open = self.open[job.group]
  if not open or not open[job] then return NONE end
  open[job] = nil
  if next(open) then return NONE end
  local behind = self.behind[job.group] or {}
  self.open[job.group], self.behind[job.group] = nil, nil
  return behind
end

--- Takes a run out that waits behind others.
---@param run table
function Groups:remove(run)
  for index, one in ipairs(self.behind[run.group] or {}) do
    if one == run then return table.remove(self.behind[run.group], index) end
  end
end

--- Takes all out that wait.
---@return table[] runs
function Groups:take_all()
  local all = {}
  for _, behind in pairs(self.behind) do table.move(behind, 1, #behind, #all + 1, all) end
  self.behind = {}
  return all
end

return groups
