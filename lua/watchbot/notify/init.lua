--- notify: has the policy send a notification, within a bound of time. A notification that fails is
-- logged and changes nothing about the outcome of its job.

local scheduler = require "watchbot.scheduler"

-- Seconds: `reject` notifies before it deletes, with heartbeats going on meanwhile; what takes
-- longer is given up.
local LIMIT = 30

-- Seconds for what was held back, at the end: a topic that hangs must not hold up the exit.
local LAST_LIMIT = 5

---@class watchbot.Notices
local Notices = {}
Notices.__index = Notices

local notices = {}

---@param hooks watchbot.HookCaller
---@param journal watchbot.Journal
---@return watchbot.Notices
function notices.new(hooks, journal)
  return setmetatable({ hooks = hooks, journal = journal }, Notices)
end

-- Runs `body(...) -> ok?, err, code` within a limit; logs why it did not work.
function Notices:within(limit, id, body, ...)
  local task = scheduler.spawn(body, ...)
  local joined, ok, err, code = task:join(limit)
  if joined == nil then
    ok, err, code = nil, ("gave up after %d s"):format(limit), "Timeout"
    task:abort(err)
  elseif not joined then
    ok, err = nil, tostring(ok)
  end
  if ok or not err then return end
  self.journal:warning(id, "error", "no notification was sent: " .. err, "code", code, "where",
    "notify")
end

--- Tells of a job that has failed.
---@param id string
---@param job watchbot.Job
---@param outcome "reject"|"retry"
---@param exit watchbot.Exit
function Notices:send(id, job, outcome, exit)
  self:within(LIMIT, id, function()
    local ok, sent, err, code = self.hooks:call("notify", job, outcome, exit)
    if not ok then return true end -- logged already
    return sent, err, code
  end)
end

--- Sends what a policy's limit of notifications has held back.
---@param policy table
function Notices:flush(policy)
  self:within(LAST_LIMIT, nil, policy.flush_notifications, policy)
end

return notices
