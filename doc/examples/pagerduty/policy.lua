-- Page the person on call by PagerDuty's Events API v2: one alert for each message that fails,
-- which its retries update and its success resolves.
-- https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
local watchbot = require "watchbot"

local EVENTS = os.getenv "PAGERDUTY_URL" or "https://events.pagerduty.com/v2/enqueue"
local ROUTING_KEY = os.getenv "PAGERDUTY_ROUTING_KEY"

-- PagerDuty refuses a longer summary.
local LONGEST_SUMMARY = 1024

-- What retries may still mend is a warning.
local SEVERITY = { retry = "warning", reject = "error", bury = "critical" }

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db",
  command = "./worker.sh",
  -- The worker does not get the key, which is a secret.
  inherit = { "PATH", "HOME", "LANG" },
}

-- => true | nil err code
local function send(event)
  event.routing_key = ROUTING_KEY
  local answer, err, code = watchbot.http.request {
    method = "POST", url = EVENTS, timeout = 10,
    headers = { ["Content-Type"] = "application/json" },
    body = require "cjson".encode(event),
  }
  if not answer then return nil, err, code end
  if answer.status == 202 then return true end
  return nil, ("PagerDuty answers %d"):format(answer.status), "Refused"
end

local function report(event)
  if not ROUTING_KEY then return end
  local ok, err = send(event)
  if not ok then watchbot.log(("could not send to PagerDuty: %s"):format(err)) end
end

function policy:notify(job, outcome, exit)
  local subject, body = self:notification(job, outcome, exit)
  report {
    event_action = "trigger", dedup_key = job.id,
    payload = {
      summary = subject:sub(1, LONGEST_SUMMARY), source = self.stack or self.queue,
      severity = job.last and "critical" or SEVERITY[outcome], custom_details = { log = body },
    },
  }
  return watchbot.policy.notify(self, job, outcome, exit)
end

-- The first receive has no alert yet.
function policy:verdict(job, exit)
  local outcome, seconds = watchbot.policy.verdict(self, job, exit)
  if outcome == "complete" and job.receives > 1 then
    report { event_action = "resolve", dedup_key = job.id }
  end
  return outcome, seconds
end

return policy
