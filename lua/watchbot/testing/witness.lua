--- testing.witness: sees what a watcher does with each message, by its hooks, its journal, its queue and its runner.
-- A record a message; `busy` tells whether anything goes on that only needs time, so that the test's clock may move.

local journal = require "watchbot.journal"
local scheduler = require "watchbot.scheduler"

---@class watchbot.testing.Record
---@field id string
---@field state "queued"|"waiting"|"deciding"|"running"|"held"|"settling"|"deleted"|"dead"
---@field job watchbot.Job?
---@field outcome string?
---@field exit watchbot.Exit?
---@field seconds number? until the message is seen again
---@field decided string? who chose the outcome
---@field environment table<string, string>?
---@field plan any what would run
---@field run table?

---@class watchbot.testing.Witness
---@field errors { where: string, message: string }[] what hooks have thrown
---@field lines string[] of the watcher's log
local Witness = {}
Witness.__index = Witness

local witness = {}

---@param real boolean handlers run for real, and need time
---@return watchbot.testing.Witness
function witness.new(real)
  return setmetatable({
    runs_for_real = real, records = {}, errors = {}, lines = {}, hooks_running = 0, tasks = setmetatable({},
    { __mode = "k" }), changed = scheduler.event(),
  }, Witness)
end

--- The record of a message.
---@param id string
---@return watchbot.testing.Record
function Witness:record(id)
  self.records[id] = self.records[id] or { id = id, state = "queued" }
  return self.records[id]
end

function Witness:set(id, state)
  self:record(id).state = state
  self.changed:set()
end

local moving = { deciding = true, settling = true }

--- Whether something goes on that will come to an end by itself.
---@return boolean
function Witness:busy()
  if self.hooks_running > 0 then return true end
  for _, record in pairs(self.records) do
    if moving[record.state] or (self.runs_for_real and record.state == "running") then return true end
  end
  return false
end

--- Who is calling: the hook that this task runs, and the id of its message.
---@return string? hook
---@return string? id
function Witness:caller()
  local task = scheduler.running()
  local called = task and self.tasks[task]
  if called then return called.hook, called.id end
end

--- Runs `body` as the hook or handler of a message.
function Witness:within(hook, id, body, ...)
  local task = scheduler.running()
  local before = self.tasks[task]
  self.tasks[task], self.hooks_running = { hook = hook, id = id }, self.hooks_running + 1
  local _ <close> = setmetatable({}, { __close = function()
    self.tasks[task], self.hooks_running = before, self.hooks_running - 1
    self.changed:set()
  end })
  return body(...)
end

-- what the queue and the runner tell

local states = { received = "waiting", deleted = "deleted", returned = "queued", dead = "dead" }

--- What the queue does with a message.
function Witness:queue_says(what, message, seconds)
  local record = self:record(message.id)
  -- A duplicate of a message in flight changes nothing about it.
  if what == "received" and record.state ~= "queued" then return end
  record.receives = message.receives
  if what == "returned" then record.seconds = seconds end
  self:set(message.id, states[what])
end

--- What the runner knows of a message's task.
function Witness:runner_says(id, name, value)
  local record = self:record(id)
  record[name] = value
  if name == "run" then self:set(id, value and "running" or "settling") end
end

-- what the hooks say

local before = {}
local after = {}

function before.admit(self, job)
  local record = self:record(job.id)
  record.job = job
  self:set(job.id, "deciding")
end

function before.verdict(self, job, exit)
  self:record(job.id).exit = exit
  self:set(job.id, "settling")
end

function after.admit(self, _, job, admitted, seconds)
  if admitted == true then return end
  local record = self:record(job.id)
  record.decided = "admit"
  if admitted ~= "hold" then return end
  record.seconds = seconds
  self:set(job.id, "held")
end

-- Which part of the default verdict it was.
local function part_of(self, policy, exit)
  if exit.blameless or exit.timed_out or exit.not_started then return "default" end
  if exit.outcome then return self.runs_for_real and "handler" or "default" end
  return (policy.exits[exit.code] or policy.exits[exit.signal]) and "exits" or "default"
end

function after.verdict(self, policy, job)
  local record = self:record(job.id)
  record.decided = policy:is_set "verdict" and "verdict" or part_of(self, policy, record.exit)
end

--- Listens to the hooks of a watcher.
---@param hooks watchbot.HookCaller
function Witness:listen(hooks)
  local call, complain = hooks.call, hooks.complain
  local function told(name, job, ok, ...)
    if not ok and job then self:record(job.id).decided = name end
    if ok and after[name] then after[name](self, hooks.policy, job, ...) end
    return ok, ...
  end
  function hooks.call(caller, name, job, ...)
    local of_job = type(job) == "table" and job.id ~= nil
    if of_job and before[name] then before[name](self, job, ...) end
    return told(name, of_job and job or nil, self:within(name, of_job and job.id or nil, call, caller, name, job, ...))
  end
  function hooks.complain(caller, err, where)
    table.insert(self.errors, { where = where, message = tostring(err) })
    return complain(caller, err, where)
  end
end

-- what the log says

local Journal = setmetatable({}, { __index = journal.Journal })
Journal.__index = Journal

function Journal:outcome(job, outcome, exit, seconds)
  local record = self.witness:record(job.id)
  record.outcome, record.exit, record.seconds = outcome, exit, seconds
  if exit.stopped then record.decided = "stop" end
  self.witness:set(job.id, "settling")
  return journal.Journal.outcome(self, job, outcome, exit, seconds)
end

function Journal:held(job, exit, seconds)
  local record = self.witness:record(job.id)
  record.exit, record.seconds = exit, seconds
  self.witness:set(job.id, "held")
  return journal.Journal.held(self, job, exit, seconds)
end

--- A journal whose lines stay here.
---@return watchbot.Journal
function Witness:journal()
  local lines = self.lines
  local sink = {
    write = function(_, category, id, line)
      lines[#lines + 1] = ("[%s]%s %s"):format(category, id and (" [%s]"):format(id) or "", line)
    end,
  }
  return setmetatable({ sink = sink, witness = self }, Journal)
end

return witness
