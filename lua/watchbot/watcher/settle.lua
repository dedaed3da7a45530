--- watcher.settle: settles a message in the queue, with retries until it succeeds. The queue does
-- the batching; this file only has what a lease adds: how long retries make sense.

local own = require "watchbot.lib.own"
local receipts = require "watchbot.queue.receipts"
local scheduler = require "watchbot.scheduler"

---@class watchbot.Settle
---@field answered number? boottime at which the queue has answered last
---@field unanswered number? boottime at which it has not answered last
local Settle = {}
Settle.__index = Settle

local settle = {}

-- Codes of errors that a retry within the same lease does not change.
local lasting = {
  NoDeadLetterQueue = true, NotAllowed = true, MessageTooLong = true, InvalidMessageContents = true,
  Usage = true,
}

--- Whether a code means that the receipt has expired.
settle.is_expired = receipts.is_expired

---@param queue table the queue seam
---@return watchbot.Settle
function settle.new(queue)
  return own({ queue = queue }, Settle)
end

-- Notes whether the queue has answered; a refusal of what was asked is an answer, too.
function Settle:note(ok, code)
  if ok or lasting[code] or receipts.is_expired(code) then
    self.answered = scheduler.boottime()
  else
    self.unanswered = scheduler.boottime()
  end
end

-- Retries until it succeeds, the receipt has expired without a newer one, or the lease has expired:
-- then the message becomes visible by itself, and a retry could affect another watcher's receive. A
-- success with a handle that a duplicate receive has replaced meanwhile proves nothing (SQS reports
-- success and deletes nothing), so the newest handle is tried as well.
local function persist(self, operation, lease, first, second, third, fourth)
  local pause, queue = 0.2, self.queue
  while true do
    local receipt = lease.receipt
    local ok, err, code = queue[operation](queue, receipt, first, second, third, fourth)
    local newer = lease.receipt ~= receipt
    if ok and not newer then
      self.answered = scheduler.boottime()
      if lease.claim then lease.claim = nil end
      return true, err
    end
    self:note(ok, code)
    if not ok and not newer then
      local over = scheduler.boottime() + pause >= lease.deadline
      if over or lasting[code] or receipts.is_expired(code) then return nil, err, code end
      scheduler.sleep(pause * (0.5 + math.random() / 2))
      pause = math.min(pause * 2, 10)
    end
  end
end

--- Deletes the message of the lease.
---@param record watchbot.Attempt? for the queue's history; so below
---@return true? ok
---@return string? err
---@return string? code
function Settle:delete(lease, record)
  return persist(self, "delete", lease, record, lease.claim)
end

--- Returns the message to the queue, visible again after `seconds`.
---@param uncount boolean? the receive does not count, if the queue supports that
---@return true? ok
---@return string? err
---@return string? code
function Settle:delay(lease, seconds, uncount, record)
  return persist(self, "delay", lease, seconds, uncount, record, lease.claim)
end

--- Moves the message to the dead-letter queue at once.
---@param lease watchbot.Lease
---@param message watchbot.Message as received
---@param reason string?
---@return true? ok
---@return string? err; or, with `ok`, a note for the log
---@return string? code "NoDeadLetterQueue", "NotAllowed"
function Settle:bury(lease, message, reason, record)
  return persist(self, "bury", lease, message, reason, record, lease.claim)
end

--- Extends the lease of a receipt once; the caller decides about a retry.
---@param receipt string
---@param seconds number
---@param within number timeout in seconds
---@return true? ok
---@return string? err
---@return string? code
function Settle:extend(receipt, seconds, within)
  local ok, err, code = self.queue:extend(receipt, seconds, within)
  self:note(ok, code)
  return ok, err, code
end

return settle
