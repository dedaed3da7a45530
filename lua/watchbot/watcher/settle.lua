--- settle: what becomes of messages, told to the queue in batches.
-- Owns the batching and the repeating; the watcher says what is to happen and waits for the answer. Entries gather until
-- a batch is full or `linger` seconds have passed, so one call to the queue serves many jobs.

local scheduler = require "watchbot.scheduler"

---@class watchbot.Batcher
local Batcher = {}
Batcher.__index = Batcher

---@param call fun(entries: table): table?, string?, string? the queue's batch operation: an answer for each entry
---@param size integer entries a call
---@param linger number seconds that a batch waits to become full
local function batcher(call, size, linger)
  return setmetatable({ call = call, size = size, linger = linger, filling = nil }, Batcher)
end

--- Sends the batch; each of those who wait in `submit` finds its own answer in it.
function Batcher:flush(batch)
  if self.filling == batch then self.filling = nil end
  local ok, answers, message, code = pcall(self.call, batch.entries)
  if not ok then
    answers, message, code = nil, answers, "InternalError"
  end
  batch.answers = answers
  batch.failure = { message = message, code = code }
  batch.done:set()
end

function Batcher:open()
  local batch = { entries = {}, done = scheduler.event(), full = scheduler.event() }
  self.filling = batch
  scheduler.spawn(function()
    if self.linger > 0 then batch.full:wait(self.linger) end
    self:flush(batch)
  end)
  return batch
end

--- Puts an entry into the batch that is filling and waits for the answer.
---@return true? ok
---@return string? message
---@return string? code
function Batcher:submit(entry)
  local batch = self.filling or self:open()
  local index = #batch.entries + 1
  batch.entries[index] = entry
  if index == self.size then
    self.filling = nil
    batch.full:set()
  end
  batch.done:wait()
  local answer = batch.answers and batch.answers[index] or batch.failure
  if answer == true then return true end
  return nil, answer.message or "the queue gave no answer for this message", answer.code or "NoAnswer"
end

-- Codes that say that this receipt is worth nothing any more; trying it again cannot help.
local expired = {
  ReceiptHandleIsInvalid = true,
  MessageNotInflight = true,
  InvalidParameterValue = true,
}

---@class watchbot.Settle
local Settle = {}
Settle.__index = Settle

local settle = {}

---@param queue table the queue seam
---@param linger number seconds that a batch waits to become full
---@return watchbot.Settle
function settle.new(queue, linger)
  local size = queue.settle_batch or 10
  local function delay(entries) return queue:delay(entries) end
  return setmetatable({
    queue = queue,
    deletes = batcher(function(receipts) return queue:delete(receipts) end, size, linger),
    returns = batcher(delay, size, linger),
    extensions = batcher(function(entries) return queue:delay(entries, entries[1].within) end, size, 0),
  }, Settle)
end

--- Whether a code means that the receipt has expired.
---@param code string
---@return boolean
function settle.is_expired(code)
  return expired[code] == true
end

-- Tries until it works, the receipt has expired with no newer one, or the lease has run out: then the message comes back
-- by itself and another try would hit whoever has it by then. A success with a handle that a duplicate receive has
-- replaced meanwhile proves nothing (SQS answers so and deletes nothing), so the newest one is tried as well.
local function persist(lease, try)
  local pause = 0.2
  while true do
    local receipt = lease.receipt
    local ok, message, code = try(receipt)
    local newer = lease.receipt ~= receipt
    if ok and not newer then return true end
    if not ok and not newer then
      if expired[code] or scheduler.boottime() + pause >= lease.deadline then return nil, message, code end
      scheduler.sleep(pause * (0.5 + math.random() / 2))
      pause = math.min(pause * 2, 10)
    end
  end
end

--- Deletes the message that the lease holds.
---@return true? ok
---@return string? message
---@return string? code
function Settle:delete(lease)
  return persist(lease, function(receipt) return self.deletes:submit(receipt) end)
end

--- Returns the message to the queue, to be seen again after `seconds`.
---@param uncount boolean? the receive does not count, where the queue can take it back
function Settle:delay(lease, seconds, uncount)
  return persist(lease, function(receipt)
    return self.returns:submit { receipt = receipt, seconds = seconds, uncount = uncount }
  end)
end

--- Moves the message to the dead-letter queue at once, and out of this one.
---@param lease watchbot.Lease
---@param message table what the queue handed over
---@param reason string?
---@return true? ok
---@return string? err
---@return string? code "NoDeadLetterQueue"; "NotAllowed"
function Settle:bury(lease, message, reason)
  if not self.queue.bury then
    return nil, "the queue has no dead-letter queue", "NoDeadLetterQueue"
  end
  return persist(lease, function(receipt) return self.queue:bury(receipt, message, reason) end)
end

--- Extends the lease of a receipt once; the caller decides about another try.
---@param receipt string
---@param seconds number
---@param within number seconds after which the try is given up
function Settle:extend(receipt, seconds, within)
  return self.extensions:submit { receipt = receipt, seconds = seconds, within = within }
end

return settle
