-- The other half: runs the new version on the copies. It must have no effects outside: it gets
-- SHADOW=1, by which it writes elsewhere. Each copy is run once, whatever comes out.
local watchbot = require "watchbot"

local policy = watchbot.policy {
  queue   = os.getenv "SHADOW_QUEUE" or "sqlite:shadow.db",
  command = "./worker-new",
  env     = { SHADOW = "1" },
}

function policy:verdict(job, exit) -- luacheck: ignore 212
  local expected = math.tointeger(tonumber((job.attributes.Expected or {}).value))
  if exit.code == expected then return "complete" end
  watchbot.log(("differs: the worker exits with %s, the new version with %s: %s"):format(expected,
    exit.code or exit.signal or exit.reason, job.message))
  return "complete"
end

return policy
