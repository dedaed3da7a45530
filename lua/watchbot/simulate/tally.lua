--- simulate.tally: counts what a simulation does, and remembers of each message what is needed
-- until it is gone, so that memory follows what waits and is in flight.

local limits = require "watchbot.lib.limits"
local own = require "watchbot.lib.own"
local quantiles = require "watchbot.simulate.quantiles"
local series = require "watchbot.simulate.series"

-- Lines of errors that are kept, for a person to read.
local MOST_ERRORS = 10

---@class watchbot.SimulatedMessage
---@field number integer
---@field at number when it arrived
---@field runs integer tasks that were started for it
---@field outcome string? of its last attempt
---@field decided string? what chose it
---@field exit watchbot.Exit? of its last task

---@class watchbot.SimulatedTally
---@field outcomes table<string, integer> attempts, by outcome
---@field ends table<string, integer> messages, by their end: complete, reject, dead
---@field wait watchbot.Quantiles from the arrival until the first task runs
---@field total watchbot.Quantiles from the arrival until the message is gone
---@field errors string[]
local Tally = {}
Tally.__index = Tally

local tally = {}

---@param now fun(): number seconds since the start
---@param ended (fun(message: watchbot.SimulatedMessage, how: string))? called for each message that
--- is gone
---@return watchbot.SimulatedTally
function tally.new(now, ended)
  return own({
    now = now, ended = ended, messages = {}, arrived = 0, gone = 0, running = 0, most_running = 0,
    most_waiting = 0, starts = 0, refused = 0, task_seconds = 0, notifications = 0, drained = 0,
    outcomes = { complete = 0, reject = 0, release = 0, retry = 0, bury = 0 },
    ends = { complete = 0, reject = 0, dead = 0 }, wait = quantiles.new(), total = quantiles.new(),
    series = series.new(), errors = {}, seen = {}, calls = { receive = 0, delete = 0, change = 0 },
  }, Tally)
end

function Tally:note(what)
  self.series:add(self.now(), what, self.arrived - self.gone, self.running)
end

--- A message arrives.
---@param id string
---@param number integer
function Tally:arrives(id, number)
  self.messages[id] = { number = number, at = self.now(), runs = 0 }
  self.arrived = self.arrived + 1
  self.most_waiting = math.max(self.most_waiting, self.arrived - self.gone - self.running)
  self:note "arrived"
end

--- A task starts.
---@param id string
---@return watchbot.SimulatedMessage
function Tally:starts_task(id)
  local message = self.messages[id]
  message.runs = message.runs + 1
  if message.runs == 1 then self.wait:add(self.now() - message.at) end
  self.starts, self.running = self.starts + 1, self.running + 1
  if self.running > self.most_running then self.most_running = self.running end
  self:note "started"
  return message
end

--- A task has ended.
---@param seconds number that it ran
function Tally:ends_task(seconds)
  self.running, self.task_seconds = self.running - 1, self.task_seconds + seconds
end

--- The outcome of an attempt is known.
---@param entry watchbot.JobEntry
function Tally:decides(entry)
  local message = self.messages[entry.id]
  if not message then return end
  message.outcome, message.decided, message.exit = entry.outcome, entry.decided, entry.exit
  self.outcomes[entry.outcome] = (self.outcomes[entry.outcome] or 0) + 1
  self:note(entry.outcome)
end

--- A message is gone.
---@param id string
---@param how "deleted"|"dead"
function Tally:goes(id, how)
  local message = self.messages[id]
  if not message then return end
  self.messages[id] = nil
  local as = how == "dead" and "dead" or message.outcome == "reject" and "reject" or "complete"
  self.gone, self.drained = self.gone + 1, self.now()
  self.ends[as] = self.ends[as] + 1
  self.total:add(self.now() - message.at)
  self:note(as == "dead" and "dead" or "done")
  if self.ended then self.ended(message, as) end
end

--- Something went wrong that the policy's author should see: the first of each kind are kept.
---@param text string
function Tally:complain(text)
  local line = tostring(text):match "^[^\n]*"
  self.seen[line] = (self.seen[line] or 0) + 1
  if self.seen[line] == 1 and #self.errors < MOST_ERRORS then
    self.errors[#self.errors + 1] = line
  end
end

-- a model of the calls that SQS gets

-- Deletes and changes of visibility go out when a batch is full, or `linger` seconds are over.
local BATCH = limits.sqs.batch

--- A message is deleted or its visibility changed.
---@param kind "delete"|"change"
---@param linger number
function Tally:settles(kind, linger)
  local now, batch = self.now(), self[kind]
  if not batch or now > batch.ends or batch.size == BATCH then
    batch = { ends = now + linger, size = 0 }
    self[kind] = batch
    self.calls[kind] = self.calls[kind] + 1
  end
  batch.size = batch.size + 1
end

return tally
