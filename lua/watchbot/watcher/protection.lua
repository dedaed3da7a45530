--- watcher.protection: prevents ECS from stopping a task that runs jobs when its service scales in.
-- Protection delays deployments as well: a deployment waits for protected tasks, and CloudFormation
-- rolls back after three hours. So it is removed whenever no job runs, and set before the next one
-- starts; and a task that a deployment has replaced drains. Best effort: a failure is logged once,
-- and the jobs run unprotected.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/
-- task-scale-in-protection-endpoint.html

local json = require "watchbot.lib.json"
local http = require "watchbot.http"
local scheduler = require "watchbot.scheduler"

-- Minutes of protection to request.
local MINUTES = 60

-- Timeout of the agent in seconds; at the end of the watcher a KILL may follow soon.
local PATIENCE, LAST_PATIENCE = 5, 2

-- The agent's errors while protected tasks delay a deployment.
-- https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
local BLOCKED = "DEPLOYMENT_BLOCKED"

---@class watchbot.Protection
---@field resting boolean no more messages are received until the protection is removed
local Protection = {}
Protection.__index = Protection

-- Seconds. A stream of short jobs must not cause two calls for each job: ECS limits their rate.
local protection = { times = {
  idle = 1,          -- without a job before protection is removed,
  keep = 10,         -- and since it was set;
  long = 60,         -- after this long, the first moment without a job is enough
  renewal = 30 * 60, -- set again while jobs run,
  retry = 60,        -- sooner if the last attempt has failed
  check = 60,        -- between two checks whether a deployment has replaced the task
} }

---@class watchbot.ProtectionOptions
---@field uri string? of the ECS agent; default: $ECS_AGENT_URI
---@field limit fun(): number seconds that protection is kept while ECS does not confirm that the
--- task stays
---@field deployment watchbot.Deployment? whether a deployment has replaced the task
---@field retire fun(reason: string) drains the watcher, without a limit on running jobs
---@field supervise fun(body: function, ...: any): watchbot.Supervised starts a long-running task
---@field changed fun() jobs may start, or messages be received
---@field times table<string, number>? seconds that replace the defaults

---@param journal watchbot.Journal
---@param options watchbot.ProtectionOptions
---@return watchbot.Protection? protection nil outside of ECS
function protection.new(journal, options)
  local uri = options.uri or os.getenv "ECS_AGENT_URI"
  if not uri or uri == "" then return nil end
  return setmetatable({
    url = uri .. "/task-protection/v1/state", journal = journal, options = options,
    times = setmetatable(options.times or {}, { __index = protection.times }),
    busy = false, protected = false, answered = false, resting = false,
    changed = scheduler.event(), complained = {},
  }, Protection)
end

-- Each kind of failure is logged once.
function Protection:complain(what, err)
  if self.complained[what] then return end
  self.complained[what] = true
  self.journal:warning(nil, "warning", what .. ": " .. err)
end

-- The agent responds with { protection }, { failure: { Reason } } or { error: { Message } }.
local function problem_of(response)
  local answer = json.decode(response.body, true)
  if type(answer) ~= "table" then return ("status %d"):format(response.status) end
  if type(answer.failure) == "table" then return tostring(answer.failure.Reason) end
  if type(answer.error) == "table" then return tostring(answer.error.Message) end
  return response.status // 100 ~= 2 and ("status %d"):format(response.status) or nil
end

-- A request counts as applied before its response: one without a response may have been applied.
function Protection:put(enabled, patience)
  self.protected = enabled or self.protected
  local response, err = http.request {
    method = "PUT", url = self.url, headers = { ["Content-Type"] = "application/json" },
    timeout = patience, direct = true,
    body = enabled and ('{"ProtectionEnabled":true,"ExpiresInMinutes":%d}'):format(MINUTES)
      or '{"ProtectionEnabled":false}',
  }
  if response then err = problem_of(response) end
  self.protected = enabled
  if not err then return true end
  self:complain("could not set the task's scale-in protection", err)
  return false, err
end

-- Requests protection. A task that is refused because of a deployment should end.
function Protection:ask()
  local now = scheduler.now()
  if not self.since then self.since, self.check_at = now, now + self.times.check end
  local ok, err = self:put(true, PATIENCE)
  self.due = scheduler.now() + (ok and self.times.renewal or self.times.retry)
  if err == BLOCKED then
    self.options.retire "ECS refused scale-in protection: a deployment is waiting"
  end
  self.answered = true
  self.options.changed()
end

function Protection:release()
  -- A job that arrives meanwhile has to wait for the next response.
  self.answered = false
  self:put(false, PATIENCE)
  self.since, self.resting = nil, false
  self.options.changed()
end

-- Whether a deployment has replaced the task. While ECS does not respond, protection has a time
-- limit.
function Protection:check()
  local deployment, now = self.options.deployment, scheduler.now()
  self.check_at = now + self.times.check
  local state, err = "unknown", nil
  if deployment then state, err = deployment:state() end
  if state == "replaced" then
    return self.options.retire "a deployment has replaced this task"
  elseif state == "current" then
    self.known_at = now
    return
  elseif err then
    self:complain("could not ask whether a deployment has replaced this task", err)
  end
  if now - math.max(self.since, self.known_at or 0) < self.options.limit() or self.resting then
    return
  end
  self.resting = true
  self.journal:info(nil, "event", "giving scale-in protection back when no job runs",
    "seconds", math.floor(now - self.since))
end

-- Seconds without a job after which protection is removed.
function Protection:delay()
  local held = scheduler.now() - self.since
  if held >= self.times.long or self.resting then return 0 end
  return math.max(self.times.idle, self.times.keep - held)
end

-- One step while jobs run: due requests, then a wait for the next.
function Protection:guard()
  local now = scheduler.now()
  if not self.protected or now >= self.due then return self:ask() end
  if now >= self.check_at then return self:check() end
  self.changed:wait(math.max(0, math.min(self.due, self.check_at) - now))
end

--- Updates the agent's state to match, until both are idle.
function Protection:follow()
  while self.busy or self.protected do
    self.changed:clear()
    if self.busy then
      self:guard()
    elseif not self.changed:wait(self:delay()) then
      self:release()
    end
  end
  self.task = nil
end

--- Jobs run or are about to, or none are.
---@param busy boolean
function Protection:set(busy)
  if busy == self.busy then return end
  self.busy = busy
  self.changed:set()
  if busy and not self.task then self.task = self.options.supervise(self.follow, self) end
end

--- Whether jobs may start: the request for protection has a response, yes or no.
---@return boolean
function Protection:ready()
  return self.answered
end

--- The end: removes the protection now.
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
