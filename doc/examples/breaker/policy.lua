-- Leave a service alone after five failures in a row: for a minute, jobs are held without burning a
-- receive, then one is tried. Exit code 69 (EX_UNAVAILABLE) is the worker's word for "the service
-- is down".
local scheduler = require "watchbot.scheduler"
local watchbot = require "watchbot"

local UNAVAILABLE, FAILURES, PAUSE = 69, 5, 60

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db",
  command = "./worker.sh",
  workers = 4,
  exits   = { [UNAVAILABLE] = "release" },
}

-- Failures in a row, when the next try may be, and whether it is under way.
local failures, next_try, trying = 0, 0, false

function policy:admit() -- luacheck: ignore 212
  if failures < FAILURES then return true end
  local now = scheduler.now()
  if trying or now < next_try then return "hold", math.max(1, next_try - now) end
  trying = true
  return true
end

function policy:verdict(job, exit)
  trying = false
  if exit.code == UNAVAILABLE then
    failures = failures + 1
    if failures >= FAILURES then next_try = scheduler.now() + PAUSE end
  elseif exit.code then
    failures = 0
  end
  return watchbot.policy.verdict(self, job, exit)
end

return policy
