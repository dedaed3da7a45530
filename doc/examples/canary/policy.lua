-- Run a new version of a command for five percent of the messages. Which ones depends on the
-- message alone, so that each retry of a message runs the same version.
local watchbot = require "watchbot"

local SHARE = tonumber(os.getenv "CANARY_PERCENT" or 5)

-- A number from 0 to 99 of a text: FNV-1a, 32 bits, mixed.
local function percent_of(text)
  local hash = 0x811c9dc5
  for index = 1, #text do
    hash = ((hash ~ text:byte(index)) * 0x01000193) & 0xffffffff
  end
  return (hash ~ hash >> 15) % 100
end

local function is_canary(job)
  return percent_of(job.id) < SHARE
end

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db",
  command = function(job) return is_canary(job) and { "./worker-new" } or { "./worker" } end,
}

-- Notifications name the version.
function policy:notification(job, outcome, exit)
  local subject, body = watchbot.policy.notification(self, job, outcome, exit)
  return (is_canary(job) and "[new version] " or "") .. subject, body
end

return policy
