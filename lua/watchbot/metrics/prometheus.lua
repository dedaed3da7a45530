--- metrics.prometheus: a snapshot as text that Prometheus reads: its own format, version 0.0.4, or
-- OpenMetrics 1.0, which names counters without `_total`, adds units, and ends with `# EOF`.
-- https://prometheus.io/docs/instrumenting/exposition_formats/
-- https://prometheus.io/docs/specs/om/open_metrics_spec/

local prometheus = {}

prometheus.TEXT = "text/plain; version=0.0.4; charset=utf-8"
prometheus.OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"

local function number_text(value)
  if value == math.huge then return "+Inf" end
  if value == -math.huge then return "-Inf" end
  if value ~= value then return "NaN" end
  if math.type(value) == "integer" then return ("%d"):format(value) end
  local text = ("%.15g"):format(value)
  return tonumber(text) == value and text or ("%.17g"):format(value)
end

-- OpenMetrics wants bounds as it writes floats: "1.0", not "1".
local function bound_text(value)
  local text = number_text(value + 0.0)
  return text:find "^%d+$" and text .. ".0" or text
end

local ESCAPED = { ["\\"] = "\\\\", ["\n"] = "\\n", ['"'] = '\\"' }

local function labels_text(labels, name, value)
  local parts = {}
  for index, label in ipairs(labels) do
    parts[index] = ('%s="%s"'):format(label[1], (tostring(label[2]):gsub('[\\\n"]', ESCAPED)))
  end
  if name then parts[#parts + 1] = ('%s="%s"'):format(name, value) end
  return #parts > 0 and "{" .. table.concat(parts, ",") .. "}" or ""
end

local function add_histogram(lines, name, series)
  local total = 0
  for index, bound in ipairs(series.bounds) do
    total = total + series.counts[index]
    lines[#lines + 1] = ("%s_bucket%s %d"):format(name,
      labels_text(series.labels, "le", bound_text(bound)), total)
  end
  local labels = labels_text(series.labels)
  lines[#lines + 1] = ("%s_sum%s %s"):format(name, labels, number_text(series.sum))
  lines[#lines + 1] = ("%s_count%s %d"):format(name, labels, total)
end

local function add_family(lines, family, open)
  local name = family.name
  local called = open and family.kind == "counter" and name:gsub("_total$", "") or name
  lines[#lines + 1] = ("# HELP %s %s"):format(called, (family.help:gsub('[\\\n"]',
    open and ESCAPED or { ["\\"] = "\\\\", ["\n"] = "\\n" })))
  lines[#lines + 1] = ("# TYPE %s %s"):format(called, family.kind)
  if open and family.unit ~= "" then
    lines[#lines + 1] = ("# UNIT %s %s"):format(called, family.unit)
  end
  for _, series in ipairs(family) do
    if family.kind == "histogram" then
      add_histogram(lines, name, series)
    else
      lines[#lines + 1] = ("%s%s %s"):format(name, labels_text(series.labels),
        number_text(series.value))
    end
  end
end

--- The text of a snapshot.
---@param snapshot watchbot.Snapshot
---@param open boolean? OpenMetrics
---@return string
function prometheus.text(snapshot, open)
  local lines = {}
  for _, family in ipairs(snapshot) do add_family(lines, family, open) end
  lines[#lines + 1] = open and "# EOF" or nil
  return table.concat(lines, "\n") .. "\n"
end

-- The weight that an Accept header gives to one form; nil: it does not name it.
local function weight_of(parameters)
  local text = parameters:match ";%s*[qQ]%s*=%s*([%d.]+)"
  return text and tonumber(text) or 1
end

local function is_known(parameters)
  local version = parameters:match ';%s*[vV]ersion%s*=%s*"?([%d.]+)'
  return not version or version == "1.0.0" or version == "0.0.1"
end

--- Whether a client wants OpenMetrics rather than the older text.
---@param accept string? the header of its request
---@return boolean
function prometheus.wants_open(accept)
  local open, text = 0, 0
  for range in (accept or ""):gmatch "[^,]+" do
    local kind, parameters = range:match "^%s*([^;%s]+)(.*)$"
    kind = kind and kind:lower()
    if kind == "application/openmetrics-text" and is_known(parameters) then
      open = math.max(open, weight_of(parameters))
    elseif kind == "text/plain" or kind == "text/*" or kind == "*/*" then
      text = math.max(text, weight_of(parameters))
    end
  end
  return open > 0 and open >= text
end

return prometheus
