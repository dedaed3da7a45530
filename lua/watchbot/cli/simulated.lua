--- cli.simulated: the table that `watchbot simulate` prints.

local output = require "watchbot.cli.output"

local function seconds(number)
  if number >= 7200 then return ("%.1f h"):format(number / 3600) end
  if number >= 300 then return ("%.1f min"):format(number / 60) end
  return number < 10 and ("%.2f s"):format(number) or ("%.1f s"):format(number)
end

local function times(of)
  return ("p50 %s, p95 %s, p99 %s, at most %s"):format(seconds(of.p50), seconds(of.p95),
    seconds(of.p99), seconds(of.max))
end

local function share(count, all)
  return all > 0 and ("%d (%.2f %%)"):format(count, 100 * count / all) or tostring(count)
end

-- A label and what it is for, of the numbers of one simulation.
local ROWS = {
  { "messages", function(of) return of.messages end },
  { "complete", function(of) return share(of.ends.complete, of.messages) end },
  { "rejected", function(of) return share(of.ends.reject, of.messages) end },
  { "dead", function(of) return share(of.ends.dead, of.messages) end },
  { "left", function(of) return of.left > 0 and share(of.left, of.messages) or nil end },
  { "retries", function(of) return of.outcomes.retry end },
  { "releases", function(of) return of.outcomes.release end },
  { "drained after", function(of) return seconds(of.drained) end },
  { "wait", function(of) return times(of.wait) end },
  { "end to end", function(of) return times(of.total) end },
  { "waiting", function(of) return ("at most %d"):format(of.waiting) end },
  { "in flight", function(of) return ("at most %d"):format(of.in_flight) end },
  { "task starts", function(of) return of.starts end },
  { "not placed", function(of) return of.refused > 0 and of.refused or nil end },
  { "task time", function(of) return seconds(of.task_seconds) end },
  { "notifications", function(of) return of.notifications end },
  { "calls of SQS", function(of) return of.calls end },
  { "money", function(of) return of.money and ("%.4f"):format(of.money) end },
}

local function show(label, value, before)
  local changed = before ~= nil and tostring(before) ~= tostring(value)
  output.line(("%-14s %s%s"):format(label, tostring(value),
    changed and ("   (before: %s)"):format(tostring(before)) or ""))
end

local function show_differences(found)
  output.line(("\n%d messages end in another way%s"):format(found.different,
    found.different > #found.differences and (", the first %d:"):format(#found.differences)
    or found.different > 0 and ":" or ""))
  for _, one in ipairs(found.differences) do
    output.line(("  %d  before: %s"):format(one.message, one.before))
    output.line(("  %s  now:    %s"):format((" "):rep(#tostring(one.message)), one.after))
  end
end

--- Prints the numbers of a simulation.
---@param found table of simulate.result
return function(found, load)
  for _, row in ipairs(ROWS) do
    local value = row[2](found)
    if value ~= nil then show(row[1], value, found.against and row[2](found.against)) end
  end
  if load.extrapolated and load.extrapolated > 0 then
    show("beyond the log", ("%d attempts repeat the last one recorded"):format(load.extrapolated))
  end
  for _, line in ipairs(found.errors) do show("error", line) end
  if found.differences then show_differences(found) end
end
