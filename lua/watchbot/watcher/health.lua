--- health: writes and reads the file with a watcher's health. It answers two questions: is it alive
-- (its loop runs; if not, it should be replaced), and is it ready (the queue responds; an outage of
-- the queue must not kill running jobs).
--
--     2026-11-28T03:00:00.000Z alive 000000012345.678       -- now
--     2026-11-28T02:59:53.000Z answered 000000012338.678    -- the queue's last answer
--     2026-11-28T03:00:00.000Z ready 000000012345.678       -- when the watcher was ready last
--
-- or "never". The numbers are seconds since the machine's boot, which are independent of its
-- clock.

local core = require "watchbot.core".file
local opened = require "watchbot.lib.opened"
local scheduler = require "watchbot.scheduler"

---@class watchbot.Health
local Health = {}
Health.__index = Health

local health = {}

---@param path string the health file
---@param readiness watchbot.Readiness
---@return watchbot.Health
function health.new(path, readiness)
  return setmetatable({ path = path, readiness = readiness, ready = nil }, Health)
end

-- What was so at a boottime; nil: never.
local function line(word, at, now)
  if not at then return ("%s %s never\n"):format(scheduler.iso_date(0), word) end
  local milliseconds = scheduler.time() - math.floor((now - at) * 1000)
  return ("%s %s %015.3f\n"):format(scheduler.iso_date(milliseconds), word, at)
end

--- Writes a regular file that belongs to this user, never through a link.
---@return true? ok
---@return string? err
---@return string? code "Refused"
function Health:write()
  local now, readiness = scheduler.boottime(), self.readiness
  if readiness:is_ready() then self.ready = now end
  return core.refresh(self.path, line("alive", now, now)
    .. line("answered", readiness:answered(), now) .. line("ready", self.ready, now))
end

--- The age of the file's content.
---@param path string
---@param word "alive"|"answered"|"ready"
---@return number? seconds; math.huge: never
---@return string? err
---@return string? code "NotHealth"
function health.age(path, word)
  -- Opening a pipe would block.
  local status = core.status(path)
  if status and not status.regular and not status.link then
    return nil, ("'%s' is not a health file of watchbot"):format(path), "NotHealth"
  end
  local file <close>, err = opened(path)
  if not file then return nil, "no watcher has written the health file: " .. err, "ENOENT" end
  local text = file:read(4096) or ""
  local seconds = text:match("%f[%w]" .. word .. " ([%d.]+)\n")
  if seconds then
    local age = scheduler.boottime() - tonumber(seconds)
    -- The machine was restarted since.
    return age >= -1 and math.max(0, age) or math.huge
  end
  if text:match(word .. " never\n") then return math.huge end
  return nil, ("'%s' is not a health file of watchbot"):format(path), "NotHealth"
end

return health
