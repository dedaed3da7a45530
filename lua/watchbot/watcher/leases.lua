--- leases: how long the watcher has each message in flight, and the heartbeat that extends that.
-- One task does it for all of them. Times are those of CLOCK_BOOTTIME, which continues while the
-- machine sleeps, like the queue's clock: a lease that expired during a suspend is seen as expired.
-- A lease that has lapsed is asked for again, and is lost where the queue refuses: another watcher
-- may have the message. Without an answer, what runs continues.

local limits = require "watchbot.lib.limits"
local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"
local settle = require "watchbot.watcher.settle"

-- SQS counts at most 12 hours from the receive, and refuses an extension beyond that.
local LIMIT, MARGIN = limits.sqs.visibility, 60

-- Heartbeats per visibility timeout: an extension starts before half of the time has passed, and
-- one that fails has two more chances.
local BEATS = 6

-- An extension without a response is given up after this share of a visibility timeout, but not
-- before this many seconds.
local PATIENCE, LEAST_PATIENCE = 1 / 4, 2

---@class watchbot.Lease
---@field owner table
---@field receipt string the newest receipt handle
---@field receives integer the receive count that came with it
---@field received number when it was received
---@field deadline number when the message becomes visible to others
---@field extending watchbot.Event? the extension under way
---@field decided boolean the outcome is decided: no extension starts any more
---@field lapsed boolean? the deadline passed, and that was logged
---@field claim watchbot.Claim? of its key, to be settled with it: see watcher/once.lua
---@field lost boolean? the queue has given the message to others, or it is gone
---@field unanswered boolean? the queue has not answered the last heartbeat
---@field limited boolean? it cannot be extended any further, and that was logged

---@class watchbot.Leases
---@field visibility number seconds
---@field exact boolean the queue refuses a receipt once the message was received again, so an
--- extension after the deadline proves that it was not; SQS may accept it
---@field turned number when the heartbeat last ran
---@field gap { from: number, to: number }|false the last time in which this process did not run
---@field counts table<string, integer> extensions that were answered (`extended`) and refused
--- (`refused`), heartbeats that came late (`late`), leases that have lapsed (`lapsed`)
local Leases = {}
Leases.__index = Leases

local leases = {
  LEAST_PATIENCE = LEAST_PATIENCE,
  --- The shortest visibility timeout, in seconds, in which an extension that gets no answer leaves
  --- time for another one.
  SHORTEST = LEAST_PATIENCE / PATIENCE,
  --- How long SQS lets one receiver keep a message, in seconds.
  LONGEST = LIMIT - MARGIN,
}

---@param settler watchbot.Settle
---@param visibility number seconds
---@param events { lapsed: fun(lease), lost: fun(lease), renewed: fun(lease),
--- failed: fun(lease, err, code), limited: fun(lease), late: fun(seconds) }
---@param exact boolean?
---@return watchbot.Leases
function leases.new(settler, visibility, events, exact)
  return own({
    settler = settler, visibility = visibility, events = events, held = {}, exact = exact or false,
    turned = scheduler.boottime(), gap = false,
    counts = { extended = 0, refused = 0, late = 0, lapsed = 0 },
  }, Leases)
end

-- A heartbeat that is this many seconds late was delayed together with everything else.
local LATE = 1

-- Records a time in which nothing ran here: the process was stopped, or the machine slept.
function Leases:turn(now)
  if now - self.turned <= self.visibility / BEATS + LATE then return end
  -- Seen by receives before the heartbeat itself has its turn.
  if not self.gap or self.gap.from ~= self.turned then
    self:count "late"
    self.events.late(now - self.turned)
  end
  self.gap = { from = self.turned, to = now }
end

function Leases:count(what)
  self.counts[what] = self.counts[what] + 1
end

--- The earliest time at which a message can have been received: a response that arrived while this
--- process did not run may be as old as that, and one that was under way for long is as old.
---@param message table with `asked`, when its poll started, if known, and `leased`, when its lease
--- began at the latest, if the queue knows
---@return number received boottime, as the next
---@return number now
function Leases:received_at(message)
  local now, gap = scheduler.boottime(), self.gap
  if now - self.turned > self.visibility / BEATS + LATE then
    self:turn(now)
    gap = self.gap
  end
  local latest = message.leased
  if not latest or latest > now then latest = now end
  if not gap then return latest, now end
  local asked = message.asked or now
  if gap.to < asked then return latest, now end
  return math.min(latest, math.max(gap.from, asked)), now
end

