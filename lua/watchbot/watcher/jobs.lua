--- watcher.jobs: the jobs of a watcher, each in one stage of a declared list. `move` is the only
-- place where a stage changes. Counts follow from the table of stages, and observers are notified
-- of changes: no other code has to remember whom to wake.

local fifo = require "watchbot.lib.fifo"
local own = require "watchbot.lib.own"

---@class watchbot.StageOfJob
---@field next table<string, true> the stages that may follow
---@field slot boolean? the job has one of the policy's `workers` slots
---@field lingers boolean? the job has no slot, but the watcher still has its message
---@field counted boolean? its jobs are counted as they come and go; others when `count` is called
---@field told string the name of the stage for users, in watchbot.testing

local function followed_by(...)
  local names = {}
  for _, name in ipairs { ... } do names[name] = true end
  return names
end

--- The stages of a job, see doc/architecture.md:
---  received   accepted from the queue, not yet decided whether it may run, and whether it waits
---  waiting    waits for a slot
---  deciding   the hooks `admit` and `environment` are asked
---  starting   an earlier task is looked for, or a new one is started; a handler runs at once
---  running    its task runs
---  held       the hook `admit` returned "hold"
---  unplaced   there was no capacity for its task: retried later
---  settling   the outcome is decided; notification, delete, bury
---  returning  its message goes back; a newer receive of the message is a new job
---  gone       the watcher no longer has the message
---@type table<string, watchbot.StageOfJob>
local STAGES = {
  received = {
    next = followed_by("waiting", "deciding", "settling", "returning", "gone"), told = "waiting",
  },
  waiting = {
    counted = true, told = "waiting", next = followed_by("deciding", "returning", "gone"),
  },
  deciding = {
    slot = true, told = "deciding",
    next = followed_by("starting", "running", "held", "unplaced", "settling", "returning", "gone"),
  },
  starting = {
    slot = true, told = "deciding",
    next = followed_by("running", "unplaced", "settling", "returning", "gone"),
  },
  running = {
    slot = true, told = "running", next = followed_by("unplaced", "settling", "returning", "gone"),
  },
  held = {
    lingers = true, counted = true, told = "held",
    next = followed_by("waiting", "returning", "gone"),
  },
  unplaced = {
    lingers = true, counted = true, told = "held",
    next = followed_by("waiting", "returning", "gone"),
  },
  settling = { lingers = true, told = "settling", next = followed_by("returning", "gone") },
  -- A newer receive of its message takes its place, where others are found.
  returning = { lingers = true, counted = true, told = "settling", next = followed_by "gone" },
  gone = { told = "gone", next = {} },
}

--- The consequences of a change of stage.
---@class watchbot.ChangeOfStage
---@field slots integer jobs that have a slot
---@field lingerers integer jobs that have none and keep their message
---@field total integer messages that the watcher has
---@field frees boolean a slot, or space for another message, has become free
---@field starts boolean another job may start
---@field matters boolean the watcher as a whole must react
---@field counts boolean one of the stages is counted
---@field plain boolean nothing follows from it
---@field observer watchbot.JobObserver|false see `Jobs:observe`

local function number(flag) return flag and 1 or 0 end

---@return watchbot.ChangeOfStage
local function change_between(from, to, to_name)
  local slots = number(to.slot) - number(from.slot)
  local lingerers = number(to.lingers) - number(from.lingers)
  local gone = to_name == "gone"
  return {
    slots = slots, lingerers = lingerers, total = gone and -1 or 0,
    frees = slots < 0 or lingerers < 0 or gone,
    starts = slots < 0 or to_name == "waiting",
    matters = slots < 0 or lingerers ~= 0 or gone or to_name == "waiting",
    counts = from.counted == true or to.counted == true,
    plain = slots == 0 and lingerers == 0 and not gone and to_name ~= "waiting",
    observer = false,
  }
end

local function both(earlier, later)
  if not (earlier and later) then return earlier or later end
  return function(entry, from, to)
    earlier(entry, from, to)
    later(entry, from, to)
  end
end

