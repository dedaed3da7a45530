--- journal: the watcher's own log lines: JSON after the id, so that log metric filters can read
-- them.
-- Members keep their order. Text that is not UTF-8 is converted: people and their tools read the
-- log. Callers report what has happened; other formats (journal/listen.lua) override how it is
-- written.

local json = require "watchbot.lib.json"
local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"
local text = require "watchbot.lib.text"
local urls = require "watchbot.lib.urls"

local CATEGORY = "watcher"
local max = math.max
local levels = { info = 30, warning = 40, error = 50 }

-- Outcomes that need no attention.
local FINE = { complete = true, release = true, cancelled = true }

---@class watchbot.Journal
local Journal = {}
Journal.__index = Journal

local journal = { Journal = Journal }

---@param sink table where lines go: `sink:write(category, id, text, level)`
---@param form "listen"|"task"|nil the lines of ecs-watchbot v4 and later, or of v2 and v3
---@return watchbot.Journal
function journal.new(sink, form)
  if form then return require("watchbot.journal." .. form).new(sink) end
  return own({
    sink = sink, traces = journal.is_json(sink), direct = sink.say ~= nil,
  }, Journal)
end

--- Whether the lines of a log are JSON objects.
---@param sink table
---@return boolean
function journal.is_json(sink)
  return sink.format ~= nil and sink:format() == "json"
end

-- Bytes of a message that are logged unless a policy sets another number.
Journal.shown = 2048

--- Errors that were logged.
Journal.errors = 0

--- The version of the policy that runs, for lines and for others that report it.
---@param identity string?
function Journal:identify(identity)
  self.identity = identity
end

--- The number of bytes of each message to log.
---@param bytes integer|false
function Journal:show_messages(bytes)
  self.shown = bytes
end

local function cut(words, shown)
  if not shown or not words then return nil end
  return #words <= shown and words or text.cut(words, shown)
end

--- A JSON object of the members `name, value, name, value...`; a nil value leaves its member out.
---@type fun(...: any): string
journal.object = json.members

--- Writes a line unchanged.
---@param level "info"|"warning"|"error"
---@param id string?
---@param line string
function Journal:write(level, id, line)
  self.sink:write(CATEGORY, id, line, levels[level])
end

-- What has gone wrong often quotes a URL. The subject and message of a job are info: those are
-- shown as they came.
local function without_secrets(level, ...)
  if level == "info" then return ... end
  local members = table.pack(...)
  for index = 2, members.n, 2 do
    local value = members[index]
    if type(value) == "string" then members[index] = urls.hide(value) end
  end
  return table.unpack(members, 1, members.n)
end

--- Logs an event about the message `id` (nil: about no message).
---@param level "info"|"warning"|"error"
---@param id string?
---@param ... any name, value, name, value...
function Journal:say(level, id, ...)
  local sink = self.sink
  if sink.say then return sink:say(CATEGORY, id, levels[level], without_secrets(level, ...)) end
  self:write(level, id, journal.object(without_secrets(level, ...)))
end

function Journal:info(id, ...)
  if self.direct then return self.sink:say(CATEGORY, id, levels.info, ...) end
  self:say("info", id, ...)
end

function Journal:warning(id, ...) self:say("warning", id, ...) end

function Journal:error(id, ...)
  self.errors = self.errors + 1
  self:say("error", id, ...)
end

--- Spans are exported: lines of text name those of their job, as lines of JSON do anyway.
function Journal:show_traces()
  self.traces = true
end

--- The last members of a line about a job: its trace, if that is shown.
--- https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/
---@param one any the job's trace; a handler may have put anything there
---@return ... name, value, name, value, or nothing
function Journal:trace_of(one)
  if not self.traces or type(one) ~= "table" then return end
  if type(one.trace_id) == "string" then return "trace_id", one.trace_id, "span_id", one.span_id end
end

--- The same log, in which each line names a queue, for watchers of several.
---@param name string
---@return watchbot.Journal
function Journal:of_queue(name)
  local one = { direct = false }
  function one.say(_, level, id, ...) return self:say(level, id, "queue", name, ...) end
  function one.error(_, id, ...) self:error(id, "queue", name, ...) end
  return setmetatable(one, { __index = self })
end

--- Lines that were dropped so far: the disk was full, or the reader was stuck.
---@return integer? count nil: none
function Journal:dropped()
  local count = self.sink.dropped and self.sink:dropped() or 0
  return count > 0 and count or nil
end

--- A job has started.
---@param job watchbot.Job
function Journal:started(job)
  local shown, subject, message = self.shown, job.subject, job.message
  if not shown or subject or not message or #message > shown then
    subject, message = cut(subject, shown), cut(message, shown)
  end
  local trace_id, span_id, _
  if self.traces then _, trace_id, _, span_id = self:trace_of(job.trace) end
  self:info(job.id, "subject", subject, "message", message, "receives", job.receives,
    "trace_id", trace_id, "span_id", span_id)
end

--- A task has ended, or could not be started.
---@param job watchbot.Job
---@param outcome "complete"|"reject"|"release"|"retry"|"bury"|"cancelled"
---@param exit watchbot.Exit
---@param seconds number? until the message becomes visible again
---@param one watchbot.Trace? the job's
function Journal:outcome(job, outcome, exit, seconds, one)
  local write = FINE[outcome] and self.info or self.warning
  local trace_id, span_id, _
  if self.traces then _, trace_id, _, span_id = self:trace_of(one) end
  local took, sent = exit.duration, job.sent
  write(self, job.id, "outcome", outcome, "code", exit.code, "signal", exit.signal,
    "reason", exit.reason, "duration", took and took * 1000 // 1,
    "response_duration", sent and max(0, scheduler.time() - sent), "seconds", seconds,
    "cpu", exit.cpu and math.floor(exit.cpu * 1000), "max_rss", exit.max_rss, "oom", exit.oom,
    "request", exit.request, "trace_id", trace_id, "span_id", span_id)
end

--- A job could not be placed and is held for a while.
---@param job watchbot.Job
---@param exit watchbot.Exit
---@param seconds number until the next attempt
function Journal:held(job, exit, seconds)
  self:warning(job.id, "held", true, "reason", exit.reason, "seconds", seconds,
    self:trace_of(job.trace))
end

--- How long a task took.
---@param exit watchbot.Exit
---@return integer? milliseconds
function journal.milliseconds(exit)
  return exit.duration and math.floor(exit.duration * 1000)
end

--- How long ago a message was sent.
---@param job watchbot.Job
---@return integer? milliseconds, nil if the queue does not know
function journal.response(job)
  return job.sent and math.max(0, scheduler.time() - job.sent)
end

return journal
