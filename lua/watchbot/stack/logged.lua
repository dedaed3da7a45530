--- stack.logged: what the log of a watcher says of one message: its attempts, their outcome and
-- their output. Reads lines in both formats, text and JSON; lines of other programs are output.

local json = require "watchbot.lib.json"
local text = require "watchbot.lib.text"

-- Bytes of an attempt's output that are shown, the newest.
local OUTPUT = 4096

local logged = {}

-- => whether the watcher has written it, its members or text
local function opened(line)
  local category, rest = line:match "^%[[^%]]*%] %[(%a+)%] %[[^%]]+%] (.*)$"
  local members = json.decode(rest or line, true)
  members = type(members) == "table" and members or nil
  if category then return category == "watcher", category == "watcher" and members or rest end
  if members and members.name == "watcher" then return true, members end
  return false, members and type(members.msg) == "string" and members.msg or line
end

local function begin(self, at, members)
  self.current = {
    id = self.id, receives = math.tointeger(members.receives) or #self.attempts + 1, started = at,
    output = "",
  }
  self.subject = self.subject or members.subject
  self.message = self.message or members.message
  self.attempts[#self.attempts + 1] = self.current
end

local function end_attempt(self, at, members)
  local one = self.current
  if not one then
    begin(self, nil, members)
    one = self.current
  end
  one.ended, one.outcome = at, tostring(members.outcome)
  one.code, one.signal = math.tointeger(members.code), members.signal
  one.reason, one.task = members.reason, members.task
  one.duration = one.started and math.max(0, at - one.started) or nil
  one.cpu, one.max_rss = math.tointeger(members.cpu), math.tointeger(members.max_rss)
  self.current = nil
end

local function take(self, event)
  local is_watcher, content = opened((text.clean(event.message):gsub("\n$", "")))
  if not is_watcher then
    local one = self.current or self.attempts[#self.attempts]
    if one then one.output = (one.output .. content .. "\n"):sub(-OUTPUT) end
  elseif type(content) == "table" and content.outcome then
    end_attempt(self, event.timestamp, content)
  elseif type(content) == "table" and content.receives and not content.duplicate then
    begin(self, event.timestamp, content)
  end
end

--- Reads what a log says of a message.
---@param id string
---@param events watchbot.LogEvent[] in the order of their time
---@return watchbot.JobDetails|false one false: nothing
function logged.job(id, events)
  local self = { id = id, attempts = {} }
  for _, event in ipairs(events) do take(self, event) end
  local last = self.attempts[#self.attempts]
  if not last then return false end
  for index, one in ipairs(self.attempts) do
    local next_one = self.attempts[index + 1]
    one.output = one.output ~= "" and one.output or nil
    -- Its watcher was killed, since the message was received again.
    if not one.outcome and next_one then
      one.outcome, one.ended = "interrupted", next_one.started or next_one.ended
    end
    one.outcome = one.outcome or "not ended yet"
  end
  local done = last.outcome == "complete" or last.outcome == "success"
  return {
    id = id, key = "log", state = done and "done" or last.ended and "failed" or "running",
    subject = self.subject, message = self.message, receives = last.receives,
    taken = not last.ended and last.started or nil, attempts = self.attempts,
  }
end

return logged
