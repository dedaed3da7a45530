--- cli.status.figures: the figures of a queue as lines for people.

local durations = require "watchbot.cli.durations"
local pauses = require "watchbot.status.pauses"
local terminal = require "watchbot.cli.terminal"

local figures = {}

local function a_minute(rate)
  return (rate >= 10 and "%.0f a minute" or "%.1f a minute"):format(rate)
end

local function containers(service)
  return ("%d of %d running%s"):format(service.running, service.desired,
    service.pending > 0 and (", %d pending"):format(service.pending) or "")
end

local function dead_letters(count)
  return count > 0 and terminal.paint("red", tostring(count)) or "0"
end

-- The lines, in order; `none`: shown where a figure has no value.
local rows = {
  { "paused", "paused", function(paused)
    return terminal.paint("yellow", pauses.of_queue(paused))
  end },
  { "paused_groups", "paused groups", function(groups)
    return terminal.paint("yellow", pauses.of_groups(groups))
  end },
  { "visible", "waiting", tostring },
  { "in_flight", "in flight", tostring },
  { "delayed", "delayed", tostring },
  { "oldest", "oldest", durations.words, none = "-" },
  { "dead", "dead letters", dead_letters, none = "the queue has no dead-letter queue" },
  { "sent", "sent", a_minute, none = "-" },
  { "done", "done", a_minute, none = "-" },
  { "service", "service", containers },
  { "tasks", "tasks", function(count) return ("%d running"):format(count) end },
}

local function line_of(found, row)
  local name, label, shown = row[1], row[2], row[3]
  local problem, value = found.problems[name], found[name]
  if problem then
    value = terminal.paint("yellow", "? " .. problem)
  elseif value ~= nil then
    value = shown(value)
  else
    value = row.none
  end
  return value and ("%-14s %s"):format(label, value)
end

--- The lines about a queue.
---@param found watchbot.Status
---@return string[]
function figures.lines(found)
  local lines = { ("%-14s %s"):format("queue", found.queue) }
  for _, row in ipairs(rows) do lines[#lines + 1] = line_of(found, row) end
  return lines
end

return figures
