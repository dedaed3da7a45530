--- watcher.reach: the first contact of a watcher with its queue. A service that exits because its
-- queue is unreachable for a moment would be restarted again and again: so it waits, and retries
-- with growing pauses. Permanent errors (a queue that does not exist, a wrong permission or
-- credential) are reported at once.

local retry = require "watchbot.aws.retry"
local scheduler = require "watchbot.scheduler"

-- Seconds between two tries, doubled from the first to the last, and between two lines of the log.
local FIRST_PAUSE, LONGEST_PAUSE, TOLD_EVERY = 1, 30, 60

local reach = {}

--- Whether the queue may be used.
---@param queue table
---@return true? ok
---@return string? err
---@return string? code
---@return boolean? passing the failure may be temporary
function reach.check(queue)
  if not queue.check then return true end
  local ok, err, code = queue:check()
  if ok then return true end
  return nil, err, code, retry.is_passing(code)
end

---@class watchbot.ReachOptions
---@field queue table which could not be reached
---@field journal watchbot.Journal
---@field ended watchbot.Event is set when the watcher is to end
---@field err string why it could not be reached
---@field code string

local function tell(options, seconds)
  options.journal:error(nil, "error", "the queue cannot be reached, trying again: " .. options.err,
    "code", options.code, "where", "start", "seconds", seconds)
end

--- Asks again until the queue answers. Waits in a task.
---@param options watchbot.ReachOptions
---@return true? ok
---@return string? err nil: the watcher is to end
---@return string? code
function reach.wait(options)
  local pause, told, began = FIRST_PAUSE, -math.huge, scheduler.now()
  while true do
    local now = scheduler.now()
    if now - told >= TOLD_EVERY then
      tell(options, (now - began) // 1)
      told = now
    end
    if options.ended:wait(pause * (0.5 + math.random() / 2)) then return nil end
    local ok, err, code, passing = reach.check(options.queue)
    if ok then break end
    if not passing then return nil, err, code end
    options.err, options.code, pause = err, code, math.min(pause * 2, LONGEST_PAUSE)
  end
  options.journal:info(nil, "event", "the queue answers", "seconds",
    (scheduler.now() - began) // 1)
  return true
end

return reach
