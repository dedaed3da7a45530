--- trace: what a message, a program's environment or a span says of the trace that it belongs to.
-- Whatever comes from outside is read by its grammar (w3c, baggage, xray) and written again; what
-- is invalid is left out. Sits on nothing but these.

local baggage = require "watchbot.trace.baggage"
local w3c = require "watchbot.trace.w3c"
local xray = require "watchbot.trace.xray"

---@class watchbot.Trace each field is absent where there is nothing valid
---@field trace_id string? 32 digits of hex
---@field span_id string? 16 digits of hex: the span that what follows is a child of
---@field sampled boolean? whether its spans are recorded
---@field traceparent string?
---@field tracestate string?
---@field baggage string?
---@field xray string? the header of AWS X-Ray

local trace = {}

--- The variables of OpenTelemetry's carriers in the environment, and of AWS X-Ray; the fields of a
--- trace that they hold.
--- https://opentelemetry.io/docs/specs/otel/context/env-carriers/
---@type table<string, string>
trace.variables = {
  TRACEPARENT = "traceparent", TRACESTATE = "tracestate", BAGGAGE = "baggage",
  _X_AMZN_TRACE_ID = "xray",
}

--- The attributes of a message, in the order in which they are wanted where there is no room for
--- all.
trace.attributes = { "traceparent", "tracestate", "baggage" }

-- A trace of W3C; X-Ray's header follows from it.
local function of_parent(parent, state)
  local sampled = parent.flags & w3c.SAMPLED ~= 0
  return {
    trace_id = parent.trace_id, span_id = parent.span_id, sampled = sampled,
    traceparent = w3c.write(parent), tracestate = state,
    xray = xray.write {
      trace_id = parent.trace_id, span_id = parent.span_id, sampled = sampled,
    },
  }
end

-- The other way round: without a span there is no `traceparent`.
local function of_header(header)
  local one = header.span_id and of_parent {
    trace_id = header.trace_id, span_id = header.span_id, flags = header.sampled and 1 or 0,
  } or { trace_id = header.trace_id }
  one.sampled, one.xray = header.sampled, xray.write(header)
  return one
end

--- Reads carriers. A `traceparent` comes before a header of X-Ray, and a `tracestate` counts only
--- with its `traceparent`.
---@param carriers { traceparent: any, tracestate: any, baggage: any, xray: any }
---@return watchbot.Trace? nil: nothing of them is valid
function trace.read(carriers)
  local parent = w3c.parent(carriers.traceparent)
  local header = not parent and xray.read(carriers.xray) or nil
  local carried = baggage.read(carriers.baggage)
  if not (parent or header or carried) then return nil end
  local one = parent and of_parent(parent, w3c.state(carriers.tracestate))
    or header and of_header(header) or {}
  one.baggage = carried
  return one
end

local function text_of(attributes, name)
  local attribute = attributes[name]
  return attribute and attribute.type:find "^String%f[.%z]" and attribute.value or nil
end

--- The trace of a message.
---@param attributes table<string, { type: string, value: string }>
---@param header string? the system attribute AWSTraceHeader
---@return watchbot.Trace?
function trace.of_message(attributes, header)
  return trace.read {
    traceparent = text_of(attributes, "traceparent"),
    tracestate = text_of(attributes, "tracestate"), baggage = text_of(attributes, "baggage"),
    xray = header,
  }
end

--- The trace that a program was started with.
---@param getenv fun(name: string): string?
---@return watchbot.Trace?
function trace.of_environment(getenv)
  local carriers = {}
  for name, field in pairs(trace.variables) do carriers[field] = getenv(name) end
  return trace.read(carriers)
end

--- A trace that goes on at another span: what that span hands on.
---@param before watchbot.Trace? whose `tracestate` and `baggage` go on
---@param trace_id string
---@param span_id string
---@param sampled boolean
---@return watchbot.Trace
function trace.at_span(before, trace_id, span_id, sampled)
  local one = of_parent { trace_id = trace_id, span_id = span_id, flags = sampled and 1 or 0 }
  if before and before.trace_id == trace_id then one.tracestate = before.tracestate end
  one.baggage = before and before.baggage
  return one
end

return trace
