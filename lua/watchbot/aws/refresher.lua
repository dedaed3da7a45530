--- refresher: keeps credentials fresh for all who ask. Sits on the scheduler and on one function
--- that loads them.
-- Near their end they are loaded again beside the work, by one task for everybody; only in the last
-- minute does anybody wait for it. While loading fails the old ones are used to their end. Times
-- are the wall clock's, as the expiry is. What AWS refuses is loaded again at once: a file may hold
-- others meanwhile. If it does not, keys that cannot expire stay in use (one odd answer would end
-- the work for ever), and temporary ones are used again after a pause.

local scheduler = require "watchbot.scheduler"

local keys = require "watchbot.aws.keys"

-- Seconds before the end: from here a refresh is made beside the work, from there it is waited for.
-- What lives shortly has smaller ones.
local ADVISORY, MANDATORY = 300, 60

-- What was just loaded is used for this long at least, even when it seems to have expired: the
-- clock here may be wrong, and a metadata service in trouble hands out old credentials that AWS
-- goes on taking.
local LEAST_LIFE = 60

-- Seconds that a call waits for a refresh at most while there are old ones to use.
local PATIENCE = 5

-- Seconds between attempts that bring nothing, doubled from the first to the last, but never longer
-- than half of the time that the old credentials have left.
local FIRST_PAUSE, LAST_PAUSE = 1, 30

---@class watchbot.aws.Refresher
local Refresher = {}
Refresher.__index = Refresher

local refresher = {}

---@param load fun(): watchbot.aws.Keys?, string?, string? may wait
---@param options { warn: fun(message: string)?, time: fun(): number? }? `warn` hears of a refresh
--- that failed; `time` gives seconds since the epoch, for tests
---@return watchbot.aws.Refresher
function refresher.new(load, options)
  options = options or {}
  return setmetatable({ load = load, warn = options.warn, patience = PATIENCE, misses = 0,
    attempt_at = 0, rejections = 0,
    time = options.time or function() return scheduler.time() / 1000 end }, Refresher)
end

-- "fresh": use them; "ageing": use them and load; "late": load, then use what is there; "gone":
-- there are none.
function Refresher:stage()
  if not self.keys or self.rejected then return "gone" end
  if not self.deadline then return "fresh" end
  local left = self.deadline - self.time()
  if left <= 0 then return "gone" end
  return left <= self.mandatory and "late" or left <= self.advisory and "ageing" or "fresh"
end

function Refresher:adopt(found)
  if not keys.same(found, self.keys) then self.rejections = 0 end
  self.keys, self.rejected, self.deadline = found, false, nil
  if not found.expires then return end
  local now = self.time()
  self.deadline = math.max(found.expires, now + LEAST_LIFE)
  local life = self.deadline - now
  self.advisory = math.min(ADVISORY, life / 4) * (1 + math.random() / 5)
  self.mandatory = math.min(MANDATORY, life / 10)
end

function Refresher:miss(err)
  self.problem = err
  self.misses = self.misses + 1
  local pause = math.min(LAST_PAUSE, FIRST_PAUSE * 2 ^ math.min(self.misses - 1, 10))
  local left = self.deadline and self.deadline - self.time() or 0
  if left > 0 then pause = math.min(pause, math.max(FIRST_PAUSE, left / 2)) end
  self.attempt_at = scheduler.now() + pause * (0.5 + math.random() / 2)
end

-- What AWS has refused is used again: at once where it cannot expire, else after its pause.
function Refresher:take_back()
  local lasting = self.keys and not self.keys.token and not self.keys.expires
  if self.rejected and (lasting or scheduler.now() >= self.usable_at) then self.rejected = false end
end

-- The source has none newer yet: that is usual shortly before the end, and no reason to ask later
-- next time. After the end they are taken once more.
function Refresher:found_same(found)
  self:take_back()
  if not self.rejected and self:stage() == "gone" then self:adopt(found) end
  self:miss(("AWS refused the credentials of %s, and no newer ones are available"):format(
    found.source))
  if self.rejected then self.attempt_at = math.min(self.attempt_at, self.usable_at) end
end

function Refresher:load_once()
  local found, err = self.load()
  if found and keys.same(found, self.keys) then return self:found_same(found) end
  if found then
    self.misses, self.attempt_at = 0, 0
    return self:adopt(found)
  end
  self:miss(err)
  self:take_back()
  if self.keys and self.warn then
    self.warn("could not refresh the AWS credentials: " .. err)
  end
end

-- The task that loads, a new one unless it is too early for that. The pause begins with the
-- attempt, so that even one that raises is not followed by another at once.
function Refresher:refresh()
  if self.task and not self.task:ended() then return self.task end
  if scheduler.now() < self.attempt_at then return nil end
  self.attempt_at = scheduler.now() + FIRST_PAUSE
  self.task = scheduler.spawn(function() self:load_once() end)
  return self.task
end

--- The credentials to sign with now. To be called in a task.
---@return watchbot.aws.Keys? keys
---@return string? err which never holds a secret
---@return string? code "NoCredentials"
function Refresher:get()
  local stage = self:stage()
  if stage == "fresh" then return self.keys end
  local task = self:refresh()
  if task and stage ~= "ageing" then
    local ok, raised = task:join(stage == "late" and self.patience or nil)
    if ok == false then error(raised, 0) end
  end
  if self:stage() ~= "gone" then return self.keys end
  return nil, "no AWS credentials: "
    .. (self.problem or "an earlier attempt broke off"), "NoCredentials"
end

--- AWS says that the credentials have expired, or that it does not know them: the next `get` loads
--- them again.
---@param used watchbot.aws.Keys? the ones it said it of; nothing happens when these have been
--- replaced meanwhile
function Refresher:expire(used)
  if self.rejected or not self.keys or used and not keys.same(used, self.keys) then return end
  self.rejections = self.rejections + 1
  self.usable_at = scheduler.now()
    + math.min(LAST_PAUSE, FIRST_PAUSE * 2 ^ math.min(self.rejections - 1, 10))
  self.rejected, self.attempt_at = true, 0
end

return refresher
