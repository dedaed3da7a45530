--- simulate.recorded: the load that a watcher's log records: when each message was sent, and how
-- long each of its attempts took and how it ended. Lines of text and of JSON, of policies, of
-- `watchbot listen` and of ECS tasks; also in the events that the AWS CLI prints.

local date = require "watchbot.lib.date"
local json = require "watchbot.lib.json"
local whole_file = require "watchbot.lib.whole_file"

---@class watchbot.RecordedLoad
---@field count integer
---@field extrapolated integer attempts that were not in the log
local Recorded = {}
Recorded.__index = Recorded

local recorded = {}

-- Outcomes of ECS tasks, whose durations are in seconds; "will retry" is a failure, too.
local function unit_of(members)
  local outcome = members.outcome
  local of_tasks = type(outcome) == "string"
    and (outcome == "success" or outcome:find "^failed, " or outcome:find "^no%-op, ")
  return of_tasks and 1 or 0.001
end

-- The time of a text line, in seconds since the epoch.
local function of_text(line)
  local time, id, object = line:match
    "%[(%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT)%] %[watcher%] %[([^%]]+)%] .-({.*})"
  local members = object and json.decode(object, true)
  if type(members) ~= "table" then return nil end
  return date.http(time), id, members
end

local function of_json(line)
  if not line:find "^%s*{" then return nil end
  local members = json.decode(line, true)
  if type(members) ~= "table" or members.name ~= "watcher" then return nil end
  local time, id = date.iso(members.time), members.watchbot_sqs_message_id
  return type(id) == "string" and time or nil, id, members
end

-- The lines of a log, or of the events that `aws logs filter-log-events` prints.
local function lines_of(text)
  local whole, lines = text:find "^%s*{" and json.decode(text, true), {}
  local events = type(whole) == "table" and whole.events
  for _, event in ipairs(type(events) == "table" and events or {}) do
    lines[#lines + 1] = type(event) == "table" and tostring(event.message) or nil
  end
  if events then return lines end
  for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

-- What one line says of its message.
local function note(messages, order, time, id, members, exact)
  local one = messages[id]
  if not one then
    one = { id = id, sent = time, attempts = {} }
    messages[id], order[#order + 1] = one, one
  end
  if members.receives then
    one.began = time
    one.body = type(members.message) == "string" and members.message or one.body
    one.subject = type(members.subject) == "string" and members.subject or one.subject
    one.received = one.received or time
  end
  local duration = tonumber(members.duration)
  if not duration or members.receives then return end
  local response = tonumber(members.response_duration)
  if response then one.sent = math.min(one.sent, time - response / 1000) end
  local signal = type(members.signal) == "string" and members.signal:gsub("^SIG", "") or nil
  -- A slot is taken from the first line to the second: starting a program takes time, too. Lines of
  -- text have whole seconds only.
  local seconds = duration * unit_of(members)
  if exact and one.began then seconds = math.max(seconds, time - one.began) end
  one.attempts[#one.attempts + 1] = {
    seconds = seconds, exit = {
      code = not signal and math.tointeger(tonumber(members.code)) or nil, signal = signal,
      reason = type(members.reason) == "string" and members.reason or nil,
    },
  }
end

-- Messages that ended in the log, with times since the first. Many are sent at the same time, and
-- times are rounded: their order is that of the first receives, which the queue has kept.
local function in_order(order)
  local list, times = {}, {}
  for _, one in ipairs(order) do
    if #one.attempts > 0 then
      list[#list + 1], times[#times + 1] = one, one.sent
    end
  end
  table.sort(times)
  for index, one in ipairs(list) do one.sent = times[index] - times[1] end
  return list
end

--- Reads a log.
---@param path string "-": standard input
---@return watchbot.RecordedLoad? load
---@return string? err
function recorded.read(path)
  local text, err = whole_file(path)
  if not text then return nil, ("could not read the log: %s"):format(err) end
  local messages, order = {}, {}
  for _, line in ipairs(lines_of(text)) do
    local time, id, members = of_json(line)
    local exact = time ~= nil
    if not exact then time, id, members = of_text(line) end
    if time then note(messages, order, time, id, members, exact) end
  end
  local list = in_order(order)
  if #list == 0 then
    return nil, ("'%s': no line of a watcher has the end of a task"):format(path)
  end
  return setmetatable({ list = list, count = #list, extrapolated = 0 }, Recorded)
end

--- The messages in the order in which they were sent.
---@return fun(): integer?, number?, table?
function Recorded:messages()
  local number = 0
  return function()
    number = number + 1
    local one = self.list[number]
    if not one then return nil end
    return number, one.sent, { body = one.body or "", subject = one.subject, id = one.id }
  end
end

--- What a task did, or does as the last recorded one of its message.
---@param number integer
---@param attempt integer
---@return number seconds
---@return { code: integer?, signal: string?, reason: string? } exit
function Recorded:attempt(number, attempt)
  local attempts = self.list[number].attempts
  if attempt > #attempts then self.extrapolated = self.extrapolated + 1 end
  local one = attempts[math.min(attempt, #attempts)]
  return one.seconds, one.exit
end

return recorded
