-- Call an API no more than ten times a second, whatever the number of workers. The hook `admit`
-- holds the jobs that would be too many; a held job takes no slot, and its receive count does not
-- grow.
local scheduler = require "watchbot.scheduler"
local watchbot = require "watchbot"

local RATE, BURST = 10, 10 -- jobs a second; how many may start at once after a pause

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:calls.db",
  command = "./worker.sh",
  workers = 50,
}

-- A token bucket: `tokens` grows by RATE a second up to BURST, and each job takes one.
local tokens, counted_at = BURST, nil

local function refill()
  local now = scheduler.now()
  tokens = math.min(BURST, tokens + (now - (counted_at or now)) * RATE)
  counted_at = now
end

function policy:admit()
  refill()
  if tokens < 1 then return "hold", (1 - tokens) / RATE end
  tokens = tokens - 1
  return true
end

return policy
