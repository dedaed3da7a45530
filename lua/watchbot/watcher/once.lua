--- watcher.once: lets a message run only if nothing with its key is done or in progress (the
-- policy's `once`). An embedded queue keeps the keys itself, and settles each with its message in
-- one transaction (queue.sqlite.once); for SQS they are in a DynamoDB table (once.dynamodb), whose
-- leases are extended here.

local answers = require "watchbot.watcher.answers"
local call = require "watchbot.policy.call"
local own = require "watchbot.lib.own"
local retry = require "watchbot.aws.retry"
local scheduler = require "watchbot.scheduler"
local stored = require("watchbot.once").stored
local WAYS = require("watchbot.once").WAYS

-- Seconds until a key in progress is looked at again: first, at most, and where its message waits
-- in the queue.
local FIRST_LOOK, LONGEST_LOOK, LOOK_IN_QUEUE = 0.5, 10, 5

-- Jobs that may be held before more of them wait in the queue, and for how many seconds: a watcher
-- receives nothing more with a thousand of them.
local CROWD, LOOK_AFTER_CROWD = 100, 30

-- Extensions of a key's lease in the time that it lasts.
local BEATS = 6

-- Outcomes after which a key is done; any other frees it, so that the message can run again.
local DONE = { complete = true, reject = true }

---@class watchbot.Once
---@field hooks watchbot.HookCaller
---@field journal watchbot.Journal
---@field queue table
---@field tally watchbot.Tally
---@field jobs watchbot.Jobs
---@field lasting boolean tasks may outlive the watcher
local Once = {}
Once.__index = Once

local once = {}

---@param parts { hooks: table, journal: table, queue: table, tally: table, runner: table,
--- jobs: table }
---@return watchbot.Once
function once.new(parts)
  return own({
    hooks = parts.hooks, journal = parts.journal, queue = parts.queue, tally = parts.tally,
    jobs = parts.jobs, lasting = not not parts.runner.find, held = {},
  }, Once)
end

--- That of a watcher's life, which is made for the first message that needs it.
---@param life watchbot.Life
---@return watchbot.Once
function once.of(life)
  life.once = life.once or once.new(life)
  return life.once
end

-- Where the keys are. => store, or nil, err, code
function Once:open()
  if self.queue.claim then return self.queue end
  local table_arn = self.hooks.policy.once_table
  if self.store and self.store.arn == table_arn then return self.store end
  local store, err, code = require "watchbot.once.dynamodb".open(table_arn, self.queue.name)
  self.store = store
  return store, err, code
end

-- keys

-- => whether there is an answer, and the key as it is stored
function Once:ask(entry, how)
  local job = entry.job
  if type(how) == "string" then return true, WAYS[how](job, entry.message) end
  local ok, key = call.make("once", how, job.id, job)
  local err = key
  if ok then
    ok, key, err = pcall(answers.once, key)
    if not ok then err = key end
  end
  if ok and not err then return true, key and key ~= "" and stored(key) or nil end
  self.hooks:complain(err, "once")
  return false
end

-- => "failed", or the key; nil: the message runs without one
function Once:key_of(entry)
  local answered, key = self:ask(entry, self.hooks.policy.once)
  if not answered then return nil, true end
  if key then return key end
  self.journal:info(entry.id, "event", "runs without a key for once")
  return nil
end

-- claiming

-- No job is at fault where the keys cannot be reached.
local function not_claimed(err, code)
  local passing = code ~= "Usage" and (retry.is_passing(code) or tostring(code):find "^SQLITE_")
  return {
    reason = "the key of once could not be claimed: " .. tostring(err), error = code, duration = 0,
    unplaced = passing and true or nil, not_started = not passing or nil,
  }
end

-- The key is in progress: the job waits for it here, without a slot.
function Once:wait(entry, key, seconds)
  if not entry.waits_once then
    self.journal:info(entry.id, "event", "waits: its key is in progress", "key", key)
  end
  local pause = math.min((entry.waits_once or FIRST_LOOK / 2) * 2, LONGEST_LOOK)
  entry.waits_once = pause
  return {
    hold = "held", seconds = math.max(math.min(pause, seconds or pause), FIRST_LOOK / 2),
    exit = { reason = ("its key '%s' is in progress"):format(key) }, cause = "waits",
    decided = "once",
  }
end

local states = {}

function states.done(self, entry, key)
  self.tally:count "once_done"
  self.journal:info(entry.id, "event", "not run: its key is done", "key", key)
  return {
    outcome = "complete", exit = { reason = ("not run: its key '%s' is done"):format(key) },
    cause = "ended", decided = "once",
  }
end

-- It waits in the queue, which does not count the receive.
local function back(seconds, reason, key)
  return {
    outcome = "release", seconds = seconds, cause = "waits", decided = "once",
    exit = { reason = reason:format(key) },
  }
end

function states.busy(self, entry, key, seconds)
  if self.queue.claim and self.jobs.counts.held >= CROWD then
    return back(LOOK_AFTER_CROWD, "its key '%s' is in progress", key)
  end
  return self:wait(entry, key, seconds)
end

-- The message that has the key waits in the queue, maybe for what this one keeps (a limit).
function states.waits(_, _, key)
  return back(LOOK_IN_QUEUE, "its key '%s' is that of a message in the queue", key)
end

-- Another watcher may have the message.
function states.lost()
  return { outcome = "lapsed", exit = { cause = "lapsed" }, cause = "lapsed", decided = "once" }
end

function Once:doubt(id, key, why)
  self.tally:count "once_doubt"
  self.journal:warning(id, "event", "a key is in doubt", "key", key, "reason", why)
end

function Once:claimed(entry, store, claim, doubt)
  if doubt then
    self:doubt(entry.id, claim.key, "its earlier run may have completed: the watcher ended before "
      .. "it was marked as done; it runs again")
  end
  entry.claim = claim
  if store == self.queue then
    entry.lease.claim = claim
  else
    claim.deadline = scheduler.boottime() + claim.seconds
    self.held[claim] = store
    self.beating = self.beating or scheduler.spawn(self.beat, self)
  end
end

--- Claims the key of a job that is about to run. Waits.
---@param entry watchbot.JobEntry
---@return table? verdict why it does not run now
---@return watchbot.Exit? exit if its key cannot be claimed
---@return boolean? failed the function `once` has failed
function Once:enter(entry)
  local key, failed = self:key_of(entry)
  if not key then return nil, nil, failed end
  local current, lease = self.hooks.policy, entry.lease
  local store, err, code = self:open()
  if not store then return nil, not_claimed(err, code) end
  local claim = {
    key = key, id = entry.id, receipt = lease.receipt, seconds = current.visibility,
    keeps = current.once_for, rests = current.handover, lasting = self.lasting,
  }
  local earlier = entry.claim
  if earlier and earlier.key ~= key then self:left(entry) end
  if earlier and earlier.key == key and self.held[earlier] then return nil end
  local state, detail, why = store:claim(claim)
  if not state then return nil, not_claimed(detail, why) end
  if state == "claimed" then return self:claimed(entry, store, claim, detail) end
  return states[state](self, entry, key, detail)
end

-- the end

--- Decides what happens to the key of a job. What is not in the queue's file is settled here,
--- before the message is: where the watcher is killed in between, the message is found to be done.
---@param entry watchbot.JobEntry
---@param outcome string
---@param exit watchbot.Exit
function Once:settle(entry, outcome, exit)
  local claim = entry.claim
  claim.state = DONE[outcome] and "done" or exit.left and "left" or "free"
  local store = self.held[claim]
  if not store then return end
  self.held[claim] = nil
  if claim.extending then claim.extending:wait() end
  entry.claim = nil
  local ok, err = store:settle(claim)
  if ok then return end
  if claim.state == "done" then
    self:doubt(entry.id, claim.key, "it could not be marked as done, so that another message with "
      .. "it would run: " .. tostring(err))
  else
    self.journal:warning(entry.id, "error", err, "where", "once")
  end
end

--- The watcher has a message no more, whose key was not settled with it.
---@param entry watchbot.JobEntry
function Once:left(entry)
  local claim, lease = entry.claim, entry.lease
  entry.claim = nil
  if self.held[claim] then
    entry.claim = claim
    return self:settle(entry, "retry", {})
  end
  if not lease.claim then return end
  lease.claim = nil
  if claim.state then return end
  claim.state = "free"
  local ok, err, code = self.queue:release(claim)
  if not ok then self.journal:warning(entry.id, "error", err, "code", code, "where", "once") end
end

--- A message was received again while it is here: its key follows its new receipt.
---@param entry watchbot.JobEntry
function Once:adopt(entry)
  local claim = entry.lease.claim
  if not claim or claim.receipt == entry.lease.receipt then return end
  claim.receipt = entry.lease.receipt
  scheduler.spawn(function()
    if self.queue:claim(claim) == "claimed" then return end
    self:doubt(claim.id, claim.key, "its lease had lapsed while it ran: another message with it "
      .. "may run too")
  end)
end

-- the leases of keys in a table

function Once:extend(claim, store)
  claim.extending = scheduler.event()
  local started = scheduler.boottime()
  local ok, err, code = store:extend(claim)
  if ok then
    claim.deadline = started + claim.seconds
  elseif self.held[claim] then
    self.journal:warning(claim.id, "error", err, "code", code, "where", "once")
  end
  claim.extending:set()
  claim.extending = nil
end

-- Extends the leases of all keys, as long as there are any.
function Once:beat()
  while next(self.held) do
    local shortest = math.huge
    for claim in pairs(self.held) do shortest = math.min(shortest, claim.seconds) end
    scheduler.sleep(shortest / BEATS)
    local now = scheduler.boottime()
    for claim, store in pairs(self.held) do
      if not claim.extending and claim.deadline - now < claim.seconds * 2 / 3 then
        scheduler.spawn(self.extend, self, claim, store)
      end
    end
  end
  self.beating = nil
end

return once
