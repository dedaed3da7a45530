--- watcher.payloads: bodies of messages in S3, over the life of a job. A message that is a pointer
-- is opened before its hooks see it; what was stored for one message is deleted after the message,
-- never before, and kept while the message is a dead letter. Sits on watchbot.overflow, which is
-- loaded by the first message that needs it.

local job = require "watchbot.message.job"
local own = require "watchbot.lib.own"
local pointer = require "watchbot.overflow.pointer"

-- AWS modules are loaded only when they are needed.
local function retry() return require "watchbot.aws.retry" end
local function overflow() return require "watchbot.overflow" end

-- Seconds after which an object of one message is written again.
local OLD = 86400

---@class watchbot.Payloads
---@field hooks watchbot.HookCaller
---@field journal watchbot.Journal
---@field queue string URL
local Payloads = {}
Payloads.__index = Payloads

local payloads = {}

---@param hooks watchbot.HookCaller
---@param journal watchbot.Journal
---@param queue string URL
---@return watchbot.Payloads
function payloads.new(hooks, journal, queue)
  return own({ hooks = hooks, journal = journal, queue = queue, stores = {} }, Payloads)
end

-- The folder of the present policy; a reload may name another one.
function Payloads:store()
  local url = self.hooks.policy.overflow
  if not url then return nil end
  local err, code
  if not self.stores[url] then
    self.stores[url], err, code = overflow().open(url, {
      near = self.queue, warn = function(text) self.journal:warning(nil, "warning", text) end,
    })
  end
  return self.stores[url], err, code
end

-- The message itself is at fault: whatever the policy is, its body cannot be fetched.
local function unreadable(err)
  return { reason = err, duration = 0, cause = "unreadable" }
end

-- No body: the exit of a job that was not started.
local function not_read(err, code)
  if code == "NoSuchKey" then return unreadable("the body of the message is gone: " .. err) end
  if code == "TooLarge" then return unreadable("the body of the message is too big: " .. err) end
  local passing = retry().is_passing(code)
  return {
    reason = "the body of the message was not read: " .. tostring(err), error = code, duration = 0,
    unplaced = passing or nil, not_started = not passing or nil,
  }
end

-- Without a folder, a pointer is a message like any other: its task may be able to read it.
function Payloads:pass(entry)
  if self.said then return end
  self.said = true
  self.journal:warning(entry.id, "warning", "the message is a pointer to its body in S3, and the "
    .. "policy has no 'overflow': tasks get the pointer")
end

-- The bucket's lifecycle counts from the last write. A dead letter that was replayed, and dies
-- again, may be older than any message.
function Payloads:renew(entry, store, at, body)
  local ok, err, code = store:put(at, body)
  if ok then return end
  self.journal:warning(entry.id, "error", err, "code", code, "where", "overflow")
end

-- Other libraries may count otherwise: only what watchbot has stored is compared.
local function changed(store, at, attributes, body)
  local bytes = store:wrote(at) and pointer.bytes(attributes)
  if not bytes or bytes == #body then return nil end
  return unreadable(("the body of the message has changed: s3://%s/%s has %d bytes, and %d were "
    .. "stored"):format(at.bucket, at.key, #body, bytes))
end

function Payloads:read(entry, store, at)
  if not store:covers(at) then
    return unreadable(("the body of the message is at s3://%s/%s, outside of 'overflow' (%s)")
      :format(at.bucket, at.key, store.url))
  end
  local body, err, code, age = store:get(at)
  if not body then return not_read(err, code) end
  local problem = changed(store, at, entry.job.attributes, body)
  if problem then return problem end
  if age and age > OLD and store:owns(at) then self:renew(entry, store, at, body) end
  pointer.strip(entry.job.attributes)
  job.open(entry.job, body, at)
end

--- Opens a message that is a pointer. Waits.
---@param entry watchbot.JobEntry
---@return watchbot.Exit? exit if the message cannot run
function Payloads:open(entry)
  local one = entry.job
  if not pointer.is_marked(one.attributes) then return nil end
  local at = pointer.read(one.message, one.attributes)
  if not at then return nil end
  local store, err, code = self:store()
  if err then return not_read(err, code) end
  if not store then return self:pass(entry) end
  return self:read(entry, store, at)
end

-- The objects that end with a message: its body, and what was stored for its task, maybe by another
-- watcher. A delete of an object that does not exist is free.
local function objects_of(entry, store, policy)
  local at, found = job.body_at(entry.job), {}
  if at and store:owns(at) then found[1] = at end
  local by_another = entry.message.deliveries or entry.message.receives
  if job.stored_at(entry.job) or policy.task and by_another > 1 then
    found[#found + 1] = store:task_at(entry.id)
  end
  return found
end

--- Deletes what was stored for a message that has been deleted. A failure is logged: the bucket's
--- lifecycle deletes the object in the end.
---@param entry watchbot.JobEntry
function Payloads:forget(entry)
  local policy = self.hooks.policy
  if not policy.overflow then return end
  local store = self:store()
  for _, at in ipairs(store and objects_of(entry, store, policy) or {}) do
    local ok, err, code = store:delete(at)
    if not ok then
      self.journal:warning(entry.id, "error", err, "code", code, "where", "overflow")
    end
  end
end

return payloads
