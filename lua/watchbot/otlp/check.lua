--- otlp.check: tests the export settings for `watchbot check`, by sending each collector a request
-- without spans or metrics.

local sender = require "watchbot.otlp.sender"
local settings = require "watchbot.otlp.settings"
local urls = require "watchbot.lib.urls"

-- Seconds that each collector may take.
local PATIENCE = 5

local EMPTY = { spans = '{"resourceSpans":[]}', metrics = '{"resourceMetrics":[]}' }

---@class watchbot.ExportFinding
---@field what "spans"|"metrics"|"OpenTelemetry"
---@field problem string? nil: it works
---@field url string?

local function ask(target, what)
  target.timeout = math.min(target.timeout, PATIENCE)
  local problem
  local made, err = sender.new(target, what, function(said) problem = said end)
  if not made then return err end
  if made.signer and what == "metrics" then return "AWS X-Ray takes spans only" end
  made:send(EMPTY[what], 0)
  return problem
end

--- Looks. Waits in a task.
---@param getenv fun(name: string): string?
---@return watchbot.ExportFinding[] findings none where nothing is to be exported
return function(getenv)
  local found, problems = settings.read(getenv)
  local findings = {}
  for _, problem in ipairs(problems) do
    findings[#findings + 1] = { what = "OpenTelemetry", problem = problem }
  end
  for _, what in ipairs { "spans", "metrics" } do
    local target = found and found[what == "spans" and "traces" or what]
    if target then
      findings[#findings + 1] = {
        what = what, url = urls.hide(target.url), problem = ask(target, what),
      }
    end
  end
  return findings
end
