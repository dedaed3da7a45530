--- testing.witness: records what a watcher does with each message, from the stages of its jobs and
-- the events of the test's queue and runner. One record for each message; `busy` is true while
-- anything runs that only needs time, so that the test's clock may advance.

local scheduler = require "watchbot.scheduler"
local journal = require "watchbot.journal"
local jobs = require "watchbot.watcher.jobs"

---@class watchbot.testing.Record
---@field id string
---@field state "queued"|"waiting"|"deciding"|"running"|"held"|"settling"|"deleted"|"dead"
---@field job watchbot.Job?
---@field outcome string?
---@field exit watchbot.Exit?
---@field seconds number? until the message becomes visible again
---@field decided string? what chose the outcome
---@field environment table<string, string>?
---@field plan any what would run
---@field run table?

---@class watchbot.testing.Witness
---@field errors { where: string, message: string }[] errors raised by hooks
---@field lines string[] of the watcher's log
local Witness = {}
Witness.__index = Witness

local witness = {}

---@return watchbot.testing.Witness
function witness.new()
  return setmetatable({
    records = {}, errors = {}, lines = {}, hooks_running = 0, moving = 0,
    tasks = setmetatable({}, { __mode = "k" }), changed = scheduler.event(),
  }, Witness)
end

--- The record of a message.
---@param id string
---@return watchbot.testing.Record
function Witness:record(id)
  self.records[id] = self.records[id] or { id = id, state = "queued" }
  return self.records[id]
end

-- Stages that end by themselves.
local MOVING = {
  received = true, deciding = true, starting = true, settling = true, returning = true,
}

--- Whether something runs that will end by itself.
---@return boolean
function Witness:busy()
  return self.hooks_running > 0 or self.moving > 0
end

-- How many more jobs are moving: looking for them would cost more with each job.
function Witness:count(from, stage, real)
  local function moves(name) return MOVING[name] or name == "running" and real end
  self.moving = self.moving + (moves(stage) and 1 or 0) - (moves(from) and 1 or 0)
end

--- The caller: the hook that this task runs, and the id of its message.
---@return string? hook
---@return string? id
function Witness:caller()
  local task = scheduler.current()
  local called = task and self.tasks[task]
  if called then return called.hook, called.id end
end

function Witness:begins(hook, id)
  local task = scheduler.current()
  self.tasks[task] = { hook = hook, id = id, before = self.tasks[task] }
  self.hooks_running = self.hooks_running + 1
end

function Witness:ends()
  local task = scheduler.current()
  self.tasks[task] = self.tasks[task].before
  self.hooks_running = self.hooks_running - 1
  self.changed:set()
end

--- Runs `body` as the handler of a message, in its own task.
function Witness:within(hook, id, body, ...)
  self.tasks[scheduler.current()] = { hook = hook, id = id }
  return body(...)
end

-- Events of the queue and the runner.

local states = { deleted = "deleted", returned = "queued", dead = "dead" }

--- Records what the queue does with a message.
function Witness:queue_says(what, message, seconds)
  local record = self:record(message.id)
  record.receives = message.receives
  if what == "returned" then record.seconds = seconds end
  if states[what] then record.state = states[what] end
  self.changed:set()
end

--- Records what would be started for a message.
---@param id string
---@param plan any
function Witness:plans(id, plan)
  self:record(id).plan = plan
end

-- Events of the watcher.

-- Which part of the default verdict decided.
local function part_of(real, policy, exit)
  if exit.blameless or exit.timed_out or exit.not_started then return "default" end
  if exit.outcome then return real and "handler" or "default" end
  local named = policy.exits[exit.code] or policy.exits[exit.signal or exit.shell_signal]
  return named and "exits" or "default"
end

local function decided_by(policy, entry, real)
  if entry.decided ~= "verdict" then return entry.decided end
  return policy:is_set "verdict" and "verdict" or part_of(real, policy, entry.exit)
end

-- A job has moved to another stage, or its outcome is known.
function Witness:moved(entry, from, stage, policy, real)
  local record = self:record(entry.id)
  if stage ~= from then self:count(from, stage, real) end
  if stage ~= from and stage ~= "gone" then record.state = jobs.STAGES[stage].told end
  record.job, record.environment = entry.job, entry.environment
  record.run = entry.run
  if entry.decided then
    record.exit, record.seconds = entry.exit or nil, entry.seconds or nil
    record.decided = decided_by(policy, entry, real)
  end
  record.outcome = entry.outcome or record.outcome
  self.changed:set()
end

--- Starts recording a watcher.
---@param watcher watchbot.Watcher
---@param real boolean handlers really run, and need time
function Witness:watch(watcher, real)
  watcher.jobs:observe(function(entry, from, stage)
    self:moved(entry, from, stage, watcher.hooks.policy, real)
  end)
  watcher.hooks.observer = self
end

--- A hook is called, or has returned: see watchbot.HookObserver.
function Witness:called(name, job, began)
  if not began then return self:ends() end
  self:begins(name, type(job) == "table" and job.id or nil)
end

--- An error was raised.
function Witness:complained(err, where)
  table.insert(self.errors, { where = where, message = tostring(err) })
end

--- A journal that keeps its lines here.
---@return watchbot.Journal
function Witness:journal()
  local lines = self.lines
  return journal.new {
    write = function(_, category, id, line)
      lines[#lines + 1] = ("[%s]%s %s"):format(category, id and (" [%s]"):format(id) or "", line)
    end,
  }
end

return witness
