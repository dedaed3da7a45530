--- cli.jobs.attempts: formats the attempts at a job for people.

local durations = require "watchbot.cli.durations"
local scheduler = require "watchbot.scheduler"
local terminal = require "watchbot.cli.terminal"
local text = require "watchbot.lib.text"

local attempts = {}

local COLOURS = {
  complete = "green", release = "yellow", cancelled = "yellow", retry = "red", reject = "red",
  bury = "red", interrupted = "red",
}

-- How the task ended: "exit code 1"
local function ending(one)
  local said = one.signal and one.reason and one.reason:find("signal " .. one.signal, 1, true)
  if one.signal then return not said and "signal " .. one.signal or nil end
  if one.code and one.code ~= 0 then return ("exit code %d"):format(one.code) end
end

--- What became of an attempt, in a line: "retry, exit code 1, after 4.2 s".
---@param one watchbot.Attempt
---@return string
function attempts.summary(one)
  local words = { one.outcome }
  words[2] = ending(one)
  if one.reason then words[#words + 1] = one.reason end
  if one.duration and one.started then
    words[#words + 1] = "after " .. durations.exact(one.duration)
  end
  return text.line(table.concat(words, ", "))
end

local function usage(one)
  local words = {}
  local function add(form, value) if value then words[#words + 1] = form:format(value) end end
  add("started %s", not one.ended and one.started and scheduler.iso_date(one.started))
  add("ended %s", one.ended and scheduler.iso_date(one.ended))
  add("waited %s", one.wait and durations.exact(one.wait))
  add("CPU %s", one.cpu and durations.exact(one.cpu))
  add("memory %s", one.max_rss and durations.size(one.max_rss))
  add("trace %s", one.trace)
  return table.concat(words, ", ")
end

local function add_output(lines, output)
  for line in (text.plain(output):gsub("\n$", "") .. "\n"):gmatch "([^\n]*)\n" do
    lines[#lines + 1] = "    " .. line
  end
end

-- A watcher that is killed writes nothing about the attempts that it had begun.
local function add_gap(lines, before, one)
  if one.receives <= before + 1 then return end
  local first, last = before + 1, one.receives - 1
  lines[#lines + 1] = ("\n%s not recorded"):format(first == last and ("attempt %d:"):format(first)
    or ("attempts %d to %d:"):format(first, last))
end

--- Adds the attempts to the lines about a job.
---@param lines string[]
---@param all watchbot.Attempt[]
function attempts.add(lines, all)
  local before = 0
  for index, one in ipairs(all) do
    if index > 1 then add_gap(lines, before, one) end
    before = one.receives
    lines[#lines + 1] = ""
    lines[#lines + 1] = ("%s %s"):format(
      terminal.paint("bold", ("attempt %d:"):format(one.receives)),
      terminal.paint(COLOURS[one.outcome] or "bold", attempts.summary(one)))
    local used = usage(one)
    if used ~= "" then lines[#lines + 1] = "  " .. text.line(used) end
    if one.output then add_output(lines, one.output) end
  end
end

return attempts
