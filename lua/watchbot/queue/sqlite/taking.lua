--- queue.sqlite.taking: selects the messages of a receive within one transaction. Sits on
-- queue.sqlite.store. Messages are read and leased in pages, with all their data; those that were
-- received too often or have expired are removed on the way.

local lapses = require "watchbot.queue.sqlite.lapses"
local limits = require "watchbot.queue.sqlite.limits"
local pauses = require "watchbot.queue.sqlite.pauses"
local ranking = require "watchbot.queue.sqlite.ranking"
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"
local store = require "watchbot.queue.sqlite.store"

-- Loaded on demand: most watchers start without it.
local function cancels() return require "watchbot.queue.sqlite.cancels" end

local taking = {}

-- A receive stops taking messages at this many bytes.
local BYTES = 16 << 20

-- One transaction removes at most this many messages, so that it does not block the loop.
local SWEEP = 200

-- OR ROLLBACK: no failure leaves it half done, so SQLite need not copy each page before.
local LEASE = [[
  UPDATE OR ROLLBACK messages SET visible_at = ?3, receives = receives + 1, lease = lease + 1,
    first_received = coalesce(first_received, ?4), taken = ?4
  WHERE seq BETWEEN ?1 AND ?2]]

local math_type = math.type

--- Creates a message from a row.
local function message_of(row, now)
  local first, attributes = row.first_received, row.attributes
  if not row.id then error("it has no content", 0) end
  if math_type(row.sent) ~= "integer" or first and math_type(first) ~= "integer" then
    error("its times are not whole numbers", 0)
  end
  row.attributes = attributes and store.attributes(attributes) or {}
  row.first_received = first or now
  if row.group then row.sequence = tostring(row.seq) end
  return row
end

-- Messages read at once: with 1 MiB each they have BYTES.
local PAGE = 16

---@class watchbot.Taking
---@field max integer
---@field visibility number seconds
---@field max_receives integer
---@field retention number? seconds
---@field lanes_of (fun(message: table): watchbot.LaneOfMessage[]?)? the limits that a message is
--- under; it must not wait
---@field noted { subjects: boolean? }|false for the history: messages have `visible`, when they
--- could be received, and attempts that were interrupted are noted

-- Taken messages must not be selected again.
local function visibility_of(wanted)
  return math.max(1, store.milliseconds(wanted.visibility))
end

-- When a message could be received first, at the latest. `born` lies in the future where a clock
-- was ahead when it was sent, or before; then `due` says it, or the time since which that clock is
-- right again.
local function born(transaction, now, row)
  if row.born <= now then return row.born end
  if row.due <= now then return row.due end
  return transaction:first("SELECT set_back FROM state").set_back
end

-- After a step of the clock it is kept, and neither received nor removed until the time is certain.
local function expire(transaction, seq)
  local doubt = transaction.doubt
  if doubt then
    transaction:run("UPDATE messages SET visible_at = ? WHERE seq = ?", doubt, seq)
    return "kept"
  end
  transaction:run("DELETE FROM messages WHERE seq = ?", seq)
  return "expired"
end

--- Removes a message that must not be received any more.
---@return "dead"|"expired"|"kept"|"cancelled"|nil
local function sweep(transaction, now, row, wanted)
  if transaction.cancels and cancels().swept(transaction, now, row.seq) then return "cancelled" end
  if row.receives > wanted.max_receives then
    store.make_dead(transaction, now, row.seq)
    return "dead"
  elseif wanted.retention
    and born(transaction, now, row) <= now - store.milliseconds(wanted.retention) then
    return expire(transaction, row.seq)
  end
end

-- Parks a message that is over a limit, or notes that it is in flight from now on.
local function under_limits(transaction, now, message, wanted)
  local lanes = wanted.lanes_of and wanted.lanes_of(message)
  if lanes and limits.park(transaction, now, message, lanes) then
    lapses.forget(transaction, message)
    return "parked"
  end
  if lanes or message.lane then
    limits.take(transaction, now, message, lanes, now + visibility_of(wanted))
  end
  message.lane = nil
  return nil, message
end

