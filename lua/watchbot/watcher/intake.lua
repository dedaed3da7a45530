--- intake: decides when to poll the queue, and for how many messages. Never requests more than can
-- run, because each receive raises the receive count and starts the visibility timeout. Messages
-- requested by running polls count as received. One poll is open while the queue is empty, more
-- while each returns all that it asked for. Independent of jobs; received messages are passed to
-- `accept`.

local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"

-- Pauses after a failed receive, in seconds.
local FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30

-- Empty receives in a row, with counts of 0, after which a queue with approximate counts is
-- considered empty.
local EMPTY_RECEIVES = 3

-- A poll for one message that took this many seconds has waited for it: the queue had no more.
local AT_ONCE = 0.5

-- Minimum seconds between two polls without a message: for an embedded queue (20 calls a second),
-- and for a queue whose calls cost money.
local LEAST_WAIT = { embedded = 0.05, remote = 1 }

local CLOSED = "no more messages are taken"

---@class watchbot.Intake
local Intake = {}
Intake.__index = Intake

local intake = {}

---@class watchbot.IntakeOptions
---@field queue table the queue seam
---@field visibility number seconds
---@field gather number seconds that free slots gather before a poll
---@field until_empty boolean? end when the queue is empty
---@field share watchbot.Share? of slots that several queues have in common
---@field capacity fun(): integer how many messages could be accepted now
---@field idle fun(): boolean nothing is in flight here
---@field is_stuck (fun(): boolean)? the queue does not become empty for now
---@field poll fun(free: integer): integer, number the policy's hook
---@field accept fun(message: table)
---@field failed fun(message: string, code: string)

---@param options watchbot.IntakeOptions
---@return watchbot.Intake
function intake.new(options)
  return own({
    options = options, queue = options.queue, reserved = 0, open = {}, polls = 0, most_polls = 1,
    empty = 0, pause = 0,
    changed = scheduler.event(), recovered = scheduler.event(), not_before = 0, closed = false,
  }, Intake)
end

--- Something that capacity depends on has changed.
function Intake:wake()
  self.changed:set()
end

