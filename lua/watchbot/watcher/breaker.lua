--- watcher.breaker: detects that no job can start, so that a missing program, a wrong image or a
-- failing hook does not move a whole queue to the dead-letter queue.
--
-- A failure before a task runs may be caused by the policy or by the message. It counts here if
-- different messages fail in the same step without a success of that step in between. Five such
-- failures open the breaker; then one message is tried at a time, and the first success closes it.
--
-- If the message cannot be the cause (a missing program), any five failures in a row open the
-- breaker, and the next message is tried after `probe` seconds. If it can (a hook that raised an
-- error), the next message may well succeed: the first tries are immediate, later ones come after
-- growing pauses. If a message fails again after others have passed the step, the message itself is
-- the cause.

local own = require "watchbot.lib.own"
local recent = require "watchbot.lib.recent"
local scheduler = require "watchbot.scheduler"

-- Failures that open the breaker.
local FAILURES = 5

-- Tries without a pause while the breaker is open because of failures that messages may have
-- caused.
local AT_ONCE = 20

-- Messages whose last failure is remembered.
local REMEMBERED = 10000

---@class watchbot.Breaker
---@field open boolean messages are tried one at a time
---@field step string? the step whose failures have opened it
---@field reason string? of the failure that opened it
local Breaker = {}
Breaker.__index = Breaker

local breaker = {}

---@param patience number? seconds after which it is `exhausted`; default: never
---@return watchbot.Breaker
function breaker.new(patience)
  return own({
    open = false, failures = {}, succeeded = {}, failed_at = recent.new(REMEMBERED), turn = 0,
    tries = 0, probe_at = 0, policy_at_fault = false, quiet = true, trying = false,
    patience = patience or math.huge,
  }, Breaker)
end

--- A step has succeeded for a message.
---@param step string "start" or a hook's name
---@return boolean closed whether that closed the breaker
function Breaker:passed(step)
  self.succeeded[step] = self.turn
  if self.quiet then return false end
  self.failures[step] = nil
  if not self.open then
    self.quiet = next(self.failures) == nil
    return false
  end
  if self.step ~= step then return false end
  self.open, self.step, self.trying, self.policy_at_fault = false, nil, false, false
  return true
end

-- The messages that have failed in a step since it last succeeded; `count` is the number of their
-- failures.
local function failures_of(self, step)
  local failures = self.failures[step] or { ids = {}, different = 0, count = 0 }
  self.failures[step] = failures
  return failures
end

local function note(failures, id)
  failures.count = failures.count + 1
  if failures.ids[id] then return end
  failures.ids[id], failures.different = true, failures.different + 1
end

-- Whether the step has succeeded for others since it first failed for this message.
local function is_own_fault(self, step, id)
  local key = step .. "\0" .. id
  local failed = self.failed_at:get(key)
  if not failed then self.failed_at:set(key, self.turn) end
  return failed ~= nil and (self.succeeded[step] or -1) >= failed
end

--- A step has failed for a message.
---@param step string
---@param id string the message's id
---@param fault "policy"|"either" whether the message may be the cause
---@return boolean counts the receive counts against the message
---@return boolean opened whether that opened the breaker
function Breaker:failed(step, id, fault)
  self.turn, self.quiet = self.turn + 1, false
  if fault == "either" and is_own_fault(self, step, id) then return true, false end
  if self.open then
    self.policy_at_fault = self.policy_at_fault or fault == "policy"
    return false, false
  end
  local failures = failures_of(self, step)
  note(failures, id)
  local enough = fault == "policy" and failures.count or failures.different
  if enough < FAILURES then return true, false end
  self.open, self.step, self.policy_at_fault, self.tries = true, step, fault == "policy", 0
  self.opened_at = scheduler.now()
  return true, true
end

-- Seconds until the next try.
local function pause(self, longest)
  if self.policy_at_fault then return longest end
  if self.tries <= AT_ONCE then return 0 end
  return math.min(longest, 2 ^ math.min(self.tries - AT_ONCE, 30))
end

--- Whether no message could be tried with success for the time that its user would wait.
---@return boolean
function Breaker:exhausted()
  return self.open and not self.trying
    and scheduler.now() - self.opened_at >= self.patience
end

--- The longest pause between two tries: a user who waits for an empty queue soon sees a result.
---@param probe number the policy's `probe`, in seconds
---@return number
function Breaker:longest(probe)
  return self.patience == math.huge and probe or math.min(probe, self.patience / 10)
end

--- Begins the pause before the next try.
---@param longest number the policy's `probe`, in seconds
function Breaker:wait(longest)
  self.tries = self.tries + 1
  self.probe_at = scheduler.now() + pause(self, self:longest(longest))
end

--- Whether a message may be tried now: one at a time.
---@return boolean
function Breaker:may_try()
  return not self.trying and scheduler.now() >= self.probe_at
end

--- A message is being tried.
---@param id string
---@param longest number the policy's `probe`, in seconds
function Breaker:try(id, longest)
  self.trying = id
  self:wait(longest)
end

--- A tried message has left the watcher, whatever the outcome.
---@param id string
function Breaker:left(id)
  if self.trying == id then self.trying = nil end
end

return breaker
