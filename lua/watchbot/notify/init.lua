--- notify: calls the policy to send a notification, with a time limit. A notification that fails is
-- logged and does not change the outcome of its job.

local scheduler = require "watchbot.scheduler"

-- Seconds: `reject` notifies before it deletes, while heartbeats continue; a notification that
-- takes longer is given up.
local LIMIT = 30

-- Seconds for the held-back summary at the end: a hanging topic must not delay the exit.
local LAST_LIMIT = 5

---@class watchbot.Notices
---@field counts table<string, integer> notifications by what has become of them: `sent`, `held`
--- back for a summary, `failed`
local Notices = {}
Notices.__index = Notices

local notices = {}

---@param hooks watchbot.HookCaller
---@param journal watchbot.Journal
---@return watchbot.Notices
function notices.new(hooks, journal)
  return setmetatable({
    hooks = hooks, journal = journal, counts = { sent = 0, held = 0, failed = 0 },
  }, Notices)
end

-- Runs `body(...) -> ok?, err, code` within a time limit; logs its error.
-- => ok, its further results
function Notices:within(limit, id, body, ...)
  local task = scheduler.spawn(body, ...)
  local joined, ok, err, code = task:join(limit)
  if joined == nil then
    ok, err, code = nil, ("gave up after %d s"):format(limit), "Timeout"
    task:abort(err)
  elseif not joined then
    ok, err = nil, tostring(ok)
  end
  if ok or not err then return ok ~= false, err end
  self.journal:warning(id, "error", "no notification was sent: " .. err, "code", code, "where",
    "notify")
  return false
end

-- Without a topic, and with the default hook, there is no notification.
function Notices:count(ok, held)
  if not self.hooks.policy.topic and not self.hooks:is_set "notify" then return end
  local what = not ok and "failed" or held == "held" and "held" or "sent"
  self.counts[what] = self.counts[what] + 1
end

--- Sends a notification of a failed job.
---@param id string
---@param job watchbot.Job
---@param outcome "reject"|"retry"
---@param exit watchbot.Exit
function Notices:send(id, job, outcome, exit)
  self:count(self:within(LIMIT, id, function()
    local ok, sent, err, code = self.hooks:call("notify", job, outcome, exit)
    if not ok then return false end -- logged already
    return sent, err, code
  end))
end

--- Sends the summary that a policy's limit of notifications has held back.
---@param policy table
function Notices:flush(policy)
  self:within(LAST_LIMIT, nil, policy.flush_notifications, policy)
end

return notices
