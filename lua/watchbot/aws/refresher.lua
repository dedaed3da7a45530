--- refresher: keeps credentials up to date for all clients that share them. Sits on the scheduler
--- and on one function that loads credentials.
-- Near their expiry one task loads them again in the background; calls wait for it only in the last
-- minute. While loading fails, the old ones are used until they expire. Times are wall-clock times,
-- like the expiry. Credentials that AWS refuses are loaded again at once: the source may have
-- others by now. If it does not, keys that cannot expire stay in use (otherwise one odd response
-- would stop the work permanently), and temporary ones are used again after a pause.

local scheduler = require "watchbot.scheduler"

local keys = require "watchbot.aws.keys"
local retry = require "watchbot.aws.retry"

-- Seconds before the expiry: at the first limit a background refresh starts, at the second calls
-- wait for it. Credentials with a short lifetime have smaller limits.
local ADVISORY, MANDATORY = 300, 60

-- Credentials that were just loaded are used for at least this long, even if they seem to have
-- expired: the clock of this machine may be wrong, and a metadata service in trouble returns old
-- credentials that AWS still accepts.
local LEAST_LIFE = 60

-- The longest time in seconds that a call waits for a refresh while old credentials can be used.
local PATIENCE = 5

-- Seconds between failing attempts, doubled from the first to the second number, but never longer
-- than half of the old credentials' remaining time.
local FIRST_PAUSE, LAST_PAUSE = 1, 30

---@class watchbot.aws.Refresher
local Refresher = {}
Refresher.__index = Refresher

local refresher = {}

---@param load fun(): watchbot.aws.Keys?, string?, string? may wait
---@param options { warn: fun(message: string)?, time: fun(): number? }? `warn` is called when a
--- refresh fails; `time` returns seconds since the epoch, for tests
---@return watchbot.aws.Refresher
function refresher.new(load, options)
  options = options or {}
  return setmetatable({ load = load, warn = options.warn, patience = PATIENCE, misses = 0,
    attempt_at = 0, rejections = 0,
    time = options.time or function() return scheduler.time() / 1000 end }, Refresher)
end

-- "fresh": use them; "ageing": use them and load; "late": load, then use what is available; "gone":
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

function Refresher:miss(err, code)
  self.problem, self.passing = err, retry.is_passing(code)
  self.misses = self.misses + 1
  local pause = math.min(LAST_PAUSE, FIRST_PAUSE * 2 ^ math.min(self.misses - 1, 10))
  local left = self.deadline and self.deadline - self.time() or 0
  if left > 0 then pause = math.min(pause, math.max(FIRST_PAUSE, left / 2)) end
  self.attempt_at = scheduler.now() + pause * (0.5 + math.random() / 2)
end

-- Uses refused credentials again: at once if they cannot expire, otherwise after their pause.
function Refresher:take_back()
  local lasting = self.keys and not self.keys.token and not self.keys.expires
  if self.rejected and (lasting or scheduler.now() >= self.usable_at) then self.rejected = false end
end

-- The source has no newer ones yet: that is usual shortly before the expiry, and does not lengthen
-- the next pause. After the expiry they are used once more.
function Refresher:found_same(found)
  self:take_back()
  if not self.rejected and self:stage() == "gone" then self:adopt(found) end
  self:miss(("AWS refused the credentials of %s, and no newer ones are available"):format(
    found.source))
  if self.rejected then self.attempt_at = math.min(self.attempt_at, self.usable_at) end
end

function Refresher:load_once()
  local found, err, code = self.load()
  if found and keys.same(found, self.keys) then return self:found_same(found) end
  if found then
    self.misses, self.attempt_at = 0, 0
    return self:adopt(found)
  end
  self:miss(err, code)
  self:take_back()
  if self.keys and self.warn then
    self.warn("could not refresh the AWS credentials: " .. err)
  end
end

-- The task that loads; a new one unless it is too early for that. The pause starts with the
-- attempt, so that an attempt that raises an error is not repeated at once.
function Refresher:refresh()
  if self.task and not self.task:ended() then return self.task end
  if scheduler.now() < self.attempt_at then return nil end
  self.attempt_at = scheduler.now() + FIRST_PAUSE
  self.task = scheduler.spawn(function() self:load_once() end)
  return self.task
end

--- The credentials to sign with now. Must be called in a task.
---@return watchbot.aws.Keys? keys
---@return string? err which never contains a secret
---@return string? code "NoCredentials"; "CredentialsUnavailable": their source does not answer
function Refresher:get()
  local stage = self:stage()
  if stage == "fresh" then return self.keys end
  local task = self:refresh()
  if task and stage ~= "ageing" then
    local ok, raised = task:join(stage == "late" and self.patience or nil)
    if ok == false then error(raised, 0) end
  end
  if self:stage() ~= "gone" then return self.keys end
  return nil, "no AWS credentials: " .. (self.problem or "an earlier attempt broke off"),
    self.passing and "CredentialsUnavailable" or "NoCredentials"
end

--- Reports that AWS considers the credentials expired or unknown: the next `get` loads them again.
---@param used watchbot.aws.Keys? the refused credentials; if they have been replaced by now,
--- nothing
--- happens
function Refresher:expire(used)
  if self.rejected or not self.keys or used and not keys.same(used, self.keys) then return end
  self.rejections = self.rejections + 1
  self.usable_at = scheduler.now()
    + math.min(LAST_PAUSE, FIRST_PAUSE * 2 ^ math.min(self.rejections - 1, 10))
  self.rejected, self.attempt_at = true, 0
end

return refresher
