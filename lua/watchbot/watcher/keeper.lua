--- watcher.keeper: what a watcher does in the file of its embedded queue besides receiving and
-- settling: it checks whether one of its jobs was cancelled, writes that it is alive and which
-- version of its policy it has, and removes what is too old of a history, also while there are no
-- jobs.

local cancels = require "watchbot.queue.sqlite.cancels"
local committer = require "watchbot.queue.sqlite.committer"
local history = require "watchbot.queue.sqlite.history"
local own = require "watchbot.lib.own"
local pid = require("watchbot.core").systemd.pid
local scheduler = require "watchbot.scheduler"
local version = require "watchbot.version"

-- Seconds between two looks at what was cancelled, two signs of life (fewer where the number of its
-- jobs has changed), and two removals; and between two warnings that the history cannot be written.
local LOOK, SIGN, CHANGED, PRUNE, WARN = 1, 10, 2, 60, 60

-- Milliseconds after which a watcher that was killed is forgotten.
local FORGET = 86400 * 1000

---@class watchbot.Keeper
local Keeper = {}
Keeper.__index = Keeper

local keeper = {}

local function host_name()
  local file = io.open "/proc/sys/kernel/hostname"
  if not file then return "localhost" end
  local name <close> = file
  return name:read "l" or "localhost"
end

---@param watcher watchbot.Watcher on an embedded queue
---@return watchbot.Keeper
function keeper.new(watcher)
  local started = scheduler.time()
  local self = own({
    watcher = watcher, queue = watcher.queue, jobs = watcher.jobs, warned = -math.huge,
    started = started, host = host_name(),
    pid = pid(), signed = -math.huge, pruned = scheduler.now(),
  }, Keeper)
  self.id = ("%s:%d:%d"):format(self.host, self.pid, started)
  self:apply(watcher.hooks.policy)
  return self
end

--- What the policy keeps.
---@param policy watchbot.Policy
function Keeper:apply(policy)
  local keep = policy.history and {
    seconds = policy.history, rows = policy.history_rows, subjects = policy.log_messages,
  } or nil
  self.keep = keep
  self.queue:keep_history(keep, function(count, err, code) self:lost(count, err, code) end)
end

function Keeper:lost(count, err, code)
  if scheduler.now() - self.warned < WARN then return end
  self.warned = scheduler.now()
  self.watcher.journal:warning(nil, "error", "the history was not written: " .. err, "code", code,
    "where", "history", "attempts", count)
end

-- cancelling

-- The row of a job in the file, which its receipt begins with.
local function seq_of(entry)
  local receipt = entry.lease and entry.lease.receipt or entry.message.receipt
  return math.tointeger(tonumber(receipt:match "^%d+"))
end

-- Stops the jobs that were cancelled since the last look.
function Keeper:look()
  local asked, err, code = cancels.asked(self.queue.reader)
  if not asked then return code == "SQLITE_BUSY" or error(err, 0) end
  if not next(asked) then return end
  local gone = false
  for _, is_gone in pairs(asked) do gone = gone or is_gone end
  if gone then self.queue.settling:add(cancels.tidy, false) end
  for _, entry in pairs(self.jobs.by_id) do
    if asked[seq_of(entry)] == false and not entry.cancelled then
      self.watcher.life:cancel(entry)
    end
  end
end

-- the file

local SIGN_OF_LIFE = [[
  INSERT OR REPLACE INTO watchers (id, host, pid, version, started, seen, workers, running, policy)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)]]

function Keeper:sign()
  self.signed = scheduler.now()
  local slots, running = self.watcher.hooks.policy.workers, self.jobs.slots
  local policy = self.watcher.journal.identity
  self.policy, self.running = policy, running
  self.queue.settling:add(function(transaction, now)
    transaction:run(SIGN_OF_LIFE, self.id, self.host, self.pid, version, self.started, now, slots,
      running, policy)
    transaction:run("DELETE FROM watchers WHERE seen < ?", now - FORGET)
  end, false).optional = true
end

-- Removes what is too old, in steps that let other work in between.
function Keeper:prune()
  self.pruned = scheduler.now()
  repeat
    local work = self.queue.settling:add(history.prune, false)
    work.optional = true
    local count, err, code = committer.wait(work)
    if not count then return self:lost(0, err, code) end
  until count == 0
end

-- Whether there is something to say.
function Keeper:is_due()
  local since = scheduler.now() - self.signed
  return since >= SIGN or self.policy ~= self.watcher.journal.identity
    or since >= CHANGED and self.running ~= self.jobs.slots
end

--- Works until the task is cancelled.
function Keeper:run()
  while true do
    if self:is_due() then self:sign() end
    self:look()
    if scheduler.now() - self.pruned >= PRUNE then self:prune() end
    scheduler.sleep(LOOK)
  end
end

--- The watcher ends. Waits in a task.
function Keeper:close()
  if self.signed < 0 then return end
  self.queue.settling:submit(function(transaction)
    transaction:run("DELETE FROM watchers WHERE id = ?", self.id)
  end, true)
end

return keeper
