--- support.leaping: tests with clocks that leap over what they wait for, so that hours take no
-- time, and a machine that stands still changes nothing. See scheduler.leap.

local scheduler = require "watchbot.scheduler"

local leaping = {}

--- Calls a function with clocks that leap meanwhile.
function leaping.call(body, ...)
  scheduler.leap(true)
  local ok, err = pcall(body, ...)
  scheduler.leap(false)
  if not ok then error(err, 0) end
end

--- A test body that runs as a task, with such clocks.
---@param body fun()
---@return fun()
function leaping.task(body)
  return function() scheduler.run(leaping.call, body) end
end

return leaping
