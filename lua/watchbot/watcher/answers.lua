--- watcher.answers: checks the results of hooks in one place: types, ranges, NaN, infinities. Each
-- check returns the values in the form the watcher uses, or nil and the problem.

local duration = require "watchbot.lib.duration"
local limits = require "watchbot.lib.limits"

local answers = {}

-- The longest visibility timeout of SQS: 12 hours from the receive.
local LONGEST = limits.sqs.visibility

-- More messages than any queue returns at once.
local MOST_MESSAGES = 100000

answers.outcomes = { complete = true, reject = true, release = true, retry = true, bury = true }

local LIST = "'complete', 'reject', 'release', 'retry', 'bury' or 'pause'"

local function shown(value)
  if type(value) == "string" then return ("'%s'"):format(value) end
  if type(value) == "number" then return tostring(value) end
  return value == nil and "nothing" or "a " .. type(value)
end

--- Seconds of a pause: a number from 0 to 12 hours; a longer one is cut.
---@param value any
---@return number? seconds nil without a value
---@return string? problem
local function seconds(value)
  if value == nil then return nil end
  if type(value) ~= "number" or value ~= value or value == -math.huge then
    return nil, ("seconds must be a number, not %s"):format(shown(value))
  end
  return math.max(0, math.min(value, LONGEST))
end

--- poll: how many messages to request, and seconds that the queue may wait for the first.
---@return integer? count
---@return number|string wait or the problem
function answers.poll(count, wait)
  local whole = math.tointeger(count)
  if not whole or whole < 0 or type(count) ~= "number" then
    return nil, ("poll must return how many messages to ask for, a whole number, not %s"):format(
      shown(count))
  end
  local pause, problem = seconds(wait)
  if not pause then
    return nil, "poll: " .. (problem or "the second value, seconds to wait, is missing")
  end
  return math.min(whole, MOST_MESSAGES), pause
end

-- Seconds for which a queue is paused: any number above 0, or nothing, until it is resumed. The end
-- of a longer pause would be no date: it is cut.
local function pause_of(hook, value)
  if value == nil then return "pause" end
  if type(value) == "number" and value > 0 and value < math.huge then
    return "pause", math.min(value, duration.CENTURY)
  end
  return nil, ("%s: 'pause' needs seconds above 0, or none until it is resumed, not %s"):format(
    hook, shown(value))
end

--- once: a key, which is text, or nothing.
---@return string? key
---@return string? problem
function answers.once(key)
  if key == nil or type(key) == "string" then return key end
  return nil, ("once must return text, or nothing, not %s"):format(shown(key))
end

--- admit: true, an outcome, "hold" or "pause".
---@return true|string|nil admitted
---@return number|string|nil seconds or the problem
function answers.admit(admitted, pause)
  if admitted == "pause" then return pause_of("admit", pause) end
  if admitted ~= true and admitted ~= "hold" and not answers.outcomes[admitted] then
    return nil, ("admit must return true, 'hold', %s, not %s"):format(LIST, shown(admitted))
  end
  local checked, problem = seconds(pause)
  if problem then return nil, "admit: " .. problem end
  return admitted, checked
end

--- verdict: an outcome, or "pause".
---@return string? outcome
---@return number|string|nil seconds or the problem
function answers.verdict(outcome, pause)
  if outcome == "pause" then return pause_of("verdict", pause) end
  if not answers.outcomes[outcome] then
    return nil, ("verdict must return %s, not %s"):format(LIST, shown(outcome))
  end
  local checked, problem = seconds(pause)
  if problem then return nil, "verdict: " .. problem end
  return outcome, checked
end

--- backoff: seconds.
---@return number? seconds
---@return string? problem
function answers.backoff(pause)
  local checked, problem = seconds(pause)
  if checked then return checked end
  return nil, "backoff: " .. (problem or "it must return seconds, not nothing")
end

local function variable(name, value)
  if type(name) ~= "string" or name == "" or name:find "[=%z]" then
    return nil, ("environment: %s is not a valid variable name"):format(shown(name))
  end
  local kind = type(value)
  if kind == "number" or kind == "boolean" then return tostring(value) end
  if kind ~= "string" then
    return nil, ("environment: '%s' must be text, not %s"):format(name, shown(value))
  end
  if value:find("\0", 1, true) then
    return nil, ("environment: '%s' holds a NUL, which no environment takes"):format(name)
  end
  return value
end

--- environment: names to text; numbers and booleans become text.
---@return table<string, string>? variables
---@return string? problem
function answers.environment(variables)
  if type(variables) ~= "table" then
    return nil, ("environment must return a table of names to text, not %s"):format(
      shown(variables))
  end
  local checked = {}
  for name, value in pairs(variables) do
    local text, problem = variable(name, value)
    if not text then return nil, problem end
    checked[name] = text
  end
  return checked
end

-- What an exit has, see watchbot.Exit.
local EXIT = {}
for name in ([[code signal shell_signal reason duration outcome timed_out cpu max_rss survivors oom
  stopped left not_started error request status result too_big unplaced logs blameless elsewhere
  cluster task instance stop_code pending cause]]):gmatch "[%a_]+" do
  EXIT[name] = true
end

--- verdict: the exit that it was given. How a task has ended is a fact; a hook may word the reason,
--- and note things for the hooks that follow.
---@param given table which the hook may have changed
---@param kept watchbot.Exit the same as it was before
---@return watchbot.Exit kept
function answers.exit(given, kept)
  for name, value in next, given do
    if not EXIT[name] then kept[name] = value end
  end
  local reason = rawget(given, "reason")
  if type(reason) == "string" then kept.reason = reason end
  return kept
end

return answers
