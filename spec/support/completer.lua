-- completer PLACE JOB TOTAL SEED: completes all parts of a job in a random order, in a separate
-- process. Repeats a completion that fails, as a redelivered message does. Prints a line for each
-- part that was the last: its number.
package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = (os.getenv "WATCHBOT_BUILD" or "build") .. "/lib/?.so;" .. package.cpath

local open_progress = require("watchbot.progress").open
local scheduler = require "watchbot.scheduler"

local place, job, total, seed = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])

local function shuffled()
  math.randomseed(seed)
  local parts = {}
  for part = 1, total do table.insert(parts, math.random(#parts + 1), part) end
  return parts
end

local function complete(progress, part)
  while true do
    local last, err = progress:complete(job, part)
    if last ~= nil then return last end
    io.stderr:write(err, "\n")
    scheduler.sleep(0.01)
  end
end

scheduler.run(function()
  local progress <close> = assert(open_progress(place))
  for _, part in ipairs(shuffled()) do
    if complete(progress, part) then print(part) end
  end
end)
