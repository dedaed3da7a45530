--- watcher.jobs: the jobs of a watcher, each in one stage of a declared list.
-- `move` is the only place where a stage changes. Counts follow from the table of stages, and who
-- has to know of a change observes it: nothing else needs to remember what to wake.

local fifo = require "watchbot.lib.fifo"

---@class watchbot.StageOfJob
---@field next table<string, true> the stages that may follow
---@field slot boolean? the job has one of the policy's `workers` slots
---@field lingers boolean? the job has no slot, and its message is still ours
---@field told string what the stage is called to users, in watchbot.testing

local function followed_by(...)
  local names = {}
  for _, name in ipairs { ... } do names[name] = true end
  return names
end

--- The stages of a job, see doc/architecture.md:
---  received   accepted from the queue, not yet decided whether it may wait
---  waiting    waits for a slot
---  deciding   the hooks `admit` and `environment` are asked
---  starting   an earlier task is looked for, or a new one is started
---  running    its task runs
---  held       the hook `admit` said "hold"
---  unplaced   there was no room for its task: tried again later
---  settling   the outcome is decided; notification, delete, bury
---  returning  its message goes back; a newer receive of the message is a new job
---  gone       the message is not ours any more
---@type table<string, watchbot.StageOfJob>
local STAGES = {
  received = { next = followed_by("waiting", "settling", "returning", "gone"), told = "waiting" },
  waiting = { next = followed_by("deciding", "returning", "gone"), told = "waiting" },
  deciding = {
    slot = true, told = "deciding",
    next = followed_by("starting", "held", "settling", "returning", "gone"),
  },
  starting = {
    slot = true, told = "deciding",
    next = followed_by("running", "unplaced", "settling", "returning", "gone"),
  },
  running = {
    slot = true, told = "running", next = followed_by("unplaced", "settling", "returning", "gone"),
  },
  held = { lingers = true, told = "held", next = followed_by("waiting", "returning", "gone") },
  unplaced = { lingers = true, told = "held", next = followed_by("waiting", "returning", "gone") },
  settling = { lingers = true, told = "settling", next = followed_by("returning", "gone") },
  returning = { lingers = true, told = "settling", next = followed_by "gone" },
  gone = { told = "gone", next = {} },
}

---@class watchbot.JobEntry a message in the watcher's hands
---@field id string the message's id
---@field stage string
---@field message table what the queue handed over
---@field job watchbot.Job
---@field lease watchbot.Lease
---@field run table? its task, while it has one
---@field environment table<string, string>? of its task
---@field exit watchbot.Exit? how its last task ended
---@field outcome string? of its last attempt
---@field decided string? who chose the outcome
---@field seconds number? until it is tried, or its message is seen, again
---@field stopped string? why its task was stopped by the watcher
---@field held_since number? when it was first held
---@field pause number? seconds that it was last held for want of room

---@class watchbot.Jobs
local Jobs = {}
Jobs.__index = Jobs

local jobs = { STAGES = STAGES }

---@return watchbot.Jobs
function jobs.new()
  local counts = {}
  for name in pairs(STAGES) do counts[name] = 0 end
  return setmetatable({
    by_id = {}, counts = counts, slots = 0, lingerers = 0, total = 0, queue = fifo.new(), observers = {},
  }, Jobs)
end

--- Has `observer` called after each change of a stage.
---@param observer fun(entry: watchbot.JobEntry, from: string?, to: string)
function Jobs:observe(observer)
  self.observers[#self.observers + 1] = observer
end

local function told(self, entry, from, to)
  for _, observer in ipairs(self.observers) do observer(entry, from, to) end
end

-- A job counts as what its stage says, and in the total until it is gone.
local function count(self, name, change)
  local stage = STAGES[name]
  self.counts[name] = self.counts[name] + change
  if stage.slot then self.slots = self.slots + change end
  if stage.lingers then self.lingerers = self.lingerers + change end
  if name ~= "gone" then self.total = self.total + change end
end

--- Adds a message that was just received.
---@param entry watchbot.JobEntry without a stage
---@return watchbot.JobEntry
function Jobs:add(entry)
  entry.stage = "received"
  self.by_id[entry.id] = entry
  count(self, "received", 1)
  told(self, entry, nil, "received")
  return entry
end

--- The job that a message belongs to, unless its message is on its way back already.
---@param id string
---@return watchbot.JobEntry?
function Jobs:current(id)
  local entry = self.by_id[id]
  return entry and entry.stage ~= "returning" and entry or nil
end

--- Moves a job to another stage; raises for one that cannot follow.
---@param entry watchbot.JobEntry
---@param stage string
---@param first boolean? to the front of those that wait
function Jobs:move(entry, stage, first)
  local from = entry.stage
  if not STAGES[from].next[stage] then
    error(("a job cannot go from '%s' to '%s'"):format(from, stage), 2)
  end
  entry.stage = stage
  count(self, from, -1)
  count(self, stage, 1)
  if stage == "waiting" then
    if first then self.queue:push_front(entry) else self.queue:push(entry) end
  elseif stage == "gone" and self.by_id[entry.id] == entry then
    self.by_id[entry.id] = nil
  end
  told(self, entry, from, stage)
end

--- Something else than the stage has changed that observers want to know.
---@param entry watchbot.JobEntry
function Jobs:changed(entry)
  told(self, entry, entry.stage, entry.stage)
end

--- Takes the job that has waited longest; the caller moves it on at once.
---@return watchbot.JobEntry?
function Jobs:pop_waiting()
  local entry = self.queue:pop()
  -- One that has left the stage by another way (its life failed) is no longer waiting.
  while entry and entry.stage ~= "waiting" do entry = self.queue:pop() end
  return entry
end

--- Jobs that have a slot.
---@return integer
function Jobs:running()
  return self.slots
end

--- Jobs that have no slot and keep their message: held ones, and those that are being settled.
---@return integer
function Jobs:lingering()
  return self.lingerers
end

--- Jobs that wait for a slot.
---@return integer
function Jobs:waiting()
  return self.counts.waiting
end

--- Jobs that run, are about to, or are being settled: all but those that are held.
---@return integer
function Jobs:active()
  return self.total - self.counts.held - self.counts.unplaced
end

--- Whether no message is in the watcher's hands.
---@return boolean
function Jobs:none()
  return self.total == 0
end

--- All jobs that are in a stage.
---@param stage string
---@return watchbot.JobEntry[]
function Jobs:all(stage)
  local found = {}
  for _, entry in pairs(self.by_id) do
    if entry.stage == stage then found[#found + 1] = entry end
  end
  return found
end

return jobs
