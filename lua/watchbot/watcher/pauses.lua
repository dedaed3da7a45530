--- watcher.pauses: whether the queue is paused (`watchbot pause`, or a hook returned "pause"). A
-- queue file withholds the messages by itself; for SQS the watcher stops receiving, and learns of
-- it by a look once a minute. Running tasks finish; a paused watcher is ready.

local own = require "watchbot.lib.own"
local scheduler = require "watchbot.scheduler"

-- Seconds between two looks: at a file, and at the tags of an SQS queue, where each is a call.
local EVERY = { embedded = 1, remote = 60 }

-- Seconds that this watcher rests alone if the queue could not be paused, and after which others
-- know that it is.
local ALONE = 60

---@class watchbot.Pauses
---@field answered number? boottime of the last answer, see watchbot.Asking
---@field any boolean whether it may be paused
---@field list { group: string?, ends: integer? }[] what is paused, as far as it is known
local Pauses = {}
Pauses.__index = Pauses

local pauses = {}

---@param queue table
---@param journal watchbot.Journal
---@return watchbot.Pauses
function pauses.new(queue, journal)
  return own({ queue = queue, journal = journal, list = {}, any = false, rests_until = 0 }, Pauses)
end

local function find(list, group)
  for _, one in ipairs(list) do
    if one.group == group then return one end
  end
end

local function is_over(one)
  return one.ends ~= nil and one.ends <= scheduler.time()
end

-- Logs what has changed since the last look.
function Pauses:tell(found)
  for _, one in ipairs(found) do
    local before = find(self.list, one.group)
    if not before or before.ends ~= one.ends then
      self.journal:info(nil, "event", "paused", "group", one.group, "until",
        one.ends and scheduler.iso_date(one.ends) or "resumed")
    end
  end
  for _, one in ipairs(self.list) do
    if not find(found, one.group) then
      self.journal:info(nil, "event", "resumed", "group", one.group)
    end
  end
end

function Pauses:failed(err, code)
  if code == self.told then return end
  self.told = code
  local so = self.list[1] and "the pause that is known stays" or "messages are received"
  self.journal:warning(nil, "warning", ("whether the queue is paused is not known, so %s: %s")
    :format(so, err), "code", code, "where", "pause")
end

--- Looks whether the queue is paused. Waits in a task.
function Pauses:look()
  if not self.queue.pauses then return end
  local found, err, code = self.queue:pauses()
  if not found then return self:failed(err, code) end
  self.answered, self.told = scheduler.boottime(), nil
  self:tell(found)
  self.list, self.any = found, found[1] ~= nil or scheduler.now() < self.rests_until
end

--- Looks until the task is canceled.
function Pauses:run()
  while self.queue.pauses do
    local every = self.queue.embedded and EVERY.embedded or EVERY.remote
    scheduler.sleep(every * (0.9 + math.random() / 5))
    self:look()
  end
end

--- Whether the whole queue is paused.
---@return boolean
function Pauses:is_paused()
  local whole = self.list[1] and not self.list[1].group and not is_over(self.list[1])
  return whole or scheduler.now() < self.rests_until
end

--- Whether the watcher must not receive.
---@return boolean
function Pauses:blocks()
  if scheduler.now() < self.rests_until then return true end
  return not self.queue.embedded and self.list[1] ~= nil and not is_over(self.list[1])
end

--- Why the queue does not become empty: what is left is paused until it is resumed. Waits in a
--- task.
---@return string?
function Pauses:why_stuck()
  for _, one in ipairs(self.list) do
    if not one.ends and (not self.queue.is_stuck or self.queue:is_stuck()) then
      return "the queue is paused until it is resumed (watchbot resume)"
    end
  end
end

--- Pauses the queue; if that fails, this watcher alone rests for a while. Waits in a task.
---@param seconds number? nil: until it is resumed
---@return number delay seconds after which the message at hand may be visible again: other watchers
--- of an SQS queue do not know of the pause yet
function Pauses:pause(seconds)
  local ok, err, code = nil, "this queue cannot be paused", "Unsupported"
  if self.queue.pause then ok, err, code = self.queue:pause(seconds) end
  if ok then
    self:look()
  else
    self.any, self.rests_until = true, scheduler.now() + (seconds or ALONE)
    self.journal:error(nil, "error", "only this watcher rests: " .. err, "code", code, "where",
      "pause", "seconds", seconds or ALONE)
  end
  return ok and self.queue.embedded and 0 or math.min(seconds or ALONE, ALONE)
end

return pauses