--- Starts the lease of a message that was just received.
---@param message table
---@param owner table passed to the events
---@return watchbot.Lease
---@return boolean over it has expired already
function Leases:take(message, owner)
  local received, now = self:received_at(message)
  local deadline = received + self.visibility
  local lease = {
    owner = owner, receipt = message.receipt, receives = message.receives, received = received,
    deadline = deadline, decided = false,
  }
  self.held[lease] = true
  return lease, now >= deadline
end

--- A duplicate receive of a message in flight: the receipt handle with the higher receive count is
--- valid.
function Leases:adopt(lease, message)
  if lease.receives and message.receives < lease.receives then return end
  lease.receipt, lease.receives = message.receipt, message.receives
  lease.received = (self:received_at(message))
  lease.deadline, lease.lapsed = lease.received + self.visibility, false
  lease.lost, lease.unanswered = false, false
end

--- Whether another watcher may have the message by now.
---@return boolean
function Leases:has_lapsed(lease) -- luacheck: ignore 212
  return scheduler.boottime() >= lease.deadline
end

--- The lease is over; that is reported once.
function Leases:lapse(lease)
  if lease.lapsed then return end
  lease.lapsed = true
  self:count "lapsed"
  self.events.lapsed(lease)
end

-- Another watcher may have the message; or it is no longer in the queue, and then
-- its task does no harm.
local function lose(self, lease, is_gone)
  if lease.lost or lease.decided then return end
  lease.lost = true
  self:lapse(lease)
  if not is_gone then self.events.lost(lease) end
end

-- The queue has extended the lease, perhaps so late that it is over again.
local function extended(self, lease, started, seconds)
  lease.deadline, lease.unanswered = started + seconds, false
  self:count "extended"
  if not lease.lapsed or lease.decided or self:has_lapsed(lease) then return end
  lease.lapsed = false
  self.events.renewed(lease)
end

-- The queue has refused the extension, or has not answered.
local function refused(self, lease, started, err, code)
  self:count "refused"
  self.events.failed(lease, err, code)
  lease.unanswered = not settle.is_expired(code)
  if lease.unanswered then return end
  lease.deadline = math.min(lease.deadline, started)
  lose(self, lease, self.exact and code == "MessageNotInflight")
end

--- Decides the lease: no more extensions start, and a running one has returned when this does.
function Leases:decide(lease)
  lease.decided = true
  self.held[lease] = nil
  if lease.extending then lease.extending:wait() end
end

--- Seconds that the message can still be kept, by the queue's limit.
function leases.left(lease, now)
  return LIMIT - MARGIN - (now - lease.received)
end

-- Asks the queue for an extension; reports one that is refused.
function Leases:ask(lease, started, receipt, seconds)
  local within = math.max(self.visibility * PATIENCE, LEAST_PATIENCE)
  local ok, err, code = self.settler:extend(receipt, seconds, within)
  if lease.receipt ~= receipt then return end
  if ok then
    extended(self, lease, started, seconds)
  elseif not lease.decided then
    refused(self, lease, started, err, code)
  end
end

-- Runs in its own turn, in which the lease may have been decided already.
function Leases:extend(lease)
  if lease.decided then return end
  local started, receipt = scheduler.boottime(), lease.receipt
  local seconds = math.floor(math.min(self.visibility, leases.left(lease, started)))
  if seconds < 1 then
    if not lease.limited then
      lease.limited = true
      self.events.limited(lease)
    end
    return
  end
  lease.extending = scheduler.event()
  local ok, err = xpcall(self.ask, debug.traceback, self, lease, started, receipt, seconds)
  lease.extending:set()
  lease.extending = nil
  if not ok then self.events.failed(lease, err, "InternalError") end
end

function Leases:beat()
  local now = scheduler.boottime()
  local interval = self.visibility / BEATS
  self:turn(now)
  self.turned = now
  for lease in pairs(self.held) do
    if lease.deadline <= now then self:overdue(lease) end
    if not lease.extending and not lease.lost
      and lease.deadline - now - interval < self.visibility / 2 then
      scheduler.spawn(self.extend, self, lease)
    end
  end
end

-- The deadline has passed: heartbeats were late, or the queue has not answered them.
function Leases:overdue(lease)
  self:lapse(lease)
  if not (self.exact or lease.unanswered or lease.extending) then lose(self, lease) end
end

--- Sends heartbeats until the task is cancelled.
function Leases:run()
  self.turned = scheduler.boottime()
  while true do
    scheduler.sleep(self.visibility / BEATS)
    self:beat()
  end
end

return leases
