--- cli.status.figures: the figures of a queue as lines for people.

local durations = require "watchbot.cli.durations"
local pauses = require "watchbot.status.pauses"
local terminal = require "watchbot.cli.terminal"
local text = require "watchbot.lib.text"

-- Between the lines of a figure that has several.
local MORE = "\n" .. (" "):rep(15)

local figures = {}

local function a_minute(rate)
  return (rate >= 10 and "%.0f a minute" or "%.1f a minute"):format(rate)
end

local function containers(service)
  return ("%d of %d running%s"):format(service.running, service.desired,
    service.pending > 0 and (", %d pending"):format(service.pending) or "")
end

-- A line each: "tiles-Watcher:7, version 2.1.0: 2 of 2 running, COMPLETED"
local function deployments(list)
  local lines = {}
  for index, one in ipairs(list) do
    lines[index] = ("%s%s: %d of %d running%s"):format(text.word(one.definition),
      one.version and ", version " .. text.word(one.version) or "", one.running or 0,
      one.desired or 0, one.state and ", " .. text.word(one.state) or "")
  end
  return #lines > 0 and table.concat(lines, MORE) or nil
end

-- A line each: "vm1 4711: 2 of 4 running, policy 2.1.0@3f2a9c1d0b7e"
local function watchers(alive)
  local lines = {}
  for index, one in ipairs(alive) do
    lines[index] = ("%s %d: %d of %d running%s"):format(text.word(one.host), one.pid, one.running,
      one.workers, one.policy and ", policy " .. text.word(one.policy) or "")
  end
  return #lines > 0 and table.concat(lines, MORE) or "none is alive"
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
  { "watchers", "watchers", watchers },
  { "service", "service", containers },
  { "deployments", "deployments", deployments },
  { "tasks", "tasks", function(count) return ("%d running"):format(count) end },
}

local function line_of(found, row)
  local name, label, shown = row[1], row[2], row[3]
  local problem, value = found.problems[name], found[name]
  if problem and value == nil then
    value = terminal.paint("yellow", "? " .. problem)
  elseif value ~= nil then
    value = shown(value)
  else
    value = row.none
  end
  if problem and found[name] ~= nil then
    value = (value and value .. MORE or "") .. terminal.paint("yellow", "? " .. problem)
  end
  return value and ("%-14s %s"):format(label, value)
end

--- The lines about a queue.
---@param found watchbot.Status
---@return string[]
function figures.lines(found)
  local lines = { ("%-14s %s"):format("queue", found.queue) }
  for _, row in ipairs(rows) do
    for line in (line_of(found, row) or ""):gmatch "[^\n]+" do lines[#lines + 1] = line end
  end
  return lines
end

return figures