-- from -> to -> change, for the stages that may follow, with the observer of each.
local function changes(observers)
  local all = {}
  for from_name, from in pairs(STAGES) do
    all[from_name] = {}
    for name in pairs(from.next) do
      local change = change_between(from, STAGES[name], name)
      change.observer = both(observers[name], observers[from_name .. ">" .. name]) or false
      all[from_name][name] = change
    end
  end
  return all
end

local UNOBSERVED = changes {}

---@class watchbot.JobEntry a message that the watcher has
---@field id string the message's id
---@field stage string
---@field message table as received
---@field job watchbot.Job
---@field lease watchbot.Lease
---@field task watchbot.Task? the coroutine that works on it
---@field ended string? why its hooks were ended
---@field run table? its task, while it has one
---@field environment table<string, string>? of its task
---@field exit watchbot.Exit? how its last task ended
---@field outcome string? of its last attempt
---@field decided string? what chose the outcome
---@field cause string? of the end of its last attempt, see watcher/blame.lua
---@field counted boolean? the receive counts against the message
---@field running_at number|false|nil when it came to this stage, where that is measured; so for
--- settling_at, and for deciding_at if it had waited for a slot
---@field seconds number? until it is retried, or its message is visible again
---@field cancelled watchbot.Exit? its exit, if it was cancelled before it ran
---@field stopped string? why its task was stopped by the watcher
---@field held_since number? when it was first held
---@field pause number? seconds that it was last held for lack of capacity
---@field lane watchbot.Lane? of its group, on a FIFO queue
---@field claim watchbot.Claim? of its key, where the policy has `once`
---@field waits_once number? seconds of its last wait for its key
---@field parked boolean? it waits behind another of its group, or for a limit
---@field limited string? the lane of the limit that it waits for
---@field admitted watchbot.LaneOfMessage[]? the limits that it counts for
---@field behind boolean? it goes back, since one before it in its group has
---@field overtakes boolean? a program had it when one before it in its group went back

---@class watchbot.Jobs
---@field slots integer jobs that have a slot
---@field lingerers integer jobs that have no slot and keep their message: held, or being settled
---@field total integer messages that the watcher has
---@field parked integer jobs that wait behind others of their group, or for a limit
---@field limiter watchbot.Limiter|false of this watcher alone
---@field counts table<string, integer> jobs in each of the stages that are counted; see `count`
---@field watcher { moved: fun(self, to: string, change: watchbot.ChangeOfStage) }|false called with
--- the changes that matter to it
---@field arrived fun()|false called for each new job
---@field reports watchbot.JobObserver|false of "changed"
---@field arrivals watchbot.JobObserver|false of "received"
---@field starts watchbot.JobObserver|false of "starting"
---@field observers table<string, watchbot.JobObserver>|false by what they observe; see `observe`
local Jobs = {}
Jobs.__index = Jobs

---@alias watchbot.JobObserver fun(entry: watchbot.JobEntry, from: string?, to: string)

local jobs = { STAGES = STAGES }

---@return watchbot.Jobs
function jobs.new()
  local counts = {}
  for name, stage in pairs(STAGES) do counts[name] = stage.counted and 0 or nil end
  return own({
    by_id = {}, counts = counts, slots = 0, lingerers = 0, total = 0, parked = 0,
    queue = fifo.new(), changes = UNOBSERVED, observers = false, reports = false,
    arrivals = false, starts = false,
    limiter = false, watcher = false, arrived = false,
  }, Jobs)
end

--- Has one more observer hear of changes: of stages (`from` is nil for a new job), and of what else
--- `changed` reports (`from` is `to`). It must not raise, nor wait. One that looks at few stages is
--- cheaper as a table of functions: by the stage that a job comes to, by the one that it comes from
--- and that one (`["waiting>deciding"]`), or "changed".
---@param observer watchbot.JobObserver|table<string, watchbot.JobObserver>
function Jobs:observe(observer)
  local observers = self.observers or {}
  local function add(name, one) observers[name] = both(observers[name], one) end
  if type(observer) == "table" then
    for name, one in pairs(observer) do add(name, one) end
  else
    for name in pairs(STAGES) do add(name, observer) end
    add("changed", observer)
  end
  self.observers, self.changes = observers, changes(observers)
  self.reports, self.arrivals = observers.changed or false, observers.received or false
  self.starts = observers.starting or false
