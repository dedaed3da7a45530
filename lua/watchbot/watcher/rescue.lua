--- watcher.rescue: what is left to do for a job when the code that owns it has raised: its task is
-- stopped, its message goes back, and its slot becomes free, whatever else raises meanwhile.

local scheduler = require "watchbot.scheduler"

-- Seconds that a task may take to end after the code that followed it has raised.
local RESCUE_LIMIT = 30

-- The code that followed a task has raised an error: the task must not run at the same time as the
-- next receive.
local function end_run(entry)
  local run = entry.run
  entry.run = nil
  run:stop("stopped: the watcher lost track of it", 0)
  local waiting = scheduler.spawn(run.wait, run)
  waiting:join(RESCUE_LIMIT)
end

-- What raised at the receive may have left a message without a lease, or unknown.
local function complete(life, entry)
  if not entry.lease then entry.lease = life.leases:take(entry.message, entry) end
  if not entry.stage then life.jobs:add(entry) end
end

local function put_back(life, entry)
  local seconds = math.min(2 ^ math.min(entry.message.receives, 15), 3600) // 1
  life:put_back(entry, seconds, false)
end

--- Returns the message by the default backoff.
---@param life watchbot.Life
---@param entry watchbot.JobEntry
return function(life, entry)
  pcall(complete, life, entry)
  local _, _, opened = pcall(life.breaker.failed, life.breaker, "internal", entry.id, "either")
  if opened == true then pcall(life.opened, life, "internal error") end
  if entry.run then pcall(end_run, entry) end
  pcall(put_back, life, entry)
  pcall(life.leases.decide, life.leases, entry.lease)
  if entry.claim then pcall(life.once.left, life.once, entry) end
  pcall(life.jobs.move, life.jobs, entry, "gone")
end