-- Removes a message, or prepares it for its lease. A message that cannot be read, because the file
-- was damaged or written by another program, is buried with the reason: it must not block the
-- others.
local function offer(transaction, now, row, wanted)
  local fate
  if row.receives > wanted.max_receives or wanted.retention or transaction.cancels then
    fate = sweep(transaction, now, row, wanted)
  end
  if row.lapsed then
    if fate ~= "cancelled" then lapses.note(transaction, row, wanted) end
    if fate == "kept" then lapses.forget(transaction, row) end
  end
  if fate then return fate end
  local message = message_of(row, now)
  if wanted.lanes_of or message.lane then return under_limits(transaction, now, message, wanted) end
  return nil, message
end

-- A message of a paused group waits for the end of the pause.
local function held_back(transaction, row, wanted, paused)
  local ends = row.group and paused.groups[row.group]
  if ends == nil then return nil end
  lapses.note(transaction, row, wanted)
  lapses.forget(transaction, row)
  pauses.park(transaction, row.seq, ends)
  limits.move_up(transaction, row.lane)
  return "parked"
end

local function offer_safely(transaction, now, row, wanted, paused)
  local seq = row.seq
  if paused and held_back(transaction, row, wanted, paused) then return "parked" end
  local ok, fate, message = pcall(offer, transaction, now, row, wanted)
  if ok then return fate, message end
  if sqlite.is_failure(fate) then error(fate, 0) end
  store.make_dead(transaction, now, seq, "the message cannot be read: " .. tostring(fate))
  return "dead"
end

-- The last of the messages from `first` on whose numbers follow each other: one statement leases
-- them.
local function last_in_row(messages, first)
  local last = first
  while last < #messages and messages[last + 1].seq == messages[last].seq + 1 do last = last + 1 end
  return last
end

-- Leases the messages from `first` on, and removes columns that are not part of a message. Their
-- leases begin with the transaction, whose end may be late.
local function lease(transaction, now, messages, first, visible_at)
  local leased = scheduler.boottime() - math.max(0, scheduler.time() - now) / 1000
  while first <= #messages do
    local last = last_in_row(messages, first)
    transaction:run(LEASE, messages[first].seq, messages[last].seq, visible_at, now)
    for index = first, last do
      local message = messages[index]
      message.seq, message.leased = nil, leased
      if message.lapsed then message.lapsed = nil end
      if message.born then message.born, message.due = nil, nil end
    end
    first = last + 1
  end
end

-- Takes the messages of a page, and counts by their fate those that are not received.
-- => whether there are enough by now
local function take_page(transaction, now, taken, rows)
  local wanted, messages, first = taken.wanted, taken.messages, #taken.messages + 1
  for _, row in ipairs(rows) do
    local fate, message = offer_safely(transaction, now, row, wanted, taken.paused)
    if fate then
      taken.swept, taken[fate] = taken.swept + 1, taken[fate] + 1
    else
      taken.size = taken.size + #message.body
      messages[#messages + 1] = message
      if taken.size >= BYTES or #messages == wanted.max then break end
    end
  end
  lease(transaction, now, messages, first, taken.visible_at)
  return taken.size >= BYTES or #messages == wanted.max
end

--- Takes up to `max` visible messages, in the order of queue.sqlite.ranking; messages
--- received too often go to the dead letters instead, expired ones are removed.
---@param wanted watchbot.Taking
---@return table[] messages
---@return integer expired
---@return boolean paused whether the queue or a group of it is paused
function taking.take(transaction, now, wanted)
  local messages = {}
  local paused = transaction.paused and pauses.current(transaction, now) or nil
  if paused and paused.all then return messages, 0, true end
  local taken = {
    wanted = wanted, messages = messages, paused = paused, size = 0, swept = 0,
    dead = 0, expired = 0, kept = 0, parked = 0, cancelled = 0,
    visible_at = now + visibility_of(wanted),
  }
  repeat
    -- Under limits most rows may only be parked.
    local left = wanted.lanes_of and PAGE or wanted.max - #messages
    local before, page = taken.swept, math.min(left, PAGE)
    local rows = ranking.page(transaction, now, page, wanted)
    if take_page(transaction, now, taken, rows) then break end
    local more = taken.swept > before or #rows == page
  until not more or taken.swept >= SWEEP
  return messages, taken.expired, paused ~= nil
end

return taking
