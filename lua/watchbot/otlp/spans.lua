--- otlp.spans: the spans of each job, which follow from its stages (watcher/jobs.lua): this
-- observes them, and no other code depends on it. A job has a span `process QUEUE`, whose parent
-- and link is the sender's span, with children for start, run and settle.
-- https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/

local at_span = require("watchbot.trace").at_span
local destination = require "watchbot.otlp.destination"
local encode = require "watchbot.otlp.encode"
local ids = require "watchbot.otlp.ids"
local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"

local now = scheduler.now

---@class watchbot.JobSpans what a job has while it is traced
---@field trace_id string
---@field span_id string of `process`
---@field parent watchbot.Trace? what the message came with
---@field sampled boolean
---@field wall integer milliseconds since the epoch, at the start
---@field began number seconds, of scheduler.now()
---@field child string? the name of the child that is open
---@field child_began number?
---@field events table[]?

---@class watchbot.SpanTaker takes spans that have ended
---@field has_room fun(self): boolean whether there is room for one more; else it is counted as lost
---@field add fun(self, span: string) JSON

---@class watchbot.SpanMaker
---@field queue watchbot.SpanDestination
local Spans = {}
Spans.__index = Spans

local spans = {}

-- What all children of one name have in common.
local function child_of(queue, name)
  local settles = name == "settle"
  return {
    name = name .. " " .. queue.name, kind = settles and encode.CLIENT or encode.INTERNAL,
    attributes = encode.attributes("messaging.system", queue.system, "messaging.operation.name",
      name, "messaging.operation.type", settles and name or nil, "messaging.destination.name",
      queue.name),
  }
end

---@param queue string URL
---@param sample fun(trace_id: string, sampled: boolean?): boolean
---@param taker watchbot.SpanTaker
---@return watchbot.SpanMaker
function spans.new(queue, sample, taker)
  local found = destination(queue)
  return own({
    queue = found, sample = sample, taker = taker, of = setmetatable({}, { __mode = "k" }),
    children = {
      start = child_of(found, "start"), run = child_of(found, "run"),
      settle = child_of(found, "settle"),
    },
  }, Spans)
end

-- the beginning

local function begin(self, entry)
  local parent, wall = entry.job.trace, scheduler.time()
  local trace_id = parent and parent.trace_id or ids.trace(wall)
  local one = {
    trace_id = trace_id, span_id = ids.span(), wall = wall, began = now(),
    parent = parent and parent.trace_id and parent or nil,
    sampled = self.sample(trace_id, parent and parent.sampled),
  }
  self.of[entry] = one
  entry.job.trace = at_span(parent, trace_id, one.span_id, one.sampled)
  return one
end

local function time_of(one, at)
  return encode.time(one.wall, at - one.began)
end

-- Seconds that the message was in the queue before.
local function waited(entry, one)
  local sent = entry.job.sent
  return sent and math.max(0, one.wall - sent) / 1000 or nil
end

-- what happens meanwhile

local function note(one, name, ...)
  one.events = one.events or {}
  -- A job that is held may be tried for hours.
  if #one.events >= 32 then return end
  one.events[#one.events + 1] = {
    timeUnixNano = time_of(one, now()), name = name, attributes = encode.attributes(...),
  }
end

-- Ends the child that is open.
function Spans:end_child(one)
  local name, taker = one.child, self.taker
  if not name then return end
  one.child = nil
  -- A span that is not exported is not even written.
  if not one.sampled or not taker:has_room() then return end
  local common = self.children[name]
  taker:add(encode.span {
    name = common.name, kind = common.kind, attributes = common.attributes,
    trace_id = one.trace_id, span_id = ids.span(), parent = one.span_id,
    state = one.parent and one.parent.tracestate, start = time_of(one, one.child_began),
    ends = time_of(one, now()),
  })
end

function Spans:begin_child(one, name)
  if one.child == name then return end
  self:end_child(one)
  one.child, one.child_began = name, now()
end

-- the end

local FAILED = { reject = true, retry = true, bury = true, lapsed = true }

local function has_lapsed(entry)
  return entry.lease and entry.lease.lapsed == true
end

