--- testing.queue: the queue interface in memory, for a policy's tests. Messages, receipts,
-- visibility, backoff, groups and dead letters behave as in a real queue (the specs run the same
-- contract on it); the clock is the scheduler's. It leaves out retention, size limits, failures and
-- other watchers.

local scheduler = require "watchbot.scheduler"

-- SQS's values: receives, and seconds.
local MAX_RECEIVES, VISIBILITY, DEDUPLICATION = 10, 30, 300

---@class watchbot.testing.Queue
---@field dead table[] messages that were received too often, oldest first
---@field heard fun(what: "received"|"deleted"|"returned"|"dead", message: table, seconds: number?)
--- called with each event
local Queue = {
  embedded = true, batch = 10, polls = 1, gather = 0, cut = 0,
}
Queue.__index = Queue

local module = {}

---@param options { name: string?, fifo: boolean?, max_receives: integer?, heard: function? }
---@return watchbot.testing.Queue
function module.new(options)
  return setmetatable({
    name = options.name or "testing", fifo = options.fifo or false,
    max_receives = options.max_receives or MAX_RECEIVES,
    heard = options.heard or function() end, items = {}, dead = {}, deduplicated = {}, sent = 0,
    handed = 0,
    arrived = scheduler.event(),
  }, Queue)
end

-- sending

-- The id of a message that was sent recently with this deduplication id.
function Queue:known(message)
  local known = message.deduplication and self.deduplicated[message.deduplication]
  return known and scheduler.now() - known.at < DEDUPLICATION and known.id or nil
end

function Queue:add(message)
  self.sent = self.sent + 1
  local item = {
    id = message.id or ("message-%d"):format(self.sent), body = message.body,
    subject = message.subject,
    attributes = message.attributes or {}, group = message.group,
    deduplication = message.deduplication,
    sent = message.sent or scheduler.time(), receives = message.receives or 0,
    delayed = message.delay ~= nil,
    visible_at = scheduler.now() + (message.delay or 0),
  }
  self.items[#self.items + 1] = item
  if message.deduplication then
    self.deduplicated[message.deduplication] = { id = item.id, at = scheduler.now() }
  end
  return item.id
end

--- Adds messages, like the queue interface. A message may have an `id`, a time `sent` and its
--- previous `receives`.
---@param messages table[]
---@return { id: string }[]
function Queue:send(messages)
  local answers = {}
  for index, message in ipairs(messages) do
    answers[index] = { id = self:known(message) or self:add(message) }
  end
  self.arrived:set()
  return answers
end

-- receiving

function Queue:remove(item)
  for index, other in ipairs(self.items) do
    if other == item then return table.remove(self.items, index) end
  end
end

--- Delivers a message, whether or not it is in flight.
---@param item table
---@param visibility number seconds
---@return table message
function Queue:hand(item, visibility)
  self.handed = self.handed + 1
  item.receives, item.receipt = item.receives + 1, ("receipt-%d"):format(self.handed)
  item.first_received = item.first_received or scheduler.time()
  item.visible_at, item.in_flight, item.delayed = scheduler.now() + visibility, true, false
  local message = {}
  for name, value in pairs(item) do message[name] = value end
  self.heard("received", item)
  return message
end

function Queue:to_dead_letters(item)
  self:remove(item)
  self.dead[#self.dead + 1] = item
  self.heard("dead", item)
end

-- The visible messages: of a group only the first, even while it is in flight.
function Queue:visible()
  local found, groups, now = {}, {}, scheduler.now()
  for _, item in ipairs(self.items) do
    local blocked = item.group and groups[item.group]
    if item.group then groups[item.group] = true end
    if not blocked and item.visible_at <= now then found[#found + 1] = item end
  end
  return found
end

function Queue:take(max, visibility)
  local messages = {}
  for _, item in ipairs(self:visible()) do
    if item.receives >= self.max_receives then
      self:to_dead_letters(item)
    elseif #messages < max then
      messages[#messages + 1] = self:hand(item, visibility)
    end
  end
  return messages
end

function Queue:next_due()
  local due = math.huge
  for _, item in ipairs(self.items) do
    if item.visible_at > scheduler.now() then due = math.min(due, item.visible_at) end
  end
  return due
end

--- Receives messages, like the queue interface.
---@param max integer
---@param wait number? seconds
---@param visibility number? seconds
---@return table[]? messages
---@return string? err
---@return string? code "Closed"
function Queue:receive(max, wait, visibility)
  local until_time = scheduler.now() + (wait or 0)
  while not self.closed do
    local messages = self:take(math.min(max, self.batch), visibility or VISIBILITY)
    local left = until_time - scheduler.now()
    if #messages > 0 or left <= 0 then return messages end
    self.arrived:clear()
    self.arrived:wait(math.max(0, math.min(left, self:next_due() - scheduler.now())))
  end
  return nil, "the queue is closed", "Closed"
end

-- settling

--- The message in flight that a receipt belongs to.
function Queue:of_receipt(receipt)
  for _, item in ipairs(self.items) do
    if item.receipt == receipt then return item end
  end
  return nil, "this receipt has been replaced by a newer one", "ReceiptHandleIsInvalid"
end

function Queue:delete(receipt)
  local item, err, code = self:of_receipt(receipt)
  if not item then return nil, err, code end
  self:remove(item)
  self.heard("deleted", item)
  return true
end

--- Sets when a message becomes visible again.
function Queue:delay(receipt, seconds, uncount)
  local item, err, code = self:of_receipt(receipt)
  if not item then return nil, err, code end
  item.visible_at, item.in_flight = scheduler.now() + seconds, false
  if uncount then item.receives = item.receives - 1 end
  self.arrived:set()
  self.heard("returned", item, seconds)
  return true
end

--- Extends the visibility timeout of a message in flight.
function Queue:extend(receipt, seconds)
  local item, err, code = self:of_receipt(receipt)
  if not item then return nil, err, code end
  item.visible_at = scheduler.now() + seconds
  return true
end

--- Moves a message to the dead letters at once.
function Queue:bury(receipt, _, reason)
  local item, err, code = self:of_receipt(receipt)
  if not item then return nil, err, code end
  item.reason = reason
  self:to_dead_letters(item)
  return true
end

-- looking

function Queue:counts()
  local counts, now = { visible = 0, delayed = 0, in_flight = 0, dead = #self.dead },
    scheduler.now()
  for _, item in ipairs(self.items) do
    local what = item.visible_at <= now and "visible" or item.delayed and "delayed" or "in_flight"
    counts[what] = counts[what] + 1
  end
  return counts
end

function Queue:close()
  self.closed = true
  self.arrived:set()
end

Queue.__close = Queue.close

return module