end

--- Adds a message that was just received.
---@param entry watchbot.JobEntry without a stage
---@return watchbot.JobEntry
function Jobs:add(entry)
  entry.stage = "received"
  self.by_id[entry.id] = entry
  self.total = self.total + 1
  if self.arrivals then self.arrivals(entry, nil, "received") end
  if self.arrived then self.arrived() end
  return entry
end

--- The job of a message, unless its message is already being returned.
---@param id string
---@return watchbot.JobEntry?
function Jobs:current(id)
  local entry = self.by_id[id]
  return entry and entry.stage ~= "returning" and entry or nil
end

local function wait_in_line(self, entry, first)
  local limiter = self.limiter
  if entry.lane and not entry.lane:may_begin(entry) or limiter and not limiter:admit(entry) then
    self.parked, entry.parked = self.parked + 1, true
  elseif first then
    self.queue:push_front(entry)
  else
    self.queue:push(entry)
  end
end

local function leave_park(self, entry)
  self.parked, entry.parked = self.parked - 1, nil
end

--- A job that waited behind another of its group, or for a limit, waits for a slot, unless it has
--- to wait for another reason.
---@param entry watchbot.JobEntry
---@param last boolean? behind the others
function Jobs:unpark(entry, last)
  leave_park(self, entry)
  wait_in_line(self, entry, not last)
end

local function recount(counts, from, to)
  if counts[from] then counts[from] = counts[from] - 1 end
  if counts[to] then counts[to] = counts[to] + 1 end
end

--- Moves a job to another stage; raises an error for one that cannot follow.
---@param entry watchbot.JobEntry
---@param stage string
---@param first boolean? to the front of the waiting jobs
function Jobs:move(entry, stage, first)
  local from, lane = entry.stage, entry.lane
  local change = self.changes[from][stage]
  if not change then error(("a job cannot go from '%s' to '%s'"):format(from, stage), 2) end
  local observer = change.observer
  entry.stage = stage
  if change.plain and not lane then
    if observer then observer(entry, from, stage) end
    return
  end
  if (lane or self.limiter) and entry.parked then leave_park(self, entry) end
  if change.counts then recount(self.counts, from, stage) end
  local slots, lingerers = change.slots, change.lingerers
  if slots ~= 0 then self.slots = self.slots + slots end
  if lingerers ~= 0 then self.lingerers = self.lingerers + lingerers end
  if stage == "waiting" then
    wait_in_line(self, entry, first)
  elseif stage == "gone" then
    self.total = self.total - 1
    if self.by_id[entry.id] == entry then self.by_id[entry.id] = nil end
  end
  if observer then observer(entry, from, stage) end
  if change.matters and self.watcher then self.watcher:moved(stage, change) end
  if lane then lane:moved(entry, from, stage) end
end

--- Something other than the stage has changed that an observer needs.
---@param entry watchbot.JobEntry
function Jobs:changed(entry)
  if self.reports then self.reports(entry, entry.stage, entry.stage) end
end

--- Takes the job that has waited longest; the caller must move it on at once.
---@return watchbot.JobEntry?
function Jobs:pop_waiting()
  local entry = self.queue:pop()
  -- A job that has left the stage in another way (its life failed) is no longer waiting.
  while entry and entry.stage ~= "waiting" do entry = self.queue:pop() end
  return entry
end

--- Jobs that wait for a slot.
---@return integer
function Jobs:waiting()
  return self.counts.waiting - self.parked
end

--- Jobs that run, are about to, or are being settled: all except held ones.
---@return integer
function Jobs:active()
  return self.total - self.counts.held - self.counts.unplaced
end

--- Whether the watcher has no message.
---@return boolean
function Jobs:none()
  return self.total == 0
end

--- How many jobs are in a stage.
---@param stage string
---@return integer
function Jobs:count(stage)
  return self.counts[stage] or #self:all(stage)
end

--- How many jobs are in each of the stages before "gone".
---@return table<string, integer>
function Jobs:by_stage()
  local counts = {}
  for name in pairs(STAGES) do counts[name] = self:count(name) end
  counts.gone = nil
  return counts
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