-- How many polls may be open after a response: more while they return all that they asked for,
-- fewer when they share the messages, because each is a call that costs money.
function Intake:polls_after(asked, got, seconds)
  local full = got == asked and (asked > 1 or seconds < AT_ONCE)
  if full then return math.min(self.most_polls * 2, self.queue.polls) end
  return got > 1 and math.max(1, self.most_polls // 2) or 1
end

-- When the next poll may start after one without a message: a server that does not wait, or a
-- policy that says 0 seconds, must not cause a loop without a pause.
function Intake:pace(started, wait)
  local least = self.queue.embedded and LEAST_WAIT.embedded or LEAST_WAIT.remote
  self.not_before = started + math.max(wait, least)
end

--- A poll has returned.
---@param messages table[]
---@param asked number boottime at which the poll began: the messages can have been received since
function Intake:received(messages, asked)
  self.empty = #messages == 0 and self.empty + 1 or 0
  self.pause, self.answered = 0, scheduler.boottime()
  self.recovered:set()
  for _, message in ipairs(messages) do
    message.asked = asked
    self.options.accept(message)
  end
end

-- A permission that is missing at the start will not appear by retrying.
function Intake:failed(err, code)
  self.most_polls = 1
  if code == "NotAllowed" and not self.answered then
    self.refusal = err
    return self:close()
  end
  self.pause = math.min(math.max(self.pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
  self.recovered:clear()
  self.options.failed(err, code)
end

-- Messages received by a poll that is cancelled when draining are returned by the queue, or become
-- visible again after their visibility timeout.
function Intake:receive(count, wait)
  local ok, messages, err, code =
    xpcall(self.queue.receive, debug.traceback, self.queue, count, wait,
    self.options.visibility)
  if not ok then return nil, tostring(messages), "InternalError" end
  return messages, err, code
end

-- One poll, and its messages.
function Intake:ask(count, wait)
  local started, asked = scheduler.now(), scheduler.boottime()
  local messages, err, code = self:receive(count, wait)
  if not messages then
    if not self.closed then self:failed(err, code) end
    return
  end
  local seconds, share = scheduler.now() - started, self.options.share
  self.most_polls = self:polls_after(count, #messages, seconds)
  local soon = share and share:answered(count, #messages, seconds)
  if #messages == 0 and not soon then self:pace(started, wait) end
  self:received(messages, asked)
end

function Intake:poll(count, wait)
  self.reserved, self.polls = self.reserved + count, self.polls + 1
  local task
  task = scheduler.spawn(function()
    local ok, err = xpcall(self.ask, debug.traceback, self, count, wait)
    self.open[task] = nil
    self.reserved, self.polls = self.reserved - count, self.polls - 1
    if not ok and not self.closed then self:failed(err, "InternalError") end
    local woken = self.options.share or self
    woken:wake()
  end)
  self.open[task] = true
end

-- Free slots gather for a moment, so that one call returns several messages; not if everything is
-- free anyway.
function Intake:gather()
  local options = self.options
  local until_time = scheduler.now() + options.gather
  while not self.closed and options.capacity() - self.reserved < self.queue.batch
    and not options.idle() do
    local left = until_time - scheduler.now()
    if left <= 0 then return end
    self.changed:clear()
    self.changed:wait(left)
  end
end

-- Whether the queue has no messages left for any consumer, including those in backoff and in flight
-- elsewhere.
function Intake:is_empty()
  if not self.options.idle() or self.polls > 0 then return false end
  local counts, err, code = self.queue:counts()
  if not counts then
    self:failed(err, code)
    return false
  end
  if counts.visible + counts.delayed + counts.in_flight > 0 then return false end
  return self.queue.embedded or self.empty >= EMPTY_RECEIVES
end

-- Whether an end with the empty queue would never come.
function Intake:is_stuck()
  local options = self.options
  return options.is_stuck ~= nil and options.idle() and self.polls == 0 and options.is_stuck()
end

--- Seconds that a poll may wait: with `until_empty` short enough to notice the end soon, if calls
--- are free.
function Intake:waiting_time(wait)
  if not self.options.until_empty then return wait end
  return math.min(wait, self.queue.embedded and 0.1 or 1)
end

-- Waits after a failure, until a running poll has succeeded, and after an empty response that came
-- early.
function Intake:hold_off()
  if self.pause > 0 then self.recovered:wait(self.pause * (0.5 + math.random() / 2)) end
  local early = self.not_before - scheduler.now()
  if early > 0 then scheduler.sleep(early) end
end

function Intake:turn()
  self:hold_off()
  self.changed:clear()
  local free = self.options.capacity() - self.reserved
  if free <= 0 or self.polls >= self.most_polls then
    self.changed:wait(1)
    return
  end
  if self.options.gather > 0 then
    self:gather()
    free = self.options.capacity() - self.reserved
  end
  if self.closed or free <= 0 then return end
  local count, wait = self.options.poll(free)
  count = math.min(count, free, self.queue.batch)
  -- SQS accepts whole seconds; less than one would become 0.
  if not self.queue.embedded then wait = math.ceil(wait) end
  if count < 1 then
    self.changed:wait(math.max(wait, 0.05))
  else
    self:poll(count, self:waiting_time(wait))
  end
end

-- Of several queues, all must be empty at the same time.
function Intake:is_over()
  local share = self.options.share
  if not share then return self:is_empty() end
  local arrivals = share.shares.arrivals
  return share.shares.finished or self:is_empty() and share:emptied(arrivals)
end

function Intake:loop()
  while not self.closed do
    if self.options.until_empty and self:is_over() then
      self.emptied = true
      return
    end
    if self.options.until_empty and self:is_stuck() then return end
    self:turn()
  end
end

--- Polls until `close`, or with `until_empty` until the queue is empty. May be called again after
--- it has raised an error. `refusal` is set if it may never receive.
function Intake:run()
  self.task = scheduler.current()
  local ok, err = xpcall(self.loop, debug.traceback, self)
  if not ok and not self.closed then error(err, 0) end
end

--- Starts no more polls, whatever it is waiting for.
function Intake:close()
  if self.closed then return end
  self.closed = true
  if self.task then self.task:cancel(CLOSED) end
end

--- Gives running polls `grace` seconds, then cancels them; waits until they have ended.
---@param grace number seconds
function Intake:cut(grace)
  local until_time = scheduler.now() + grace
  for task in pairs(self.open) do
    if task:join(math.max(0, until_time - scheduler.now())) == nil then
      task:cancel(CLOSED)
      task:join()
    end
  end
end

return intake
