--- otlp.settings: OpenTelemetry's environment variables. An empty variable counts as not set; an
-- invalid one is reported and counts as not set, as the specification requires.
-- https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
-- https://opentelemetry.io/docs/specs/otel/protocol/exporter/

local opened = require "watchbot.lib.opened"
local pairs_of = require "watchbot.otlp.pairs"
local sampler = require "watchbot.otlp.sampler"
local split = require "watchbot.aws.place".split
local urls = require "watchbot.lib.urls"

-- The one protocol that is spoken here.
local PROTOCOL = "http/json"

---@class watchbot.OtlpTarget where one signal goes
---@field url string
---@field headers table<string, string>
---@field timeout number seconds of a request
---@field ca_file string?
---@field cert_file string? of the client, as the next
---@field key_file string?

---@class watchbot.OtlpSettings
---@field traces watchbot.OtlpTarget? nil: traces are not exported
---@field metrics watchbot.OtlpTarget? nil: metrics are not exported
---@field resource string[][] attributes, `{ { name, value } ... }`
---@field sample fun(trace_id: string, sampled: boolean?): boolean
---@field delay number seconds between two exports of spans
---@field queue_size integer spans that wait at most
---@field batch_size integer spans of one request
---@field interval number seconds between two exports of metrics

local Reader = {}
Reader.__index = Reader

local settings = {}

