--- breaker: notices that no task can be started at all, so that a missing program or a bad image does not carry a whole
-- queue to the dead letters. Five failed starts in a row open it; then one probe a minute is let through, and the first
-- task that starts closes it again.

local FAILURES = 5

---@class watchbot.Breaker
---@field open boolean no messages are to be taken, but for probes
local Breaker = {}
Breaker.__index = Breaker

local breaker = {}

---@return watchbot.Breaker
function breaker.new()
  return setmetatable({ failures = 0, open = false }, Breaker)
end

--- A task has started.
---@return boolean closed whether that closed the breaker
function Breaker:started()
  local closed = self.open
  self.failures, self.open = 0, false
  return closed
end

--- A task could not be started.
---@return boolean opened whether that opened the breaker
function Breaker:failed()
  self.failures = self.failures + 1
  local opened = not self.open and self.failures >= FAILURES
  self.open = self.open or opened
  return opened
end

return breaker
