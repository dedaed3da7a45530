--- protection: keeps ECS from stopping a task that is busy, when a service scales in. Best effort: what fails is logged once.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html

local json = require "watchbot.lib.json"
local http = require "watchbot.http"
local scheduler = require "watchbot.scheduler"

-- Minutes for which protection is asked, and seconds after which it is asked for again while the watcher stays busy: sooner
-- when the last try has failed.
local MINUTES, RENEWAL, RETRY = 60, 30 * 60, 60

-- Seconds without a job before the watcher counts as idle: a trickle of short jobs is not two calls a job.
local IDLE_AFTER = 5

-- Seconds that the agent may take to answer; at the end something may be waiting to KILL us.
local PATIENCE, LAST_PATIENCE = 10, 2

---@class watchbot.Protection
local Protection = {}
Protection.__index = Protection

local protection = {}

---@param journal watchbot.Journal
---@param uri string? of the ECS agent; default: $ECS_AGENT_URI
---@param times { idle: number?, renewal: number?, retry: number? }? seconds, where they are not to be the usual
---@return watchbot.Protection? none outside of ECS
function protection.new(journal, uri, times)
  uri = uri or os.getenv "ECS_AGENT_URI"
  if not uri or uri == "" then return nil end
  times = times or {}
  return setmetatable({
    url = uri .. "/task-protection/v1/state", journal = journal, busy = false, protected = false, changed = scheduler.event(),
    idle = times.idle or IDLE_AFTER, renewal = times.renewal or RENEWAL, retry = times.retry or RETRY,
  }, Protection)
end

function Protection:complain(why)
  if self.complained then return end
  self.complained = true
  self.journal:warning(nil, "warning", "could not set the task's scale-in protection: " .. why)
end

-- The agent answers { protection }, or { failure: { Reason } }, or { error: { Message } }.
local function problem_of(response)
  local answer = json.decode(response.body, true)
  if type(answer) ~= "table" then return ("status %d"):format(response.status) end
  if type(answer.failure) == "table" then return tostring(answer.failure.Reason) end
  if type(answer.error) == "table" then return tostring(answer.error.Message) end
  return response.status // 100 ~= 2 and ("status %d"):format(response.status) or nil
end

-- What was asked for counts as done before the answer: one that never comes may have been applied.
function Protection:put(enabled, patience)
  self.protected = enabled or self.protected
  local response, message = http.request {
    method = "PUT", url = self.url, headers = { ["Content-Type"] = "application/json" }, timeout = patience, direct = true,
    body = enabled and ('{"ProtectionEnabled":true,"ExpiresInMinutes":%d}'):format(MINUTES) or '{"ProtectionEnabled":false}',
  }
  local problem = message
  if response then problem = problem_of(response) end
  if problem then self:complain(problem) end
  self.protected = enabled
  return not problem
end

--- Asks for protection, if it is time to.
function Protection:renew()
  local now = scheduler.now()
  if self.protected and now < self.due then return end
  self.due = now + (self:put(true, PATIENCE) and self.renewal or self.retry)
end

--- Brings the agent's state to ours, until both say idle.
function Protection:follow()
  while self.busy or self.protected do
    self.changed:clear()
    if self.busy then
      self:renew()
      self.changed:wait(math.max(0, self.due - scheduler.now()))
    elseif not self.changed:wait(self.idle) then
      self:put(false, PATIENCE)
    end
  end
  self.task = nil
end

--- The watcher has jobs, or none.
---@param busy boolean
function Protection:set(busy)
  if busy == self.busy then return end
  self.busy = busy
  self.changed:set()
  if busy and not self.task then self.task = scheduler.spawn(self.follow, self) end
end

--- The end: gives the protection back now.
function Protection:close()
  self.busy = false
  if self.task then
    self.task:cancel "the watcher ends"
    self.task:join()
    self.task = nil
  end
  if self.protected then self:put(false, LAST_PATIENCE) end
end

return protection
