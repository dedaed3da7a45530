--- room: how many more messages a watcher may receive: as many as can start soon. Where several
-- queues share the slots, watcher/shares.lua divides this further.

-- Jobs that are held or being settled; beyond that no messages are received.
local LINGERING_LIMIT = 1000

local room = {}

--- The most messages that may be received now and by open polls, slots apart.
---@param watcher watchbot.Watcher
---@return number most 0, 1 while single messages are tried, or math.huge
function room.most(watcher)
  local jobs = watcher.jobs
  if not watcher.phase:watching() or jobs.lingerers >= LINGERING_LIMIT then return 0 end
  if watcher.pauses.any and watcher.pauses:blocks() then return 0 end
  if watcher.protection and watcher.protection.resting then return 0 end
  if watcher.breaker.open then return watcher.breaker:may_try() and 1 or 0 end
  if watcher.limiter and watcher.limiter:cut(1) == 0 then return 0 end
  return jobs.counts.unplaced > 0 and 0 or math.huge
end

--- How many received messages may wait for a slot: only as long as the last of them starts within a
--- second.
---@param policy watchbot.Policy
---@param seconds number that a job takes
---@return integer
function room.prefetch(policy, seconds)
  return math.min(policy.prefetch, policy.workers // math.max(seconds, 1e-3)) // 1 | 0
end

--- How many more jobs may start, if the policy ends the watcher after a number of them.
---@param watcher watchbot.Watcher
---@return number
function room.jobs_left(watcher)
  local limit = watcher.hooks.policy.jobs
  if not limit then return math.huge end
  if watcher.share then return limit - watcher.share:begun() end
  local jobs = watcher.jobs
  return limit - watcher.tally:jobs() - jobs.slots - jobs.counts.waiting - jobs.lingerers
end

--- The number of jobs that have ended, of all queues that share the slots.
---@param watcher watchbot.Watcher
---@return integer
function room.jobs_done(watcher)
  return watcher.share and watcher.share:done() or watcher.tally:jobs()
end

--- How many messages may wait for a slot of this watcher.
---@param watcher watchbot.Watcher
---@return integer
function room.waiting(watcher)
  if watcher.queue.fifo or watcher.breaker.open then return 0 end
  return room.prefetch(watcher.hooks.plain, watcher.life.duration)
end

--- How many messages may be received.
---@param watcher watchbot.Watcher
---@return number
function room.free(watcher)
  local most = room.most(watcher)
  if most < math.huge then return most end
  local prefetch, waiting = room.waiting(watcher), watcher.jobs:waiting()
  if waiting > prefetch // 2 then return 0 end
  local free = watcher:slots() + prefetch - watcher.jobs.slots - waiting
  return watcher.limiter and watcher.limiter:cut(free) or free
end

return room
