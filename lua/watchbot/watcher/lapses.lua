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

--- The queue has given the message to another watcher, or may have.
function lapses.lost(self, lease)
  self:let_go(lease.owner)
end

--- The queue has extended a lease that had expired.
function lapses.renewed(self, lease)
  self.journal:info(lease.owner.id, "event",
    "the lease is extended again, no other watcher has received the message")
end

--- Nothing ran here for longer than heartbeats may wait.
function lapses.late(self, seconds)
  self.journal:warning(nil, "event",
    "heartbeats are late: the process was suspended, or the machine is overloaded", "seconds",
    math.floor(seconds * 10) / 10)
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
