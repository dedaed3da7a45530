--- queue.moving: moves the messages of a queue to another one: sends them, then deletes those that
-- the other queue has confirmed. Killed in between, a message may be in both, and is never lost; a
-- deduplication id drops the second one where the other queue knows such ids.

local carriers = require "watchbot.message.carriers"
local limits = require "watchbot.lib.limits"
local own = require "watchbot.lib.own"
local resend = require "watchbot.message.resend"
local scheduler = require "watchbot.scheduler"
local trace = require "watchbot.trace"

-- Seconds that a message is hidden while it is moved, and of a long poll: a short one does not ask
-- all of SQS's servers.
local VISIBILITY, WAIT = 300, 1

-- Receives in a row without a new message before an SQS queue counts as empty.
local STALE = 3

-- The start of deduplication ids.
local ID = "watchbot-move-"

-- The most messages at once.
local PAGE = 100

---@class watchbot.Move
---@field moved integer
---@field failures { id: string, message: string, code: string? }[] messages that stay
---@field later integer delayed messages that the other queue cannot delay for so long
local Move = {}
Move.__index = Move

local moving = {}

---@param from table an open queue
---@param to table another
---@param options { rate: number?, tell: fun(moved: integer)? } rate: messages a second, at most
---@return watchbot.Move
function moving.new(from, to, options)
  return own({
    from = from, to = to, rate = options.rate, tell = options.tell or function() end,
    moved = 0, failures = {}, failed = {}, failed_groups = {}, later = 0, held = {}, sent = {},
    began = scheduler.now(),
  }, Move)
end

function Move:fail(message, err, code)
  self.failed[message.id] = true
  if message.group then self.failed_groups[message.group] = true end
  self.failures[#self.failures + 1] = { id = message.id, message = err, code = code }
end

-- The message as the other queue takes it.
local function outgoing(to, message)
  -- The id of an earlier move says nothing any more.
  local id = message.deduplication
  if id and id:find(ID, 1, true) == 1 then message.deduplication = nil end
  local again = resend(message)
  again.delay = message.delay
  again.deduplication = (to.embedded or to.fifo) and ID .. message.id or nil
  again.priority = to.embedded and message.priority or nil
  if again.trace and not to.takes_trace then
    carriers.add(again, trace.read { xray = again.trace }, to.largest or limits.sqs.message)
  end
  return again
end

-- Those that may be sent together: after a failure, later messages of the group have to stay, so
-- there is one of each group.
local function next_round(self, waiting)
  local round, rest, groups = {}, {}, {}
  for _, message in ipairs(waiting) do
    local group = message.group
    if group and self.failed_groups[group] then
      self:fail(message, "one before it in its group could not be moved")
    elseif group and groups[group] then
      rest[#rest + 1] = message
    else
      if group then groups[group] = true end
      round[#round + 1] = message
    end
  end
  return round, rest
end

-- => the messages that the other queue has confirmed; nil, err, code: no others either
function Move:send(round)
  local batch = {}
  for index, message in ipairs(round) do batch[index] = outgoing(self.to, message) end
  local answers, err, code = self.to:send(batch)
  if not answers then return nil, err, code end
  local sent = {}
  for index, message in ipairs(round) do
    local answer = answers[index]
    if answer.id then
      sent[#sent + 1], self.sent[answer.id] = message, true
    elseif answer.unsent then
      return nil, answer.message, answer.code
    else
      self:fail(message, answer.message, answer.code)
    end
  end
  return sent
end

-- Deletes are sent together.
function Move:delete(sent)
  local tasks = {}
  for index, message in ipairs(sent) do
    tasks[index] = scheduler.spawn(self.from.delete, self.from, message.receipt)
  end
  for index, message in ipairs(sent) do
    local _, ok, err, code = tasks[index]:join()
    self.failed[message.id] = true -- it is not moved again, whatever becomes of the delete
    if ok then
      self.moved, self.held[message.id] = self.moved + 1, nil
    else
      self:fail(message, "it was sent, but is still in the first queue: " .. tostring(err), code)
    end
  end
end

function Move:pace()
  if not self.rate then return end
  local due = self.began + self.moved / self.rate
  if due > scheduler.now() then scheduler.sleep(due - scheduler.now()) end
end

-- Between send and delete a message is in both queues: a round that has begun is completed.
function Move:round(round)
  self.working = scheduler.spawn(function()
    local sent, err, code = self:send(round)
    if not sent then return nil, err, code end
    self:delete(sent)
    return true
  end)
  local results = table.pack(self.working:join())
  self.working = nil
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- => true; nil, err, code
function Move:all(waiting)
  while #waiting > 0 do
    local round
    round, waiting = next_round(self, waiting)
    if #round > 0 then
      local ok, err, code = self:round(round)
      if not ok then return nil, err, code end
      self.tell(self.moved)
      self:pace()
    end
  end
  return true
end

-- Messages that were not received before in this move. One queue may have several names, a symbolic
-- link or another host: then what was sent comes back, and the move would never end.
-- => messages; nil, err, code
local function fresh(self, messages)
  local new = {}
  for _, message in ipairs(messages) do
    if self.sent[message.id] then return nil, "both queues are the same one", "Usage" end
    if not self.failed[message.id] then new[#new + 1] = message end
  end
  return new
end

function Move:most()
  return self.rate and math.max(1, math.min(PAGE, self.rate // 1)) or PAGE
end

-- => true when the queue has no more; nil, err, code
function Move:visible()
  local stale, wait = 0, self.from.embedded and 0 or WAIT
  while stale < (self.from.embedded and 1 or STALE) do
    local messages, err, code = self.from:receive(self:most() | 0, wait, VISIBILITY)
    if not messages then return nil, err, code end
    for _, message in ipairs(messages) do self.held[message.id] = message end
    messages, err, code = fresh(self, messages)
    if not messages then return nil, err, code end
    stale = #messages == 0 and stale + 1 or 0
    local ok
    ok, err, code = self:all(messages)
    if not ok then return nil, err, code end
  end
  return true
end

-- What the other queue can delay; what it cannot stays here until then.
local function delayable(self, messages)
  local most, can = self.to.embedded and math.huge or limits.sqs.delay, {}
  for _, message in ipairs(messages) do
    if message.delay <= most and not (self.to.fifo and message.delay > 0) then
      can[#can + 1] = message
    else
      self.later = self.later + 1
    end
  end
  return can
end

-- => whether some were moved: others of their groups may be visible now; nil, err, code
function Move:delayed()
  local after, before = 0, self.moved
  self.later = 0
  while true do
    local page, err, code = self.from:delayed(after, PAGE)
    if not page then return nil, err, code end
    if #page == 0 then return self.moved > before end
    after = math.tointeger(tonumber(page[#page].receipt:match "^%d+"))
    page, err, code = fresh(self, page)
    if not page then return nil, err, code end
    local ok
    ok, err, code = self:all(delayable(self, page))
    if not ok then return nil, err, code end
  end
end

-- Messages that were received and stay are seen again at once, also when the move is canceled.
function Move:__close()
  if self.working then self.working:join() end
  for id, message in pairs(self.held) do
    self.held[id] = nil
    self.from:delay(message.receipt, 0, true)
  end
end

--- Moves all messages that are visible, and those that an embedded queue delays. Waits in a task.
---@return true? ok
---@return string? err
---@return string? code
function Move:run()
  local _ <close> = self
  local more, ok, err, code = true, true, nil, nil
  while ok and more do
    ok, err, code = self:visible()
    more = false
    if ok and self.from.delayed then more, err, code = self:delayed() end
    if more == nil then ok = nil end
  end
  return ok, err, code
end

return moving
