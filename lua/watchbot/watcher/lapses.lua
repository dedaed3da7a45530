--- watcher.lapses: what a watcher does about leases that expire, that a heartbeat could not extend,
-- or that the queue extends no further. Methods of watcher.life.

local lapses = {}

--- A lease has expired.
---@param self watchbot.Life
---@param lease watchbot.Lease
function lapses.lapsed(self, lease)
  self.journal:error(lease.owner.id, "error",
    "the lease has lapsed, another watcher may run the message too", "code", "LeaseLapsed",
    "receives", lease.receives, "where", "lease")
end

--- A heartbeat has failed.
function lapses.extension_failed(self, lease, err, code)
  self.journal:warning(lease.owner.id, "error", err, "code", code, "where", "heartbeat")
end

--- The queue extends the lease no further.
function lapses.limited(self, lease)
  local entry = lease.owner
  local reason = "stopped: a message can be kept for at most 12 hours"
  self.journal:error(entry.id, "error", reason)
  if entry.run then entry.run:stop(reason, self.hooks.policy.kill_grace) end
end

return lapses
