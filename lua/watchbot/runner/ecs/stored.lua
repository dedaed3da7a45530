--- runner.ecs.stored: the RunTask call for a message that its overrides cannot hold: the message is
-- stored in S3 (watchbot.overflow), and the task gets where it is, and a URL that needs no
-- credentials. The URL is made for each start, and for the time that the task may have.

local job = require "watchbot.message.job"
local request = require "watchbot.runner.ecs.request"
local retry = require "watchbot.aws.retry"

-- Seconds of a URL for a task without a time limit: S3's longest.
local UNLIMITED = 7 * 86400

-- The message does not fit, or its bytes are not those of an environment variable.
local UNFIT = { TooBig = true, InvalidMessage = true }

---@class watchbot.ecs.Stored
local Stored = {}
Stored.__index = Stored

local stored = {}

---@param journal watchbot.Journal
---@param queue string URL
---@return watchbot.ecs.Stored
function stored.new(journal, queue)
  return setmetatable({ journal = journal, queue = queue, stores = {} }, Stored)
end

function Stored:store(url)
  local err, code
  if not self.stores[url] then
    self.stores[url], err, code = require "watchbot.overflow".open(url, {
      near = self.queue, warn = function(text) self.journal:warning(nil, "warning", text) end,
    })
  end
  return self.stores[url], err, code
end

-- Where the message is; it is stored once, however often its task is tried.
local function place_of(store, one)
  local at = job.body_at(one) or job.stored_at(one)
  if at and store:covers(at) then return at end
  local err, code
  at, err, code = store:put_task(one.id, one.message)
  if at then job.store(one, at) end
  return at, err, code
end

-- A task that waits for capacity must find its URL valid, too.
local function seconds_of(policy)
  if policy.timeout <= 0 then return UNLIMITED end
  return policy.pending_timeout + policy.timeout
end

-- The variables without the message, and with where it is.
local function variables_of(variables, one, at, url)
  local all = {}
  for name, value in pairs(variables) do all[name] = value end
  if all.Message == one.message then all.Message = nil end
  all.MessageBucket, all.MessageKey, all.MessageUrl = at.bucket, at.key, url
  return all
end

-- A failure that passes holds the job; any other is the policy's: its bucket, or a permission.
local function failed(err, code)
  return nil, err, retry.is_passing(code) and "NoRoom" or code
end

function Stored:elsewhere(one, variables, policy)
  local store, err, code = self:store(policy.overflow)
  if not store then return nil, err, code end
  local at, url
  at, err, code = place_of(store, one)
  if not at then return failed(err, code) end
  url, err, code = store:presign(at, seconds_of(policy))
  if not url then return failed(err, code) end
  return variables_of(variables, one, at, url)
end

--- The parameters of RunTask, as of runner.ecs.request. Waits if the message has to be stored.
---@param task watchbot.ecs.Task
---@param one watchbot.Job
---@param variables table<string, string>
---@param identity { stack: string, container: string }
---@param policy watchbot.Policy
---@return table? parameters
---@return string? err
---@return string? code
---@return string|false|nil left the variables that had no room
function Stored:build(task, one, variables, identity, policy)
  identity.overflow = policy.overflow ~= nil
  local parameters, err, code, left = request.build(task, one, variables, identity)
  if parameters or not identity.overflow or not UNFIT[code] then
    return parameters, err, code, left
  end
  variables, err, code = self:elsewhere(one, variables, policy)
  if not variables then return nil, err, code end
  identity.overflow, identity.stored = nil, true
  return request.build(task, one, variables, identity)
end

return stored
