--- runner.ecs.budget: limits the rate of RunTask calls: a token bucket that refills more slowly
-- after throttling, and recovers.
-- Fargate allows 20 calls a second in bursts:
-- https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html

local scheduler = require "watchbot.scheduler"

-- Calls a second at the start, and the minimum; and the increase for each second without
-- throttling.
local RATE, LEAST, RECOVERY = 15, 0.5, 0.5

---@class watchbot.ecs.Budget
local Budget = {}
Budget.__index = Budget

local budget = {}

---@param rate number? calls a second
---@return watchbot.ecs.Budget
function budget.new(rate)
  rate = rate or RATE
  return setmetatable({ most = rate, rate = rate, tokens = rate, at = scheduler.now() }, Budget)
end

function Budget:refill()
  local now = scheduler.now()
  local passed = now - self.at
  self.at = now
  self.rate = math.min(self.most, self.rate + passed * RECOVERY)
  self.tokens = math.min(self.most, self.tokens + passed * self.rate)
end

--- Waits until a call may be made. Callers are served in order: each takes its token before it
--- sleeps.
function Budget:take()
  self:refill()
  self.tokens = self.tokens - 1
  if self.tokens < 0 then scheduler.sleep(-self.tokens / self.rate) end
end

--- A call was throttled.
function Budget:slow()
  self:refill()
  self.rate = math.max(LEAST, self.rate / 2)
  self.tokens = math.min(self.tokens, 0)
end

return budget
