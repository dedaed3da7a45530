--- otlp.named: whether the environment names a collector. Small: it is asked at each start, and the
-- rest of the export is loaded only then.

local ENDPOINTS = {
  "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
}

---@param getenv fun(name: string): string?
---@return boolean
return function(getenv)
  for _, name in ipairs(ENDPOINTS) do
    if getenv(name) then return true end
  end
  return false
end
