--- metrics.lag: the delay of the loop: how much longer a task sleeps than it has asked for. A hook
-- or a handler that computes without waiting delays everything else by that much.

local histogram = require "watchbot.metrics.histogram"
local scheduler = require "watchbot.scheduler"

-- Seconds between two looks, and the bounds of what they see.
local APART = 0.5
local BOUNDS = { 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30 }

local lag = {}

--- Starts to look; cancel the task to end it.
---@return watchbot.Histogram late seconds
---@return watchbot.Task task
function lag.start()
  local late = histogram.new(BOUNDS)
  return late, scheduler.spawn(function()
    while true do
      local due = scheduler.now() + APART
      scheduler.sleep(APART)
      late:observe(math.max(0, scheduler.now() - due))
    end
  end)
end

return lag