-- The outcome of the job; a job whose message was returned before its task started has none.
local function outcome_of(entry)
  if entry.cause == "internal" then return "retry" end
  return entry.outcome or has_lapsed(entry) and "lapsed" or "returned"
end

-- A word for the kind of a failure, of which there are few.
local function error_type(entry)
  local exit = entry.exit or {}
  if not entry.outcome and has_lapsed(entry) then return "lapsed" end
  if exit.timed_out then return "timeout" end
  if exit.stopped then return "stopped" end
  if exit.signal then return "SIG" .. tostring(exit.signal) end
  if exit.error then return tostring(exit.error) end
  if exit.code and exit.code ~= 0 then return ("exit_%d"):format(exit.code) end
  return entry.cause or entry.outcome or "_OTHER"
end

local function reason_of(entry)
  local exit = entry.exit or {}
  if not entry.outcome and has_lapsed(entry) then return "the lease has lapsed" end
  if exit.reason then return exit.reason end
  if exit.code then return ("exit code %s"):format(exit.code) end
  return exit.signal and ("signal %s"):format(exit.signal) or outcome_of(entry)
end

local function attributes_of(self, entry, one, failed)
  local queue, job, exit = self.queue, entry.job, entry.exit or {}
  return encode.attributes(
    "messaging.system", queue.system, "messaging.operation.name", "process",
    "messaging.operation.type", "process", "messaging.destination.name", queue.name,
    "messaging.message.id", entry.id, "messaging.message.body.size", #entry.message.body,
    "aws.sqs.queue.url", queue.url, "server.address", queue.host, "server.port", queue.port,
    "watchbot.receive_count", job.receives, "watchbot.wait_seconds", waited(entry, one),
    "watchbot.outcome", outcome_of(entry), "watchbot.decided_by", entry.decided or nil,
    "watchbot.cause", entry.cause or nil,
    "process.exit.code", math.tointeger(exit.code), "aws.ecs.task.arn", exit.task,
    "error.type", failed and error_type(entry) or nil)
end

--- The job is over: its span is complete.
function Spans:finish(entry, one)
  self:end_child(one)
  self.of[entry] = nil
  if not one.sampled or not self.taker:has_room() then return end
  local failed = FAILED[outcome_of(entry)]
  local before = one.parent
  local sender = before and before.span_id and before or nil
  self.taker:add(encode.span {
    name = "process " .. self.queue.name, kind = encode.CONSUMER, trace_id = one.trace_id,
    span_id = one.span_id, parent = sender and sender.span_id, remote = sender ~= nil,
    state = before and before.tracestate, start = time_of(one, one.began),
    ends = time_of(one, now()), attributes = attributes_of(self, entry, one, failed),
    events = one.events, link = sender, error = failed and reason_of(entry) or nil,
  })
end

-- what each stage means

local on = {}

function on.deciding(self, entry, one)
  if not one and entry.job then begin(self, entry) end
end

function on.starting(self, _, one) self:begin_child(one, "start") end

function on.running(self, _, one) self:begin_child(one, "run") end

local function put_off(self, entry, one)
  self:end_child(one)
  note(one, entry.stage, "watchbot.backoff_seconds", entry.seconds or nil, "watchbot.reason",
    entry.exit and entry.exit.reason)
end

on.held, on.unplaced = put_off, put_off

-- `from` is the same where the outcome has been decided: then it is known when the message is seen
-- again.
function on.settling(self, entry, one, from)
  if from ~= "settling" then return self:begin_child(one, "settle") end
  if not entry.seconds then return end
  note(one, entry.outcome, "watchbot.backoff_seconds", entry.seconds, "watchbot.reason",
    reason_of(entry))
end

function on.returning(self, _, one) self:begin_child(one, "settle") end

function on.gone(self, entry, one) self:finish(entry, one) end

--- The observer of a watcher's jobs. Its errors are passed to `failed`: a span must not affect its
--- job.
---@param failed fun(err: any)
---@return fun(entry: watchbot.JobEntry, from: string?, to: string)
function Spans:observer(failed)
  local of = self.of
  return function(entry, from, to)
    local react, one = on[to], of[entry]
    if not react or not one and to ~= "deciding" then return end
    local ok, err = pcall(react, self, entry, one, from)
    if not ok then failed(err) end
  end
end

return spans
