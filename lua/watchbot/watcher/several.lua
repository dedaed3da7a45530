--- several: the watchers of several queues, as one. Each queue has a separate watcher, with its
-- own jobs, leases, settling and breaker, so that one that fails does not stop the others; they
-- share the slots (watcher/shares.lua) and the end.

local call = require "watchbot.policy.call"
local hooks = require "watchbot.watcher.hooks"
local notify = require "watchbot.notify"
local own = require "watchbot.lib.own"
local phase = require "watchbot.watcher.phase"
local policy = require "watchbot.policy"
local protect = require "watchbot.watcher.protect"
local scheduler = require "watchbot.scheduler"
local shares = require "watchbot.watcher.shares"
local supervise = require "watchbot.lib.supervise"
local watcher = require "watchbot.watcher"

---@class watchbot.QueueParts what is open for one queue
---@field queue table
---@field runner table
---@field journal watchbot.Journal which names the queue
---@field unreached table?

---@class watchbot.Several
---@field all watchbot.Watcher[] in the policy's order
---@field phase watchbot.Phase
local Several = {}
Several.__index = Several

local several = {}

-- Jobs of all queues, for what reports the load.
local Load = {}

function Load:__index(name)
  local sum = 0
  if name == "waiting" then
    return function()
      for _, one in ipairs(self.all) do sum = sum + one.jobs:waiting() end
      return sum
    end
  end
  for _, one in ipairs(self.all) do sum = sum + one.jobs[name] end
  return sum
end

---@param current watchbot.Policy with `queues`
---@param parts watchbot.QueueParts[] in the order of the queues
---@param options { journal: watchbot.Journal, until_empty: boolean? }
---@return watchbot.Several
function several.new(current, parts, options)
  local self = own({
    journal = options.journal, phase = phase.new(), all = {}, shares = shares.new(current),
  }, Several)
  self.shares.owner = self
  self.jobs = setmetatable({ all = self.all }, Load)
  self.hooks = hooks.new(current, options.journal)
  self.notices = notify.new(self.hooks, options.journal)
  self.shares.protection = protect(self, current, function()
    for _, one in ipairs(self.all) do one.starts:dispatch() end
    self.all[1].takes:wake()
  end)
  for index, one in ipairs(policy.of_queues(current)) do
    local part = parts[index]
    self.all[index] = watcher.new(one.policy, {
      queue = part.queue, runner = part.runner, journal = part.journal,
      unreached = part.unreached, until_empty = options.until_empty,
      share = self.shares:add(one.weight),
    })
  end
  return self
end

-- The same method of each.
for _, name in ipairs { "retire", "abort", "stop" } do
  Several[name] = function(self, ...)
    for _, one in ipairs(self.all) do one[name](one, ...) end
    self.phase:enter "draining"
  end
end

--- Starts a task that runs as long as the watcher.
---@param name string
---@param body function
---@param ... any
---@return watchbot.Supervised
function Several:supervise(name, body, ...)
  return supervise(name, function(_, err, pause)
    self.journal:error(nil, "error", err, "where", name, "seconds", pause)
  end, body, ...)
end

-- The watcher of one queue ends: the others go on.
function Several:run_one(one)
  local sound, ok, err, code = xpcall(one.run, debug.traceback, one)
  if not sound then err, code = call.described(ok), "InternalError" end
  if not err then return end
  one.refusal, one.refusal_code = err, code
  one.journal:error(nil, "error", "this queue is not watched any more: " .. err, "code", code,
    "where", "watcher")
end

--- Watches until `stop`, or until all queues are empty. Waits in a task.
---@return true? ok
---@return string? err of the first queue that could not be watched to the end
---@return string? code
function Several:run()
  self.hooks:call "start"
  local tasks = {}
  for index, one in ipairs(self.all) do tasks[index] = scheduler.spawn(self.run_one, self, one) end
  for _, task in ipairs(tasks) do task:join() end
  self.phase:enter "draining"
  self.notices:flush(self.hooks.policy)
  if self.shares.protection then self.shares.protection:close() end
  self.hooks:call "stop"
  self.phase:enter "ended"
  for _, one in ipairs(self.all) do
    if one.refusal then
      return nil, ("queue '%s': %s"):format(one.queue.name, one.refusal), one.refusal_code
    end
  end
  return true
end

--- The most jobs at once.
---@return integer
function Several:slots() return self.hooks.policy.workers end

--- Whether the watcher has ended because all queues were empty.
---@return boolean
function Several:emptied()
  for _, one in ipairs(self.all) do
    if not one:emptied() then return false end
  end
  return true
end

--- Why a queue was given up before it was empty.
---@return string?
function Several:why_given_up()
  for _, one in ipairs(self.all) do
    if one.gave_up then return ("queue '%s': %s"):format(one.queue.name, one.gave_up) end
  end
end

--- Replaces the policy of all queues, or of none.
---@param fresh watchbot.Policy
---@return true? ok
---@return string? err
---@return "Incompatible"? code
function Several:reload(fresh)
  local same = policy.compatible(self.hooks.policy, fresh)
  if same ~= true then return nil, same, "Incompatible" end
  local by_queue = {}
  for index, one in ipairs(policy.of_queues(fresh)) do
    by_queue[one.queue], one.index = one, index
  end
  scheduler.spawn(self.notices.flush, self.notices, self.hooks.policy)
  self.hooks:use(fresh)
  self.shares.policy = fresh
  for _, one in ipairs(self.all) do
    local its = by_queue[one.hooks.policy.queue]
    one.share.weight, one.share.index = its.weight, its.index
    one:take_over(its.policy)
  end
  return true
end

return several
