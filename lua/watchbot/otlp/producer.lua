--- otlp.producer: the span of a program that sends messages. They continue the trace at this span,
-- so that the spans of their jobs are its children. It is exported once, at the end: neither a
-- collector that does not answer nor an invalid setting stops a message.

local at_span = require("watchbot.trace").at_span
local destination = require "watchbot.otlp.destination"
local encode = require "watchbot.otlp.encode"
local ids = require "watchbot.otlp.ids"
local resource = require "watchbot.otlp.resource"
local scheduler = require "watchbot.scheduler"
local sender = require "watchbot.otlp.sender"
local settings = require "watchbot.otlp.settings"
local version = require "watchbot.version"

-- Seconds that the export may take: a person or a script waits for it.
local PATIENCE = 3

---@class watchbot.ProducerSpan
---@field trace watchbot.Trace of the messages that are sent
local Producer = {}
Producer.__index = Producer

local producer = {}

--- Begins a span.
---@param getenv fun(name: string): string?
---@param queue string a queue's URL, or the ARN of a topic
---@param parent watchbot.Trace? of this program
---@param report fun(problem: string)
---@return watchbot.ProducerSpan? span nil: no spans are exported
function producer.begin(getenv, queue, parent, report)
  local found, problems = settings.read(getenv)
  for _, problem in ipairs(problems) do report(problem) end
  if not found or not found.traces then return nil end
  found.traces.timeout = math.min(found.traces.timeout, PATIENCE)
  local made, err = sender.new(found.traces, "spans", report)
  if not made then
    report("spans are not exported: " .. err)
    return nil
  end
  local wall = scheduler.time()
  local trace_id = parent and parent.trace_id or ids.trace(wall)
  local span_id, sampled = ids.span(), found.sample(trace_id, parent and parent.sampled)
  return setmetatable({
    sender = made, queue = destination(queue), parent = parent, sampled = sampled, wall = wall,
    began = scheduler.now(), trace_id = trace_id, span_id = span_id, given = found.resource,
    trace = at_span(parent, trace_id, span_id, sampled),
  }, Producer)
end

function Producer:text(count, err)
  local queue, parent = self.queue, self.parent
  return encode.span {
    name = "send " .. queue.name, kind = encode.PRODUCER, trace_id = self.trace_id,
    span_id = self.span_id, parent = parent and parent.span_id,
    remote = parent ~= nil and parent.span_id ~= nil,
    state = self.trace.tracestate, start = encode.time(self.wall, 0),
    ends = encode.time(self.wall, scheduler.now() - self.began), error = err,
    attributes = encode.attributes(
      "messaging.system", queue.system, "messaging.operation.name", "send",
      "messaging.operation.type", "send", "messaging.destination.name", queue.name,
      "messaging.batch.message_count", count ~= 1 and count or nil,
      "aws.sqs.queue.url", queue.url, "server.address", queue.host, "server.port", queue.port,
      "error.type", err and "_OTHER" or nil),
  }
end

--- Exports the span, if it is sampled. Waits in a task, seconds at most.
---@param count integer messages that were sent
---@param err string? why not all of them were
function Producer:finish(count, err)
  if not self.sampled then return end
  local before, behind = encode.spans(resource(self.given), version)
  self.sender:send(before .. self:text(count, err) .. behind, 1)
end

return producer
