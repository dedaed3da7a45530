--- journal.listen: the log lines of ecs-watchbot v4 and later, for the metric filters and alarms of
-- its stacks: `[failure] {...}` for a failure that needs attention, `[error] [sqs] text`, and with
-- structured logging `worker_event`. Other lines have watchbot's own format.

local journal = require "watchbot.journal"
local own = require "watchbot.lib.own"

-- Errors between the watcher and the queue.
local with_queue = {
  receive = true, ["return"] = true, delete = true, heartbeat = true, lease = true,
}

---@class watchbot.journal.Listen: watchbot.Journal
local Listen = setmetatable({}, { __index = journal.Journal })
Listen.__index = Listen

local listen = {}

---@param sink table
---@return watchbot.journal.Listen
function listen.new(sink)
  local json = journal.is_json(sink)
  return own({ sink = sink, json = json, traces = json }, Listen)
end

--- The lines of text stay those of ecs-watchbot.
function Listen:show_traces() end

local function members_of(...)
  local members = {}
  for index = 1, select("#", ...), 2 do
    local name, value = select(index, ...)
    members[name] = value
  end
  return members
end

-- A text followed by the code, if the code adds information.
local function text_of(members)
  return members.code and ("%s (%s)"):format(members.error, members.code) or members.error
end

function Listen:say(level, id, ...)
  local members = members_of(...)
  local source = with_queue[members.where] and "sqs" or "worker"
  if not members.error then
    self:write(level, id, journal.object(...))
  elseif self.json then
    self:write("error", id,
      journal.object(source .. "_event", "error", "msg", text_of(members), "where", members.where))
  else
    self:write("error", id, ("[error] [%s] %s"):format(source, text_of(members)))
  end
end

-- Node names signals like this, and writes null for an absent member.
local null = require "watchbot.lib.json".null
local function or_null(value) return value == nil and null or value end

--- 3 counts as a failure, too: the alarm on these lines reports rejected messages. A job that was
--- stopped because the watcher ends did not fail.
function Listen:outcome(job, outcome, exit, _, one)
  local failed = (outcome == "reject" or outcome == "retry" or outcome == "bury")
    and not exit.stopped
  local event = self.json and (failed and "failure" or "success") or nil
  local line = journal.object("worker_event", event, "code", or_null(exit.code),
    "signal", exit.signal and "SIG" .. exit.signal or null, "duration", journal.milliseconds(exit),
    "response_duration", journal.response(job), "reason", exit.reason,
    self:trace_of(one))
  self:write("info", job.id, failed and not self.json and "[failure] " .. line or line)
end

return listen