function Reader:report(format, ...)
  self.problems[#self.problems + 1] = format:format(...)
end

-- The value of the first variable that is set, and its name.
function Reader:first(...)
  for _, name in ipairs { ... } do
    local value = self.getenv(name)
    if value and value:find "%S" then return value:match "^%s*(.-)%s*$", name end
  end
end

-- OTEL_EXPORTER_OTLP_TRACES_TIMEOUT overrides OTEL_EXPORTER_OTLP_TIMEOUT.
function Reader:of_signal(signal, what)
  return self:first(("OTEL_EXPORTER_OTLP_%s_%s"):format(signal, what),
    "OTEL_EXPORTER_OTLP_" .. what)
end

function Reader:number(default, least, ...)
  local value, name = self:first(...)
  local number = value and tonumber(value)
  if value and not (number and number >= least and number < 1e12) then
    self:report("%s: expected a number of %g or more, got '%s'; taking %g", name, least,
      value:sub(1, 50), default)
    number = nil
  end
  return number or default
end

-- The URL of a signal: its own variable is used unchanged, the common one is a base URL for both.
function Reader:url(signal, path)
  local value, name = self:of_signal(signal, "ENDPOINT")
  if not value then return nil end
  local found, query = split(value:match "^[^?#]*"), value:match "%?[\x21-\x7e]*$" or ""
  if not found then
    self:report("%s: expected http://HOST or https://HOST, got '%s'; %s are not exported", name,
      urls.value(value), signal:lower())
    return nil
  end
  if name ~= "OTEL_EXPORTER_OTLP_ENDPOINT" then
    return found.origin .. (found.path == "" and "/" or found.path) .. query
  end
  return found.origin .. found.path:match "^(.-)/*$" .. path
end

local function is_header(name, value)
  return name:find "^[%w!#$%%&'*+.^_`|~-]+$" ~= nil and value:find "^[\x20-\x7e\x80-\xff]*$" ~= nil
end

function Reader:headers(signal)
  local value, name = self:of_signal(signal, "HEADERS")
  local headers = {}
  if not value then return headers end
  local list = pairs_of.read(value)
  if not list then
    self:report("%s: expected NAME=VALUE,NAME=VALUE; no header is sent", name)
  end
  for _, one in ipairs(list or {}) do
    if is_header(one[1], one[2]) then
      headers[one[1]] = one[2]
    else
      self:report("%s: the header '%s' cannot be sent", name,
        one[1]:gsub("[^%w_-]", "?"):sub(1, 50))
    end
  end
  return headers
end

-- Other protocols use another port, or a program's own exporter.
function Reader:speaks(signal)
  local value, name = self:of_signal(signal, "PROTOCOL")
  if not value or value == PROTOCOL then return true end
  self:report("%s=%s: watchbot exports by %s only, so that %s are not exported", name,
    value:sub(1, 50), PROTOCOL, signal:lower())
  return false
end

-- OTEL_TRACES_EXPORTER=none turns one signal off.
function Reader:exports(signal)
  local value, name = self:first(("OTEL_%s_EXPORTER"):format(signal))
  if not value or value == "otlp" then return true end
  if value ~= "none" then
    self:report("%s=%s: watchbot exports by otlp only, so that %s are not exported", name,
      value:sub(1, 50), signal:lower())
  end
  return false
end

-- Requests are sent as they are: every collector takes that.
function Reader:check_compression(signal)
  local value, name = self:of_signal(signal, "COMPRESSION")
  if not value or value == "none" then return end
  self:report("%s=%s: watchbot sends requests uncompressed; write none, or unset it", name,
    value:sub(1, 50))
end

function Reader:check_file(path, name)
  local file <close>, err = opened(path or "/dev/null")
  if not file then self:report("%s: %s", name, err) end
end

-- A client certificate and its key, each in a file.
function Reader:identity(signal)
  local certificate, name = self:of_signal(signal, "CLIENT_CERTIFICATE")
  local key, key_name = self:of_signal(signal, "CLIENT_KEY")
  if key and not certificate then
    self:report("%s: no client certificate is sent without %s", key_name,
      (key_name:gsub("KEY$", "CERTIFICATE")))
    return nil
  end
  self:check_file(certificate, name)
  self:check_file(key, key_name)
  return certificate, key
end

function Reader:target(signal, path)
  if not self:of_signal(signal, "ENDPOINT") or not self:exports(signal) then return nil end
  if not self:speaks(signal) then return nil end
  local url = self:url(signal, path)
  if not url then return nil end
  self:check_compression(signal)
  local cert_file, key_file = self:identity(signal)
  return {
    url = url, headers = self:headers(signal),
    timeout = self:number(10000, 1, ("OTEL_EXPORTER_OTLP_%s_TIMEOUT"):format(signal),
      "OTEL_EXPORTER_OTLP_TIMEOUT") / 1000,
    ca_file = (self:of_signal(signal, "CERTIFICATE")), cert_file = cert_file,
    key_file = key_file,
  }
end

-- Attributes in order; OTEL_SERVICE_NAME overrides a service.name among them.
function Reader:resource()
  local value, name = self:first "OTEL_RESOURCE_ATTRIBUTES"
  local list = value and pairs_of.read(value) or {}
  if value and #list == 0 then
    self:report("%s: expected NAME=VALUE,NAME=VALUE; no attribute is taken", name)
  end
  local service = self:first "OTEL_SERVICE_NAME"
  local found = { { "service.name", service or "watchbot" } }
  for _, one in ipairs(list) do
    if one[1] ~= "service.name" then
      found[#found + 1] = one
    elseif not service then
      found[1] = one
    end
  end
  return found
end

function Reader:ratio()
  local text, variable = self:first "OTEL_TRACES_SAMPLER_ARG"
  local ratio = tonumber(text or 1)
  if ratio and ratio >= 0 and ratio <= 1 then return ratio end
  self:report("%s: expected a number from 0 to 1, got '%s'; taking 1", variable, text:sub(1, 50))
  return 1
end

function Reader:sampler()
  local name, variable = self:first "OTEL_TRACES_SAMPLER"
  if name and not sampler.is_known(name) then
    self:report("%s: unknown sampler '%s'; taking %s", variable, name:sub(1, 50), sampler.DEFAULT)
    name = nil
  end
  return sampler.new(name or sampler.DEFAULT, name and name:find "ratio" and self:ratio() or 1)
end

--- Reads the environment.
---@param getenv fun(name: string): string?
---@return watchbot.OtlpSettings? settings nil: nothing is exported
---@return string[] problems what makes no sense, for the log
function settings.read(getenv)
  local reader = setmetatable({ getenv = getenv, problems = {} }, Reader)
  local disabled = reader:first "OTEL_SDK_DISABLED"
  if disabled and disabled:lower() == "true" then return nil, {} end
  local traces = reader:target("TRACES", "/v1/traces")
  local metrics = reader:target("METRICS", "/v1/metrics")
  if not traces and not metrics then return nil, reader.problems end
  local queue_size = reader:number(2048, 1, "OTEL_BSP_MAX_QUEUE_SIZE")
  return {
    traces = traces, metrics = metrics, resource = reader:resource(), sample = reader:sampler(),
    delay = reader:number(5000, 1, "OTEL_BSP_SCHEDULE_DELAY") / 1000,
    queue_size = math.floor(queue_size),
    batch_size = math.floor(math.min(queue_size,
      reader:number(512, 1, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"))),
    interval = reader:number(60000, 1, "OTEL_METRIC_EXPORT_INTERVAL") / 1000,
  }, reader.problems
end

return settings
