--- otlp.encode: OpenTelemetry's messages as JSON: ids are hex, 64-bit integers are text, enums are
-- numbers, and names are lowerCamelCase.
-- https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
-- https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto

local json = require "watchbot.lib.json"
local text = require "watchbot.lib.text"

-- Bytes of a text in an attribute.
local LONGEST = 1024

local encode = {}

-- Span.SpanKind and Status.StatusCode
encode.INTERNAL, encode.CLIENT, encode.PRODUCER, encode.CONSUMER = 1, 3, 4, 5
local ERROR = 2

-- AggregationTemporality
local CUMULATIVE = 2

-- Flags of a span and a link: whether the parent is of another process is known, and it is.
local SAMPLED, IS_KNOWN, IS_REMOTE = 1, 0x100, 0x200

local function any_value(value)
  if type(value) == "boolean" then return { boolValue = value } end
  if math.type(value) == "integer" then return { intValue = ("%d"):format(value) } end
  if type(value) == "number" then return { doubleValue = value } end
  return { stringValue = text.clean(text.cut(tostring(value), LONGEST)) }
end

-- `{ name, value ... }` without those whose value is nil; nil without any.
local function attributes_of(flat)
  local list = {}
  for index = 1, flat.n or #flat, 2 do
    local value = flat[index + 1]
    if value ~= nil then list[#list + 1] = { key = flat[index], value = any_value(value) } end
  end
  return list[1] and list or nil
end

--- Attributes that may lack a value: `encode.attributes("name", value, ...)`.
---@param ... any
---@return table[]? list nil: there are none
function encode.attributes(...)
  return attributes_of(table.pack(...))
end

--- Nanoseconds since the epoch as text.
---@param milliseconds integer since the epoch
---@param seconds number behind them
---@return string
function encode.time(milliseconds, seconds)
  return ("%d"):format(milliseconds * 1000000 + math.floor(seconds * 1e9))
end

---@class watchbot.Span
---@field name string
---@field kind integer
---@field trace_id string
---@field span_id string
---@field parent string? id of the parent's span
---@field remote boolean? the parent is another process's
---@field state string? tracestate
---@field start string as encode.time has it
---@field ends string
---@field attributes table[]?
---@field events { timeUnixNano: string, name: string, attributes: table[]? }[]?
---@field link watchbot.Trace? the producer's span
---@field error string? why it has failed

local function link_of(one)
  return { {
    traceId = one.trace_id, spanId = one.span_id, traceState = one.tracestate,
    flags = (one.sampled and SAMPLED or 0) | IS_KNOWN | IS_REMOTE,
  } }
end

--- A span as JSON.
---@param span watchbot.Span
---@return string
function encode.span(span)
  return (json.encode({
    traceId = span.trace_id, spanId = span.span_id, parentSpanId = span.parent,
    traceState = span.state, flags = SAMPLED | IS_KNOWN | (span.remote and IS_REMOTE or 0),
    name = span.name, kind = span.kind, startTimeUnixNano = span.start,
    endTimeUnixNano = span.ends, attributes = span.attributes, events = span.events,
    links = span.link and link_of(span.link),
    status = span.error and {
      code = ERROR, message = text.clean(text.cut(span.error, LONGEST)),
    },
  }, "replace"))
end

local SCOPE = '"scope":{"name":"watchbot","version":"%s"}'

--- The text before and after the spans of a request.
---@param resource table[]? attributes
---@param version string
---@return string before
---@return string behind
function encode.spans(resource, version)
  return ('{"resourceSpans":[{"resource":%s,"scopeSpans":[{%s,"spans":['):format(
    json.encode({ attributes = resource }, "replace"), SCOPE:format(version)), "]}]}]}"
end

-- metrics

local function number(value)
  if math.type(value) == "integer" then return "asInt", ("%d"):format(value) end
  return "asDouble", value
end

local function point_of(series, start, time)
  local flat = {}
  for _, label in ipairs(series.labels) do
    flat[#flat + 1] = label[1]
    flat[#flat + 1] = tostring(label[2])
  end
  return { attributes = attributes_of(flat), startTimeUnixNano = start, timeUnixNano = time }
end

local function histogram_point(series, start, time)
  local point, total = point_of(series, start, time), 0
  local bounds, counts = {}, {}
  for index, count in ipairs(series.counts) do
    counts[index], total = ("%d"):format(count), total + count
    if series.bounds[index] < math.huge then bounds[index] = series.bounds[index] + 0.0 end
  end
  point.count, point.sum = ("%d"):format(total), series.sum + 0.0
  point.bucketCounts, point.explicitBounds = counts, bounds
  return point
end

local function number_point(series, start, time)
  local point = point_of(series, start, time)
  local name, value = number(series.value)
  point[name] = value
  return point
end

local UNITS = { seconds = "s", bytes = "By", [""] = "1" }

-- NaN and infinities cannot be written as JSON.
local function is_finite(series)
  local value = series.value or series.sum
  return value == value and value < math.huge and value > -math.huge
end

local function metric_of(family, start, time)
  local points, is_histogram = {}, family.kind == "histogram"
  local make = is_histogram and histogram_point or number_point
  local since = family.kind ~= "gauge" and start or nil
  for _, series in ipairs(family) do
    if is_finite(series) then points[#points + 1] = make(series, since, time) end
  end
  if #points == 0 then return nil end
  local data = { dataPoints = points }
  if family.kind ~= "gauge" then data.aggregationTemporality = CUMULATIVE end
  if family.kind == "counter" then data.isMonotonic = true end
  return {
    name = family.name, description = family.help, unit = UNITS[family.unit] or family.unit,
    [is_histogram and "histogram" or family.kind == "counter" and "sum" or "gauge"] = data,
  }
end

--- A snapshot of metrics as a request; nil without any value.
---@param snapshot watchbot.Snapshot
---@param resource table[]? attributes
---@param version string
---@return string?
function encode.metrics(snapshot, resource, version)
  local metrics = {}
  local start, time = encode.time(snapshot.started, 0), encode.time(snapshot.time, 0)
  for _, family in ipairs(snapshot) do
    metrics[#metrics + 1] = metric_of(family, start, time)
  end
  if #metrics == 0 then return nil end
  return (json.encode({ resourceMetrics = { {
    resource = { attributes = resource },
    scopeMetrics = { { scope = { name = "watchbot", version = version }, metrics = metrics } },
  } } }, "replace"))
end

return encode
