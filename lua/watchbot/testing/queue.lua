--- testing.queue: the queue interface in memory, for a policy's tests. Messages, receipts,
-- visibility, backoff, groups and dead letters behave as in a real queue (the specs run the same
-- contract on it); the clock is the scheduler's. It leaves out retention, size limits, failures and
-- other watchers.
--
-- A message costs the same however many there are: `line` has them by the time at which they are
-- visible, as the embedded queue hands them out; of a group only the first.

local fifo = require "watchbot.lib.fifo"
local line = require "watchbot.testing.line"
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

---@param options { name: string?, fifo: boolean?, max_receives: integer?, heard: function?,
--- names: { last: integer }? } `names`: of all queues that number their messages together
---@return watchbot.testing.Queue
function module.new(options)
  return setmetatable({
    name = options.name or "testing", fifo = options.fifo or false,
    max_receives = options.max_receives or MAX_RECEIVES,
    heard = options.heard or function() end, dead = {}, deduplicated = {}, sent = 0, handed = 0,
    items = {}, ids = {}, receipts = {}, groups = {}, line = line.new(), paused = false, keys = {},
    names = options.names or { last = 0 },
    arrived = scheduler.event(),
  }, Queue)
end

-- the order of the messages

-- Enters a message at the time at which it is visible; an entry from before counts no more.
function Queue:schedule(item, lane)
  item.turn = item.turn + 1
  self.line:enter(item, lane)
end

-- A message of a group is entered when those before it are gone.
function Queue:enter(item)
  local group = item.group
  local waiting = group and self.groups[group]
  if waiting then return waiting:push(item) end
  if group then self.groups[group] = fifo.new() end
  self:schedule(item, not item.delayed and "ready" or nil)
end

function Queue:remove(item)
  item.turn = item.turn + 1
  self.items[item.number] = nil
  if self.ids[item.id] == item then self.ids[item.id] = nil end
  if item.receipt then self.receipts[item.receipt] = nil end
  local waiting = item.group and self.groups[item.group]
  if not waiting then return end
  local after = waiting:pop()
  if not after then self.groups[item.group] = nil end
  if after then self:schedule(after) end
end

-- sending

-- The id of a message that was sent recently with this deduplication id.
function Queue:known(message)
  local known = message.deduplication and self.deduplicated[message.deduplication]
  return known and scheduler.now() - known.at < DEDUPLICATION and known.id or nil
end

function Queue:add(message)
  self.sent, self.names.last = self.sent + 1, self.names.last + 1
  local item = {
    id = message.id or ("message-%d"):format(self.names.last), body = message.body,
    subject = message.subject,
    attributes = message.attributes or {}, group = message.group,
    deduplication = message.deduplication,
    sent = message.sent or scheduler.time(), receives = message.receives or 0,
    delayed = message.delay ~= nil, number = self.sent, turn = 0,
    visible_at = scheduler.now() + (message.delay or 0),
  }
  self.items[item.number], self.ids[item.id] = item, item
  self:enter(item)
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

--- The message with an id that is in the queue, whether or not it is in flight.
---@param id string
---@return table?
function Queue:find(id)
  return self.ids[id]
end

-- receiving

-- A copy, in a table that is allocated once.
local function received(item)
  return {
    id = item.id, body = item.body, subject = item.subject, attributes = item.attributes,
    group = item.group, deduplication = item.deduplication, sent = item.sent,
    receives = item.receives, receipt = item.receipt, first_received = item.first_received,
    number = item.number,
  }
end

--- Delivers a message, whether or not it is in flight.
---@param item table
---@param visibility number seconds
---@return table message
function Queue:hand(item, visibility)
  self.handed = self.handed + 1
  if item.receipt then self.receipts[item.receipt] = nil end
  item.receives, item.receipt = item.receives + 1, ("receipt-%d"):format(self.handed)
  self.receipts[item.receipt] = item
  item.first_received = item.first_received or scheduler.time()
  item.visible_at, item.in_flight, item.delayed = scheduler.now() + visibility, true, false
  self:schedule(item, "in_flight")
  self.heard("received", item)
  return received(item)
end

