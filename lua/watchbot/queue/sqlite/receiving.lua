--- queue.sqlite.receiving: receives of the embedded queue. A waiting receive checks every 50 ms
-- when the next message is due, which is as cheap as PRAGMA data_version. queue.sqlite.taking
-- selects the messages.

local committer = require "watchbot.queue.sqlite.committer"
local limits = require "watchbot.queue.sqlite.limits"
local once = require "watchbot.queue.sqlite.once"
local pauses = require "watchbot.queue.sqlite.pauses"
local scheduler = require "watchbot.scheduler"
local store = require "watchbot.queue.sqlite.store"
local taking = require "watchbot.queue.sqlite.taking"

-- Seconds between two checks for messages that other processes have sent.
local TICK = 0.05

-- Seconds between two reports of messages that were removed because of their age.
local EXPIRED_PACE = 10

-- Milliseconds that the wall clock may go back before a waiting receive recomputes its times.
local SET_BACK = 1000

-- What a queue gets from here.
---@class watchbot.SqliteQueue
local Receiver = {}

-- Errors of the caller are raised here: within the transaction they would fail the work of others.
local function demand(ok, problem)
  if not ok then error(problem, 0) end
end

-- A running receive. If its task is cancelled, the messages that it has taken and not returned go
-- back.
local Receiving = {}
Receiving.__index = Receiving

function Receiving:take(queue, wanted)
  self.queue = queue
  self.entry = queue.settling:add(function(transaction, now)
    local messages, expired, paused = taking.take(transaction, now, wanted)
    if #messages == 0 then
      store.tidy(transaction, now)
      once.tidy(transaction, now)
      if wanted.lanes_of then limits.tidy(transaction, now) end
    end
    return messages, expired, paused
  end, true)
  local messages, expired, code = committer.wait(self.entry)
  self.entry = nil
  if messages then queue.has_pauses = code end
  return messages, expired, code
end

function Receiving:__close()
  local entry = self.entry
  if not entry then return end
  entry.dropped = true
  local settling, last = self.queue.settling, nil
  for _, message in ipairs(entry.answered and not entry.failure and entry.results[1] or {}) do
    last = settling:add(store.delay, true, {
      receipt = message.receipt, seconds = 0, uncount = true,
    })
  end
  if last then committer.wait(last) end
end

-- Whether the whole queue is paused, as far as that can be read now.
local function is_paused(self, now)
  local found = pauses.list(self.reader, now)
  return found and found[1] and not found[1].group
end

-- Seconds until the next message is due; 0 also if the next attempt will report something: a
-- failure, a clock that was set back, a missing file.
function Receiver:due_in()
  local now = scheduler.time()
  local set_back = now <= self.clock - SET_BACK
  self.clock = now
  local row, _, code = store.next_due(self.reader)
  if row == nil and code == "SQLITE_BUSY" then return TICK end
  if row == nil or set_back or self.reader:has_moved() then return 0 end
  if self.has_pauses and is_paused(self, now) then return TICK end
  return row and (row.visible_at - now) / 1000 or math.huge
end

--- A message that is settled may make room for the next of its group, or of its tenant: a receive
--- that waits takes it in the same transaction, instead of after it.
function Receiver:take_along()
  self.attempts_now = true
  self.arrived:set()
end

--- Waits until the next attempt; false if the time is up first.
function Receiver:wait_for_arrival(until_time)
  while true do
    local left = until_time - scheduler.now()
    if left <= 0 then return false end
    if self.attempts_now then return true end
    local due = self:due_in()
    if due <= 0 then return true end
    self.arrived:clear()
    self.arrived:wait(math.min(left, due, TICK))
  end
end

-- A backlog of expired messages is removed in hundreds of batches: an occasional report is enough.
function Receiver:tell_expired(count)
  self.expired = self.expired + count
  if self.expired == 0 or scheduler.now() - self.expired_told < EXPIRED_PACE then return end
  self:tell_expired_now()
end

function Receiver:tell_expired_now()
  local count = self.expired
  self.expired, self.expired_told = 0, scheduler.now()
  if count > 0 and self.on_expired then scheduler.spawn(self.on_expired, count) end
end

---@class watchbot.Message
---@field id string
---@field receipt string for `delete` and `delay`; valid until the message is received again
---@field body string any bytes
---@field subject string?
---@field attributes table<string, { type: string, value: string }>
---@field receives integer the receive count, including this receive
---@field sent integer milliseconds since the epoch
---@field first_received integer milliseconds since the epoch
---@field group string?
---@field leased number? boottime at which its lease began, or could have begun at the latest
---@field deduplication string?
---@field sequence string? within its group

--- Receives messages, hidden for `visibility` seconds. Waits in a task for one; can be cancelled.
---@param max integer the most messages to receive
---@param wait number? seconds to wait for the first, 0
---@param visibility number? seconds
---@return watchbot.Message[]? messages empty if nothing arrived in time
---@return string? err
---@return string? code
function Receiver:receive(max, wait, visibility)
  demand(math.type(max) == "integer" and max > 0, "receive: how many must be an integer above 0")
  local until_time = scheduler.now() + (wait or 0)
  local wanted = {
    max = math.min(max, self.batch), visibility = visibility or self.visibility,
    max_receives = self.max_receives,
    retention = self.retention, noted = self.settling.keep, lanes_of = self.lanes_of,
  }
  local receiving <close> = setmetatable({}, Receiving)
  while true do
    self.attempts_now = false
    local messages, expired, code = receiving:take(self, wanted)
    if not messages then return nil, expired, code end
    self:tell_expired(expired)
    if messages[1] then self.follows = wanted.lanes_of or messages[1].group or false end
    if #messages > 0 or not self:wait_for_arrival(until_time) then return messages end
  end
end

--- Gives a queue its receives.
---@param Queue table the class
local function extend(Queue)
  for name, method in pairs(Receiver) do Queue[name] = method end
end

return { extend = extend }
