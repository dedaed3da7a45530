--- watcher.settle: tells the queue what becomes of a message, again and again until it is done.
-- Batching is the queue's own; here is only what a lease adds: how long another try makes sense.

local own = require "watchbot.lib.own"
local receipts = require "watchbot.queue.receipts"
local scheduler = require "watchbot.scheduler"

---@class watchbot.Settle
local Settle = {}
Settle.__index = Settle

local settle = {}

-- Codes of what another try within the same lease does not change.
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

-- Tries until it works, the receipt has expired with no newer one, or the lease has run out: then
-- the message comes back by itself, and another try could hit another watcher's receive. A success
-- with a handle that a duplicate receive has replaced meanwhile proves nothing (SQS answers so and
-- deletes nothing), so the newest one is tried as well.
local function persist(queue, operation, lease, ...)
  local pause = 0.2
  while true do
    local receipt = lease.receipt
    local ok, err, code = queue[operation](queue, receipt, ...)
    local newer = lease.receipt ~= receipt
    if ok and not newer then return true, err end
    if not ok and not newer then
      local over = scheduler.boottime() + pause >= lease.deadline
      if over or lasting[code] or receipts.is_expired(code) then return nil, err, code end
      scheduler.sleep(pause * (0.5 + math.random() / 2))
      pause = math.min(pause * 2, 10)
    end
  end
end

--- Deletes the message that the lease holds.
---@return true? ok
---@return string? err
---@return string? code
function Settle:delete(lease)
  return persist(self.queue, "delete", lease)
end

--- Returns the message to the queue, to be seen again after `seconds`.
---@param uncount boolean? the receive does not count, where the queue can take it back
---@return true? ok
---@return string? err
---@return string? code
function Settle:delay(lease, seconds, uncount)
  return persist(self.queue, "delay", lease, seconds, uncount)
end

--- Moves the message to the dead-letter queue at once, and out of this one.
---@param lease watchbot.Lease
---@param message watchbot.Message as it was received
---@param reason string?
---@return true? ok
---@return string? err; or, with `ok`, a note for the log
---@return string? code "NoDeadLetterQueue", "NotAllowed"
function Settle:bury(lease, message, reason)
  return persist(self.queue, "bury", lease, message, reason)
end

--- Extends the lease of a receipt once; the caller decides about another try.
---@param receipt string
---@param seconds number
---@param within number seconds after which the try is given up
---@return true? ok
---@return string? err
---@return string? code
function Settle:extend(receipt, seconds, within)
  return self.queue:extend(receipt, seconds, within)
end

return settle