function Queue:to_dead_letters(item)
  self:remove(item)
  self.dead[#self.dead + 1] = item
  self.heard("dead", item)
end

function Queue:take(max, visibility)
  local messages, taken = {}, {}
  if self:pauses()[1] then return messages end
  while #messages < max do
    local item = self.line:first()
    -- A visibility timeout of 0: it is visible again at once, but not for this receive.
    if not item or item.visible_at > scheduler.now() or taken[item] then break end
    taken[item] = true
    if item.receives >= self.max_receives then
      self:to_dead_letters(item)
    else
      messages[#messages + 1] = self:hand(item, visibility)
    end
  end
  return messages
end

function Queue:next_due()
  local item = self.line:first()
  -- What is visible now is not wanted now.
  local due = item and item.visible_at > scheduler.now() and item.visible_at or math.huge
  return self:pauses()[1] and math.min(due, self.paused.over or math.huge) or due
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

-- pausing

--- Pauses the queue; groups apart are a matter of the embedded queue.
function Queue:pause(seconds)
  self.paused = {
    over = seconds and scheduler.now() + seconds,
    ends = seconds and scheduler.time() + math.ceil(seconds * 1000),
  }
  return true
end

function Queue:resume()
  local was_paused = self:pauses()[1] ~= nil
  self.paused = false
  self.arrived:set()
  return was_paused
end

function Queue:pauses()
  local paused = self.paused
  if not paused or paused.over and paused.over <= scheduler.now() then return {} end
  return { { ends = paused.ends } }
end

-- settling

--- The message in flight that a receipt belongs to.
function Queue:of_receipt(receipt)
  local item = self.receipts[receipt]
  if item then return item end
  return nil, "this receipt has been replaced by a newer one", "ReceiptHandleIsInvalid"
end

function Queue:delete(receipt, _, claim)
  local item, err, code = self:of_receipt(receipt)
  if not item then return nil, err, code end
  self:remove(item)
  self:release(claim)
  self.heard("deleted", item)
  return true
end

--- Sets when a message becomes visible again.
function Queue:delay(receipt, seconds, uncount, _, claim)
  local item, err, code = self:of_receipt(receipt)
  if not item then return nil, err, code end
  self:release(claim)
  item.visible_at, item.in_flight = scheduler.now() + seconds, false
  if uncount then item.receives = item.receives - 1 end
  self:schedule(item)
  self.arrived:set()
  self.heard("returned", item, seconds)
  return true
end

--- Extends the visibility timeout of a message in flight.
function Queue:extend(receipt, seconds)
  local item, err, code = self:of_receipt(receipt)
  if not item then return nil, err, code end
  item.visible_at = scheduler.now() + seconds
  self:schedule(item, "in_flight")
  return true
end

--- Moves a message to the dead letters at once.
function Queue:bury(receipt, _, reason, _, claim)
  local item, err, code = self:of_receipt(receipt)
  if not item then return nil, err, code end
  self:release(claim)
  item.reason = reason
  self:to_dead_letters(item)
  return true
end

-- keys of messages that run once

-- Whether a message has the key now.
local function is_active(self, row)
  local item = self.receipts[row.receipt]
  return item and item.in_flight and item.visible_at > scheduler.now() and item
end

--- Claims a key, like the queue interface.
function Queue:claim(claim)
  if not self.receipts[claim.receipt] then return "lost" end
  local row, now = self.keys[claim.key], scheduler.now()
  if row and row.done and row.done > now then return "done" end
  local holder = row and not row.done and row.id ~= claim.id and is_active(self, row)
  if holder then return "busy", holder.visible_at - now end
  self.keys[claim.key] = { id = claim.id, receipt = claim.receipt }
  return "claimed", row ~= nil and not row.done and row.receipt ~= claim.receipt
end

--- Marks a key as done, or frees it.
function Queue:release(claim)
  if not claim or claim.state == "left" then return true end
  self.keys[claim.key] = claim.state == "done" and { done = scheduler.now() + claim.keeps } or nil
  return true
end

-- looking

function Queue:counts()
  local counts, now = { visible = 0, delayed = 0, in_flight = 0, dead = #self.dead },
    scheduler.now()
  for _, item in pairs(self.items) do
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
