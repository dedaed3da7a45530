--- simulate.quantiles: quantiles of many durations in little memory: they are counted in classes
-- whose bounds rise by one percent, so that a quantile is right to one percent.

local own = require "watchbot.lib.own"

-- Durations below the first bound, in seconds, are one class.
local LEAST, STEP = 1e-3, math.log(1.01)

---@class watchbot.Quantiles
---@field count integer
---@field sum number
---@field most number
local Quantiles = {}
Quantiles.__index = Quantiles

local quantiles = {}

---@return watchbot.Quantiles
function quantiles.new()
  return own({ counts = {}, count = 0, sum = 0, most = 0, last = 0 }, Quantiles)
end

--- Adds a duration.
---@param seconds number
function Quantiles:add(seconds)
  local class = seconds > LEAST and math.log(seconds / LEAST) / STEP // 1 + 1 | 0 or 0
  self.counts[class] = (self.counts[class] or 0) + 1
  self.count, self.sum = self.count + 1, self.sum + seconds
  if seconds > self.most then self.most = seconds end
  if class > self.last then self.last = class end
end

--- The duration that this share of all does not exceed.
---@param share number
---@return number seconds 0 where there are none
function Quantiles:at(share)
  local wanted, seen = math.ceil(share * self.count), 0
  if wanted < 1 then return 0 end
  for class = 0, self.last do
    seen = seen + (self.counts[class] or 0)
    if seen >= wanted then
      return class == 0 and 0 or math.min(self.most, LEAST * math.exp(STEP * (class - 0.5)))
    end
  end
  return self.most
end

--- The usual ones.
---@return { p50: number, p95: number, p99: number, max: number, mean: number }
function Quantiles:summary()
  return {
    p50 = self:at(0.5), p95 = self:at(0.95), p99 = self:at(0.99), max = self.most,
    mean = self.count > 0 and self.sum / self.count or 0,
  }
end

return quantiles
