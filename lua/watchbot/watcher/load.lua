--- watcher.load: logs the load of a watcher of ECS tasks, for the metrics of a fleet.

local scheduler = require "watchbot.scheduler"

local load = {}

--- Logs it once.
---@param watcher watchbot.Watcher
function load.log(watcher)
  local counts = watcher.queue:counts()
  watcher.journal:info(nil, "max", watcher.hooks.policy.workers, "concurrency", watcher.jobs.slots,
    "messages", counts and counts.visible, "pending", watcher.runner:status(),
    "held", watcher.jobs.counts.unplaced, "policy", watcher.journal.identity,
    "log_lines_dropped", watcher.journal:dropped())
end

--- Logs it every `status` seconds until the task is canceled.
---@param watcher watchbot.Watcher
function load.run(watcher)
  while true do
    scheduler.sleep(watcher.hooks.policy.status)
    load.log(watcher)
  end
end

return load
