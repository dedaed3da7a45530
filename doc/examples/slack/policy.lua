-- Post each failure to a webhook of Slack (or of Mattermost, or of Discord with /slack behind its
-- URL), besides the SNS topic if the policy has one. A post that fails is logged, and changes
-- nothing.
local watchbot = require "watchbot"

local WEBHOOK = os.getenv "SLACK_WEBHOOK"

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db",
  command = "./worker.sh",
  -- the worker does not get the webhook's URL, which is a secret
  inherit = { "PATH", "HOME", "LANG" },
}

-- The three characters that Slack reads as markup:
-- https://docs.slack.dev/messaging/formatting-message-text
local function escaped(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

local function post(text)
  local answer, err, code = watchbot.http.request {
    method = "POST", url = WEBHOOK, timeout = 10,
    headers = { ["Content-Type"] = "application/json" },
    body = require "cjson".encode { text = text },
  }
  if not answer then return nil, err, code end
  if answer.status ~= 200 then
    return nil, ("the webhook answers %d"):format(answer.status), "Refused"
  end
  return true
end

function policy:notify(job, outcome, exit)
  if WEBHOOK then
    local subject, body = self:notification(job, outcome, exit)
    local ok, err = post(("*%s*\n```%s```"):format(escaped(subject), escaped(body:sub(1, 2000))))
    if not ok then watchbot.log(("could not post to Slack: %s"):format(err)) end
  end
  return watchbot.policy.notify(self, job, outcome, exit)
end

return policy
